package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/fixtures"

	"github.com/google/go-cmp/cmp"
)

// TestSoakDays has a host update once a day for years. The providers begin with policies that real ones have published;
// from day to day they add, remove, split, merge, renumber and move networks, fail for days, and have hostile days. The
// host's administrator accepts what is held and right after some days, and nothing else.
//
// Every day each source comes out as the rules say for what was published that day and what was good before; the list is
// that of the last good states; what is held or stale is told of with its cause; and neither memory nor files grow. In the
// end all is as it is published.
func TestSoakDays(t *testing.T) {
	t.Parallel()
	random := fixtures.Random(t)
	world := newWorld(t)
	var names []string
	for _, p := range world {
		names = append(names, p.name)
	}
	h := newHost(t, names...)
	server := fixtures.DNS(t)
	days := fixtures.Rounds(15, 1000)
	tally := map[string]int{}
	var files []string
	var sizes, memory []int64
	for day := range days + 1 {
		last, silent, zone := day == days, false, ""
		var accept []string
		for i, p := range world {
			if day > 0 {
				p.pass(random, last)
			}
			silent = silent || p.today.fault == fixtures.Drop
			zone += p.zone()
			if why := beyond(h.sources[i].good, p.truth(t)); p.today.name == "" && why != "" && (last || p.patience() == 0) {
				accept = append(accept, "--accept", p.name)
				tally["accepted"]++
			}
		}
		server.Set(zone)
		for _, p := range world {
			server.Fault(p.at(), "TXT", p.today.fault)
		}
		h.configure(daysDNS(server.Addr(), silent))
		shift(h, -24*time.Hour)
		r := h.update(accept...)
		for i, p := range world {
			p.judged(h, r, i, day, slices.Contains(accept, p.name), tally)
		}
		h.consistent(r, day)
		now, size := h.footprint()
		if files == nil {
			files = now
		}
		if diff := cmp.Diff(files, now); diff != "" {
			t.Fatalf("day %d: the files are not those of the first day:\n%s", day, diff)
		}
		sizes, memory = append(sizes, size), append(memory, r.memory)
	}
	for i, p := range world {
		if !h.sources[i].good.Equal(p.truth(t)) || h.sources[i].day != days {
			t.Errorf("%s is not as published in the end", p.name)
		}
	}
	tenth := len(memory) / 10
	early, late := slices.Max(memory[:tenth+1]), slices.Max(memory[len(memory)-tenth-1:])
	if late > early*5/4 {
		t.Errorf("memory grows from %d to %d KiB", early, late)
	}
	if most := slices.Max(sizes); most > 4*sizes[0] {
		t.Errorf("files grow from %d to %d bytes", sizes[0], most)
	}
	t.Logf("%d days of %d providers: %v; at most %d KiB of memory in the first tenth, %d in the last; %d files, %d bytes on the first day, %d on the last, %d at most",
		days, len(world), tally, early, late, len(files), sizes[0], sizes[len(sizes)-1], slices.Max(sizes))
}

// daysDNS are the settings of [dns]: patient, but on a day when somebody is silent.
func daysDNS(addr string, silent bool) string {
	if silent {
		return "resolvers = [\"" + addr + "\"]\nattempts = 1\ntimeout = \"2s\""
	}
	return "resolvers = [\"" + addr + "\"]\nattempts = 1\ntimeout = \"1m\""
}

// shift moves the times in the last good state: for the program, that much time has gone by.
func shift(h *host, by time.Duration) {
	h.t.Helper()
	path := filepath.Join(h.dir, "state", lastGoodFile)
	snapshot, err := loadSnapshot(path)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range snapshot.Sources {
		snapshot.Sources[i].Time = snapshot.Sources[i].Time.Add(by)
	}
	if err := os.WriteFile(path, snapshot.Encode(), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// judged holds what became of a provider's source against what has to become of it, and takes that for known.
func (p *publisher) judged(h *host, r ran, i, day int, accepted bool, tally map[string]int) {
	h.t.Helper()
	src, told, published := h.sources[i], r.doc.Sources[i], p.truth(h.t)
	why := beyond(src.good, published)
	want, kind := allowlist.Fresh, ""
	switch {
	case p.today.unknown:
		want, kind = allowlist.Stale, "fetch"
	case p.today.held != "":
		want, kind = allowlist.Held, p.today.held
	case why != "" && !accepted:
		want, kind = allowlist.Held, why
	case why != "":
		kind = "accepted"
	case p.today.name == "private space":
		kind = "special"
	}
	tally[string(want)]++
	if p.today.name != "" {
		tally[p.today.name]++
	}
	if want == allowlist.Fresh {
		src.good, src.day = published, day
	}
	var kinds []string
	for _, problem := range told.Problems {
		kinds = append(kinds, problem.Kind)
		if !strings.Contains(r.said, `source "`+p.name+`": `+problem.Text) {
			h.t.Errorf("%s: not on stderr: %s", p.name, problem.Text)
		}
	}
	old := want != allowlist.Fresh && day-src.day > 3 // max_age is 72h
	if told.Status != want || kind != "" && !slices.Contains(kinds, kind) || old != slices.Contains(kinds, "age") && day-src.day != 3 {
		h.t.Fatalf("day %d, %s, %q: %s with %v, want %s with %q\n%s", day, p.name, p.today.name, told.Status, kinds, want, kind, r.said)
	}
}
