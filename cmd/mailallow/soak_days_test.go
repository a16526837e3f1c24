package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/guard"
	"mailallow/allowlist/spf"
	"mailallow/fixtures"
)

// TestSoakDays updates a host once a day for years. The providers begin with policies that real ones have published; from day
// to day they add, remove, split, merge, renumber and move networks, fail for days, and have hostile days. The host's
// administrator accepts a held source after some days if it is right, and does nothing else.
//
// Every day each source has the status that the rules give for the policy of that day and the last good state; the list is
// that of the last good states; a held or stale source is reported with its cause; and neither memory nor files grow. In the
// end the list is as published.
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
	days := fixtures.Rounds(10, 450) // longer than the history is kept
	tally := map[string]int{}
	var used footprint
	for day := range days + 1 {
		last, silent, zone := day == days, false, ""
		var accept []string
		for i, p := range world {
			if day > 0 {
				p.pass(random, last)
			}
			silent = silent || p.today.fault == fixtures.Drop
			zone += p.zone()
			if why := h.sources[i].beyond(t, p.truth(t), day); p.today.name == "" && why != "" && (last || p.patience() == 0) {
				accept = append(accept, "--accept", p.name)
				tally["accepted"]++
			}
		}
		server.Set(zone)
		for _, p := range world {
			server.Fault(p.name, "TXT", p.today.fault)
		}
		h.configure(daysDNS(server.Addr(), silent))
		if day > 0 {
			makeEarlier(t, filepath.Join(h.dir, "state"), 24*time.Hour)
		}
		r := h.update(accept...)
		for i, p := range world {
			p.judged(h, r, i, day, slices.Contains(accept, p.name), tally)
		}
		h.consistent(r, day)
		used.note(h, r)
	}
	for i, p := range world {
		if !h.sources[i].good.Equal(p.truth(t)) || h.sources[i].day != days {
			t.Errorf("%s is not as published in the end", p.name)
		}
	}
	t.Logf("%d days of %d providers: %v; %s", days, len(world), tally, used.judged(t))
}

// footprint is the time and memory of the runs of a host, run by run.
type footprint struct {
	files         []string
	sizes, memory []int64 // bytes of all files; the largest resident set, in KiB
}

// note wants the host to have the same files after every run, but for the parts of the history, which has bounds of its own.
func (f *footprint) note(h *soakHost, r ran) {
	h.t.Helper()
	names, size := h.files()
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "state/history/") })
	if f.files == nil {
		f.files = names
	}
	if diff := cmp.Diff(f.files, names); diff != "" {
		h.t.Fatalf("run %d: the files are not those of the first:\n%s", len(f.sizes), diff)
	}
	f.sizes, f.memory = append(f.sizes, size), append(f.memory, r.memory)
}

// judged wants the last tenth of the runs to use no more than the first, except for a list of another length.
func (f *footprint) judged(t *testing.T) string {
	tenth := len(f.memory)/10 + 1
	early, late := slices.Max(f.memory[:tenth]), slices.Max(f.memory[len(f.memory)-tenth:])
	first, most := f.sizes[0], slices.Max(f.sizes)
	if late > early*3/2 || most > 4*first {
		t.Error("memory or files grow")
	}
	return fmt.Sprintf("at most %d KiB of memory in the first tenth, %d in the last; %d files and folders, %d bytes in the first run, %d in the last, %d at most",
		early, late, len(f.files), first, f.sizes[len(f.sizes)-1], most)
}

// daysDNS gives the settings of [dns]: patient, except on a day when a server is silent.
func daysDNS(addr string, silent bool) string {
	if silent {
		return "resolvers = [\"" + addr + "\"]\nattempts = 1\ntimeout = \"2s\""
	}
	return "resolvers = [\"" + addr + "\"]\nattempts = 1\ntimeout = \"1m\""
}

// judged compares the status of a provider's source with the one that it must have, and updates the known state.
func (p *publisher) judged(h *soakHost, r ran, i, day int, accepted bool, tally map[string]int) {
	h.t.Helper()
	src, told, published := h.sources[i], r.doc.Sources[i], p.truth(h.t)
	why := src.beyond(h.t, published, day)
	want, kind := guard.Fresh, ""
	switch {
	case p.today.unknown:
		want, kind = guard.Stale, "fetch"
	case p.today.held != "":
		want, kind = guard.Held, p.today.held
	case why != "" && !accepted:
		want, kind = guard.Held, why
	case why != "":
		kind = "accepted"
	case p.today.name == "private space":
		kind = "special"
	}
	tally[string(want)]++
	if p.today.name != "" {
		tally[p.today.name]++
	}
	if want == guard.Fresh {
		src.believes(published, day, why != "")
	}
	var kinds []string
	for _, problem := range told.Problems {
		kinds = append(kinds, problem.Kind)
		text := problem.Text
		if want == guard.Fresh {
			text = `source "` + p.name + `": ` + text
		} else if spf.EndsPolicy(problem.Kind) || problem.Kind == "age" { // the message of the source names the cause and the age
			continue
		}
		if !strings.Contains(r.said, text) {
			h.t.Errorf("%s: not on stderr: %s", p.name, problem.Text)
		}
	}
	old := want != guard.Fresh && day-src.day > 3 // max_age is 72h
	if told.Status != want || kind != "" && !slices.Contains(kinds, kind) || old != slices.Contains(kinds, "age") && day-src.day != 3 {
		h.t.Fatalf("day %d, %s, %q: %s with %v, want %s with %q\n%s", day, p.name, p.today.name, told.Status, kinds, want, kind, r.said)
	}
}
