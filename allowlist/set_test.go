package allowlist

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"mailallow/allowlist/provenance"
)

// networks draws from few addresses of each family, so that networks nest, touch
// and repeat.
func networks() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		low := byte(rapid.IntRange(0, 255).Draw(t, "low"))
		if rapid.Bool().Draw(t, "v6") {
			a := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: low})
			return netip.PrefixFrom(a, rapid.IntRange(118, 128).Draw(t, "bits")).Masked()
		}
		high := byte(rapid.IntRange(0, 1).Draw(t, "high"))
		a := netip.AddrFrom4([4]byte{192, 0, high, low})
		return netip.PrefixFrom(a, rapid.IntRange(21, 32).Draw(t, "bits")).Masked()
	})
}

func sources() *rapid.Generator[[]Labelled] {
	return rapid.Custom(func(t *rapid.T) []Labelled {
		var drawn []Labelled
		for i := range rapid.IntRange(0, 4).Draw(t, "sources") {
			src := Labelled{
				Source: fmt.Sprintf("source-%d", i),
				Action: rapid.SampledFrom([]Action{Relay, OK, Reject, Exclude}).Draw(t, "action"),
			}
			for j, p := range rapid.SliceOfN(networks(), 0, 8).Draw(t, "prefixes") {
				src.Ranges.Add(Range{Prefix: p, Path: provenance.Of(fmt.Sprintf("term %d", j))})
			}
			drawn = append(drawn, src)
		}
		return drawn
	})
}

// bruteForce decides one address by the rules of Merge, source by source.
func bruteForce(sources []Labelled, addr netip.Addr) (Action, []string) {
	longest, action := -1, None
	var owners []string
	for _, src := range sources {
		for p := range src.Ranges.Minimal() {
			if !p.Contains(addr) {
				continue
			}
			switch {
			case src.Action == Exclude:
				return None, nil
			case p.Bits() > longest, p.Bits() == longest && src.Action > action:
				longest, action, owners = p.Bits(), src.Action, []string{src.Source}
			case p.Bits() == longest && src.Action == action:
				owners = append(owners, src.Source)
			}
		}
	}
	return action, owners
}

// boundaries gives the addresses at which the action can change.
func boundaries(sources []Labelled) []netip.Addr {
	var addrs []netip.Addr
	for _, src := range sources {
		for r := range src.Ranges.All() {
			first, last := r.Prefix.Addr(), netipx.PrefixLastIP(r.Prefix)
			addrs = append(addrs, first, last, first.Prev(), last.Next())
		}
	}
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !a.IsValid() })
}

func TestMergeAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := sources().Draw(t, "sources")
		set := Merge(drawn)
		for _, addr := range boundaries(drawn) {
			want, owners := bruteForce(drawn, addr)
			got := set.Lookup(addr)
			if want == None {
				if got != nil {
					t.Fatalf("%s is %s, and should be in nothing", addr, got.Action)
				}
				continue
			}
			if got == nil || got.Action != want {
				t.Fatalf("%s is %v, and should be %s", addr, got, want)
			}
			var names []string
			for _, o := range got.Owners {
				names = append(names, o.Source)
				if len(o.Paths) == 0 {
					t.Fatalf("%s: owner %s has no path", addr, o.Source)
				}
			}
			if !slices.Equal(names, owners) {
				t.Fatalf("%s is of %v, and should be of %v", addr, names, owners)
			}
		}
	})
}

func TestMergeDoesNotDependOnTheOrderOfSources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := sources().Draw(t, "sources")
		shuffled := rapid.Permutation(drawn).Draw(t, "shuffled")
		if a, b := describe(Merge(drawn)), describe(Merge(shuffled)); !slices.Equal(a, b) {
			t.Fatalf("one order gives\n%q\nthe other\n%q", a, b)
		}
	})
}

func TestMergeSpansAreDisjointAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var last Span
		for s := range Merge(sources().Draw(t, "sources")).Spans() {
			if s.To.Less(s.From) || last.To.IsValid() && !last.To.Less(s.From) {
				t.Fatalf("%s-%s after %s-%s", s.From, s.To, last.From, last.To)
			}
			last = s
		}
	})
}

func describe(set *Set) (lines []string) {
	for s := range set.Spans() {
		lines = append(lines, fmt.Sprintf("%s-%s %s %v", s.From, s.To, s.Action(), s.Entry().Owners))
	}
	return lines
}

func TestMergeAtTheEdges(t *testing.T) {
	list := func(action Action, prefixes ...string) Labelled {
		l := Labelled{Source: action.String(), Action: action}
		for _, p := range prefixes {
			l.Ranges.Add(Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of("cidr " + p)})
		}
		return l
	}
	for _, row := range []struct {
		name    string
		sources []Labelled
		want    []string
	}{
		{"nothing", nil, nil},
		{"everything", []Labelled{list(OK, "0.0.0.0/0", "::/0")}, []string{
			"0.0.0.0-255.255.255.255 OK", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff OK"}},
		{"a source is a set: halves make a whole that loses to the longer prefix", []Labelled{
			list(OK, "192.0.2.0/25", "192.0.2.128/25"), list(Reject, "192.0.2.0/25")}, []string{
			"192.0.2.0-192.0.2.127 REJECT", "192.0.2.128-192.0.2.255 OK"}},
		{"at equal length REJECT over OK over RELAY", []Labelled{
			list(Relay, "192.0.2.0/24"), list(OK, "192.0.2.0/24"), list(Reject, "192.0.2.0/24")}, []string{
			"192.0.2.0-192.0.2.255 REJECT"}},
		{"the longer prefix lets in what a wider one refuses", []Labelled{
			list(Reject, "192.0.2.0/24"), list(Relay, "192.0.2.7/32")}, []string{
			"192.0.2.0-192.0.2.6 REJECT", "192.0.2.7-192.0.2.7 RELAY", "192.0.2.8-192.0.2.255 REJECT"}},
		{"EXCLUDE wins over a longer prefix", []Labelled{
			list(Exclude, "192.0.2.0/24"), list(OK, "192.0.2.7/32")}, nil},
		{"the last address of a family", []Labelled{
			list(OK, "255.255.255.0/24"), list(Reject, "255.255.255.255/32"), list(Relay, "::/128")}, []string{
			"255.255.255.0-255.255.255.254 OK", "255.255.255.255-255.255.255.255 REJECT", "::-:: RELAY"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for s := range Merge(row.sources).Spans() {
				got = append(got, fmt.Sprintf("%s-%s %s", s.From, s.To, s.Action()))
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
}

// An entry of many ranges has all their paths in each of its spans.
func TestSpansOfAnEntryOfManyRanges(t *testing.T) {
	hosts, inside := Labelled{Source: "hosts", Action: OK}, Labelled{Source: "inside", Action: Reject}
	for i := range 256 {
		hosts.Ranges.Add(Range{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32), provenance.Of(fmt.Sprintf("line %03d", i))})
	}
	for _, i := range []byte{7, 77, 177} {
		inside.Ranges.Add(Range{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, i}), 32), provenance.Of("x")})
	}
	spans := 0
	for s := range Merge([]Labelled{hosts, inside}).Spans() {
		e := s.Entry()
		if s.Action() != OK {
			continue
		}
		if spans++; s.Prefix().String() != "192.0.2.0/24" || len(e.Owners) != 1 || len(e.Owners[0].Paths) != 256 || e.Owners[0].Paths[255].String() != "line 255" {
			t.Errorf("%s-%s: %s, %d owners", s.From, s.To, s.Prefix(), len(e.Owners))
		}
	}
	if spans != 4 {
		t.Errorf("%d spans", spans)
	}
}

// TestNestOwned: of equal entries the first by source decides, and one without owners does only where there is no other.
func TestNestOwned(t *testing.T) {
	p := netip.MustParsePrefix("192.0.2.0/24")
	of := func(source string) Entry { return Entry{Prefix: p, Action: OK, Owners: []Owner{{Source: source}}} }
	for _, entries := range [][]Entry{{{Prefix: p, Action: OK}, of("b"), of("a")}, {of("a"), {Prefix: p, Action: OK}, of("b")}} {
		if spans := Nest(entries); len(spans) != 1 || spans[0].Source() != "a" {
			t.Errorf("%v", spans)
		}
	}
}
