package history

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

const keep = 400 * 24 * time.Hour

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// files is a history in memory.
type files struct{ Log }

// add tells of a run, and prunes.
func (f *files) add(tb testing.TB, e Entry, after ...Installed) bool {
	tb.Helper()
	if !e.Tell(f.Last(), after) {
		return false
	}
	name, pack, err := f.Append(e, keep)
	if err != nil {
		tb.Fatal(err)
	}
	f.set(name, pack())
	for _, old := range f.Outdated(e.Time, keep) {
		f.Segments = slices.DeleteFunc(f.Segments, func(s Segment) bool { return s.Name == old })
	}
	return true
}

func (f *files) set(name string, segment []byte) {
	s := Segment{Name: name, Size: int64(len(segment)), Read: func() ([]byte, error) { return segment, nil }}
	if n := len(f.Segments); n > 0 && f.Segments[n-1].Name == name {
		f.Segments[n-1] = s
	} else {
		f.Segments = append(f.Segments, s)
	}
}

func ranges(networks ...string) (r allowlist.Ranges) {
	for _, n := range networks {
		r.Add(allowlist.Range{Prefix: netip.MustParsePrefix(n), Path: provenance.Of("mail.test", "ip:"+n)})
	}
	return r
}

func source(name string, action allowlist.Action, networks ...string) Installed {
	return Installed{Name: name, Definition: "of " + name, Action: action, Status: guard.Fresh, Ranges: ranges(networks...)}
}

func texts(l prefixes.List) (all []string) {
	for p := range l.All() {
		all = append(all, p.String())
	}
	return all
}

// told is an entry as a test compares it.
func told(e Entry) (lines []string) {
	for _, s := range e.Sources {
		came, gone := s.Networks()
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s +%v -%v", s.Name, s.Action, s.Was, s.Change, s.Status, texts(came), texts(gone)))
	}
	return lines
}

func TestEntries(t *testing.T) {
	stale := source("a", allowlist.OK, "192.0.2.0/23")
	stale.Status = guard.Stale
	edited := source("c", allowlist.Relay, "2001:db8::/33")
	edited.Definition = "another"
	renamed := edited
	renamed.Name = "d"
	ended := renamed
	ended.Ended = true
	var f files
	for i, row := range []struct {
		name  string
		after []Installed
		want  []string // nil: nothing to tell
	}{
		{"the first", []Installed{source("a", allowlist.OK, "192.0.2.0/24")}, []string{"a OK  added fresh +[192.0.2.0/24] -[]"}},
		{"nothing", []Installed{source("a", allowlist.OK, "192.0.2.128/25", "192.0.2.0/25")}, nil},
		{"one grew, one came", []Installed{source("a", allowlist.OK, "192.0.2.0/23"), source("c", allowlist.OK, "2001:db8::/32")},
			[]string{"a OK   fresh +[192.0.3.0/24] -[]", "c OK  added fresh +[2001:db8::/32] -[]"}},
		{"a status", []Installed{stale, source("c", allowlist.OK, "2001:db8::/32")}, []string{"a OK   stale +[] -[]"}},
		{"an action", []Installed{stale, source("c", allowlist.Relay, "2001:db8::/32")}, []string{"c RELAY OK  fresh +[] -[]"}},
		{"a definition", []Installed{stale, edited}, []string{"c RELAY  edited fresh +[] -[2001:db8:8000::/33]"}},
		{"a name", []Installed{stale, renamed}, []string{"d RELAY  renamed fresh +[] -[]"}},
		{"its day", []Installed{stale, ended}, []string{"d RELAY  ended fresh +[] -[2001:db8::/33]"}},
		{"still ended", []Installed{stale, ended}, nil},
		{"one is gone", []Installed{}, []string{"a OK  removed  +[] -[192.0.2.0/23]"}},
	} {
		ok := f.add(t, Entry{Command: Update, Time: start.Add(time.Duration(i) * time.Minute)}, row.after...)
		if ok != (row.want != nil) {
			t.Fatalf("%s: told %v", row.name, ok)
		}
		if !ok {
			continue
		}
		entries, problems := f.Entries(time.Time{}, func(Entry) bool { return true })
		if diff := cmp.Diff(row.want, told(entries[0])); diff != "" || len(problems) > 0 {
			t.Errorf("%s: %v\n%s", row.name, problems, diff)
		}
	}
}

// TestIDs has several entries in a second, and a clock that goes back.
func TestIDs(t *testing.T) {
	var f files
	var ids []string
	for _, at := range []time.Duration{0, 0, time.Second, 0, -time.Hour} {
		f.add(t, Entry{Command: Release, Time: start.Add(at)})
	}
	entries, _ := f.Entries(time.Time{}, func(Entry) bool { return true })
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	want := []string{"2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z.03", "2026-03-02T10:00:01Z", "2026-03-02T10:00:00Z.02", "2026-03-02T10:00:00Z"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
}

// model is the list after each run.
type model struct {
	at    time.Time
	after []Installed
}

// A reason stays as its writer wrote it, in any language and however long.
func TestReason(t *testing.T) {
	for reason, want := range map[string]string{
		"Büro,\n zieht  um": "Büro, zieht um", strings.Repeat("ж", 400): strings.Repeat("ж", 248) + "...", "Büro\x1b[31m": `Büro\x1b[31m`,
	} {
		if got := OneLine(reason); got != want {
			t.Errorf("%q: %q, want %q", reason, got, want)
		}
	}
}

// TestWalk runs random updates, and asks the history for every moment what the list was, and of addresses when they were in it.
func TestWalk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var f files
		var runs []model
		at, segments := start, 1
		for range rapid.IntRange(1, 12).Draw(rt, "runs") {
			at = at.Add(time.Duration(rapid.IntRange(1, 3).Draw(rt, "minutes")) * time.Minute)
			if rapid.IntRange(0, 5).Draw(rt, "new segment") == 0 && segments < segmentsOfAge { // else the oldest goes
				at = at.Add(keep/segmentsOfAge + 1)
				segments++
			}
			after := drawList(rt)
			f.add(t, Entry{Command: Update, Time: at}, after...)
			runs = append(runs, model{at, slices.DeleteFunc(after, func(s Installed) bool { return s.Ended })})
		}
		for i, run := range runs {
			if i+1 < len(runs) && !runs[i+1].at.Before(run.at.Add(keep/2)) {
				continue
			}
			state, problems := f.At(run.at.Add(30 * time.Second))
			if got, want := flat(state.Sources), flat(run.after); !cmp.Equal(got, want) || len(problems) > 0 || !state.Known {
				rt.Fatalf("run %d: known %v %v\n%s", i, state.Known, problems, cmp.Diff(want, got))
			}
		}
		addrs := []netip.Addr{netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::2")}
		for _, addr := range addrs {
			checkSpans(rt, f, runs, addr)
		}
	})
}

// checkSpans compares the spans of an address with allowlist.Merge after each run.
func checkSpans(t *rapid.T, f files, runs []model, addr netip.Addr) {
	spans, _ := f.Spans(addr)
	var sightings []Sighting
	var want []Cover
	for _, run := range runs {
		var labelled []allowlist.Labelled
		for _, s := range run.after {
			labelled = append(labelled, allowlist.Labelled{Source: s.Name, Action: s.Action, Ranges: s.Ranges})
		}
		e := allowlist.Merge(labelled).Lookup(addr)
		at := slices.IndexFunc(spans, func(s Span) bool { return !s.From.After(run.at) && (s.Until.IsZero() || s.Until.After(run.at)) })
		switch {
		case (e != nil) != (at >= 0):
			t.Fatalf("%s at %s: in the list %v, spans %v", addr, run.at, e != nil, spans)
		case e != nil && (spans[at].Prefix != e.Prefix || spans[at].Action != e.Action || spans[at].Source != e.Owners[0].Source):
			t.Fatalf("%s at %s: %v, want %v", addr, run.at, spans[at], e)
		}
		sightings = append(sightings, Sighting{addr, run.at})
		want = append(want, map[bool]Cover{true: CoverYes, false: CoverNo}[e != nil && e.Action != allowlist.Reject])
	}
	sightings, want = append(sightings, Sighting{addr, start}), append(want, CoverUnknown)
	slices.Reverse(sightings)
	slices.Reverse(want)
	if got, _ := f.Covered(sightings); !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", addr, got, want)
	}
}

func drawList(t *rapid.T) (list []Installed) {
	for _, name := range []string{"a", "b", "c"} {
		if rapid.IntRange(0, 4).Draw(t, "absent") == 0 {
			continue
		}
		s := Installed{Name: name, Definition: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "definition"), Status: guard.Fresh, Ended: rapid.IntRange(0, 6).Draw(t, "ended") == 0,
			Action: rapid.SampledFrom([]allowlist.Action{allowlist.OK, allowlist.Relay, allowlist.Reject, allowlist.Exclude}).Draw(t, "action")}
		for range rapid.IntRange(0, 3).Draw(t, "networks") {
			if s.Ended {
				break
			}
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(rapid.IntRange(0, 7).Draw(t, "address"))})
			bits := rapid.IntRange(29, 32).Draw(t, "bits")
			if rapid.Bool().Draw(t, "IPv6") {
				a, bits = netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", rapid.IntRange(0, 3).Draw(t, "address"))), bits+96
			}
			p := netip.PrefixFrom(a, bits).Masked()
			s.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of("list").AtLine(uint32(rapid.IntRange(1, 9).Draw(t, "line")))})
		}
		list = append(list, s)
	}
	return list
}

// flat is a list as a test compares it: sources with their fewest networks. Paths are those by which a network came in.
func flat(list []Installed) map[string][]string {
	all := map[string][]string{}
	for _, s := range list {
		all[s.Name+" "+s.Action.String()+" "+s.Definition] = append([]string{}, texts(s.Ranges.Fewest())...)
	}
	return all
}

// TestDamage breaks every byte of a segment in turn: what is told is true, or a problem.
func TestDamage(t *testing.T) {
	var f files
	f.add(t, Entry{Command: Update, Time: start}, source("a", allowlist.OK, "192.0.2.0/24"))
	f.add(t, Entry{Command: Update, Time: start.Add(time.Hour)}, source("a", allowlist.OK, "192.0.3.0/24"))
	whole, _ := f.Segments[0].Read()
	entries, _ := f.Entries(time.Time{}, func(Entry) bool { return true })
	for i := range whole {
		broken := bytes.Clone(whole)
		broken[i] ^= 0x10
		var g files
		g.set(SegmentName(1), broken)
		got, problems := g.Entries(time.Time{}, func(Entry) bool { return true })
		if len(problems) == 0 || len(got) >= len(entries) {
			t.Fatalf("byte %d: %d entries, problems %v", i, len(got), problems)
		}
		for _, e := range got {
			if !slices.ContainsFunc(entries, func(w Entry) bool { return cmp.Equal(told(w), told(e)) }) {
				t.Fatalf("byte %d: %v", i, told(e))
			}
		}
		// The next run begins another segment, and the history knows the list again.
		g.add(t, Entry{Command: Update, Time: start.Add(2 * time.Hour)}, source("a", allowlist.OK, "192.0.3.0/24"))
		state, _ := g.At(start.Add(3 * time.Hour))
		if len(g.Segments) != 2 || !state.Known || state.Sources[0].Ranges.Len() != 1 {
			t.Fatalf("byte %d: %d segments, %v", i, len(g.Segments), state)
		}
	}
}

// TestNewerVersion has a segment of a newer mailallow in the middle.
func TestNewerVersion(t *testing.T) {
	var f files
	f.add(t, Entry{Command: Update, Time: start}, source("a", allowlist.OK, "192.0.2.0/24"))
	f.set(SegmentName(2), []byte("mailallow history 2\nwhatever"))
	if !f.add(t, Entry{Command: Update, Time: start.Add(time.Hour)}, source("a", allowlist.OK, "192.0.2.0/24")) {
		t.Fatal("the history does not begin again")
	}
	entries, problems := f.Entries(time.Time{}, func(Entry) bool { return true })
	want := "history 00000002: version 2, and this mailallow reads version 1; it is passed over"
	if len(entries) != 2 || len(problems) != 1 || problems[0].Text != want {
		t.Errorf("%d entries, %v", len(entries), problems)
	}
}

// TestBounds fills a history past its age.
func TestBounds(t *testing.T) {
	var f files
	for day := range 900 {
		network := fmt.Sprintf("198.51.%d.0/24", day%250)
		f.add(t, Entry{Command: Update, Time: start.Add(time.Duration(day) * 24 * time.Hour)}, source("a", allowlist.OK, network))
	}
	now := start.Add(899 * 24 * time.Hour)
	entries, problems := f.Entries(time.Time{}, func(Entry) bool { return true })
	oldest := now.Sub(entries[len(entries)-1].Time)
	if len(problems) > 0 || oldest < keep || oldest > keep+keep/segmentsOfAge+48*time.Hour {
		t.Errorf("the oldest entry is %s old, %v", oldest, problems)
	}
	if state, _ := f.At(entries[len(entries)-1].Time); !state.Known || len(state.Sources) != 1 {
		t.Errorf("the state after the oldest entry is %v", state)
	}
}
