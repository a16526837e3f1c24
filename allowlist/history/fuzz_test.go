package history

import (
	"net/netip"
	"testing"
	"time"

	"mailallow/allowlist"
)

// FuzzSegment reads any text as a segment. It is a problem, or entries; and a run can tell of itself behind it.
func FuzzSegment(f *testing.F) {
	var written files
	written.add(f, Entry{Command: Update, Time: start}, source("a", allowlist.OK, "192.0.2.0/24", "2001:db8::/32"))
	written.add(f, Entry{Command: Update, Time: start.Add(time.Hour)}, source("a", allowlist.Relay, "192.0.3.0/24"))
	whole, _ := written.Segments[0].Read()
	f.Add(whole)
	f.Add([]byte(versionLine()))
	f.Fuzz(func(t *testing.T, segment []byte) {
		var g files
		g.set(SegmentName(1), segment)
		g.Entries(time.Time{}, func(Entry) bool { return true })
		g.Spans(netip.MustParseAddr("192.0.2.7"))
		g.add(t, Entry{Command: Update, Time: start.Add(2 * time.Hour)}, source("a", allowlist.OK, "198.51.100.0/24"))
		if state, _ := g.At(start.Add(1000000 * time.Hour)); !state.Known || len(state.Sources) != 1 {
			t.Errorf("the state after an update: %v", state)
		}
	})
}

// FuzzPayload reads whatever an entry can hold, past the checksum.
func FuzzPayload(f *testing.F) {
	s := Source{Name: "a", Action: allowlist.OK, Change: Added, Came: ranges("192.0.2.0/24", "2001:db8::/32")}
	s.Gone.Add(netip.MustParsePrefix("198.51.100.0/24"), 0)
	payload, err := encode(Entry{ID: "x", Command: Update, Sources: []Source{s}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := decode(payload)
		if err != nil {
			return
		}
		e := d.whole()
		again, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
