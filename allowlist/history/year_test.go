package history

import (
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// year is a list of 2,000 ranges, a million addresses, in which 20 are others every hour, for a year. It writes the entries
// without asking the history before each of them what the list was.
func year(tb testing.TB) *files {
	tb.Helper()
	f := &files{}
	packer, err := newPacker()
	if err != nil {
		tb.Fatal(err)
	}
	above := provenance.Of("_spf.provider.example", "include:_netblocks.provider.example")
	networks, next := make([]netip.Prefix, 2000), 0
	another := func() netip.Prefix { // of 512 addresses, with a gap behind it
		next++
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + next>>14), byte(next >> 6), byte(next << 2), 0}), 23)
	}
	came := func(networks []netip.Prefix) (r allowlist.Ranges) {
		for _, n := range networks {
			r.Add(allowlist.Range{Prefix: n, Path: above.Then("ip4:" + n.String())})
		}
		return r
	}
	for i := range networks {
		networks[i] = another()
	}
	s := Source{Name: "provider", Definition: "sha256:0123", Action: allowlist.OK, Status: guard.Fresh}
	list := func() []Installed {
		return []Installed{{Name: s.Name, Definition: s.Definition, Action: s.Action, Status: s.Status, Ranges: came(networks)}}
	}
	f.add(tb, Entry{Command: Update, Time: start}, list()...)
	for hour := 1; hour < 8760; hour++ {
		at := start.Add(time.Duration(hour) * time.Hour)
		last, full, _ := f.lastSegment(at, keep)
		add := func(segment []byte, e Entry) {
			payload, err := encode(e)
			if err != nil {
				tb.Fatal(err)
			}
			last.bytes = appendFrame(packer, segment, e.Time, payload)
		}
		if full {
			last.number++
			add([]byte(versionLine()), State{Time: at.Add(-time.Hour), Sources: list()}.base())
		}
		some := networks[hour*20%len(networks):][:20]
		s.Gone = prefixes.List{}
		for i, n := range some {
			s.Gone.Add(n, 0)
			some[i] = another()
		}
		s.Came = came(some)
		add(last.bytes, Entry{ID: at.Format(time.RFC3339), Time: at, Command: Update, By: "root",
			Targets: []string{"/etc/mail/access"}, Sources: []Source{s}})
		f.set(SegmentName(last.number), last.bytes)
	}
	return f
}

// BenchmarkYear asks a year of hourly changes: when an address was in the list, and what the list was then. It reports the
// size, too, and fails past the bounds.
func BenchmarkYear(b *testing.B) {
	f := onDisk(b, year(b))
	size := int64(0)
	for _, s := range f.Segments {
		size += s.Size
	}
	addr := netip.MustParseAddr("20.1.0.7")
	for _, row := range []struct {
		name string
		ask  func() int
	}{
		{"Spans", func() int { s, _ := f.Spans(addr); return len(s) }},
		{"At", func() int { s, _ := f.At(start.Add(8000 * time.Hour)); return len(s.Sources) }},
		{"Entries", func() int { e, _ := f.Entries(time.Time{}, func(Entry) bool { return true }); return len(e) }},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if row.ask() == 0 {
					b.Fatal("nothing was found")
				}
			}
			b.ReportMetric(float64(size)/(1<<20), "MiB")
			b.ReportMetric(float64(len(f.Segments)), "segments")
		})
	}
}

// onDisk puts a history into files.
func onDisk(tb testing.TB, f *files) *files {
	tb.Helper()
	dir := tb.TempDir()
	for i, s := range f.Segments {
		text, _ := s.Read()
		path := dir + "/" + s.Name
		if err := os.WriteFile(path, text, 0o600); err != nil {
			tb.Fatal(err)
		}
		f.Segments[i].Read = func() ([]byte, error) { return os.ReadFile(path) }
	}
	return f
}

// TestYear holds the bounds on bytes, time and memory of BenchmarkYear.
func TestYear(t *testing.T) {
	f := onDisk(t, year(t))
	size := int64(0)
	for _, s := range f.Segments {
		size += s.Size
	}
	if size > MaxBytes/4 {
		t.Errorf("a year takes %d bytes", size)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(33))
	runtime.GC()
	most := uint64(0)
	var m runtime.MemStats
	began := time.Now()
	for mo := range f.walk() {
		if mo.decoded == nil {
			t.Fatal(mo.problem)
		}
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	t.Logf("%d bytes in %d segments, %s, %d bytes of heap", size, len(f.Segments), time.Since(began), most)
	if most > 64<<20 {
		t.Errorf("%d bytes of heap", most)
	}
}
