package allowlist

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mailallow/allowlist/provenance"
)

// Holding finds the same ranges as a search through all of them.
func TestHoldingFindsEveryRange(t *testing.T) {
	addr := rapid.Custom(func(t *rapid.T) netip.Addr {
		// Few bits vary, so that ranges nest, repeat and touch.
		b := byte(rapid.IntRange(0, 15).Draw(t, "low"))
		if rapid.Bool().Draw(t, "IPv6") {
			return netip.AddrFrom16([16]byte{0x20, 1, 15: b})
		}
		return netip.AddrFrom4([4]byte{192, 0, 2, b})
	})
	rapid.Check(t, func(t *rapid.T) {
		var sources []Labelled
		for _, name := range []string{"one", "two"} {
			src := Labelled{Source: name, Action: OK}
			for range rapid.IntRange(0, 8).Draw(t, name) {
				a := addr.Draw(t, "network")
				p, err := a.Prefix(a.BitLen() - rapid.IntRange(0, 5).Draw(t, "host bits"))
				if err != nil {
					t.Fatal(err)
				}
				src.Ranges.Add(Range{Prefix: p, Path: provenance.Of(name)})
			}
			sources = append(sources, src)
		}
		asked := addr.Draw(t, "asked")
		var want []Match
		for _, src := range sources {
			for r := range src.Ranges.All() {
				if r.Prefix.Contains(asked) {
					want = append(want, Match{src.Source, src.Action, r})
				}
			}
		}
		got := NewIndex(sources).Holding(asked)
		if !slices.IsSortedFunc(got, func(a, b Match) int { return cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()) }) {
			t.Errorf("not the longest first: %v", got)
		}
		order := func(a, b Match) int {
			return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(a.Source, b.Source))
		}
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !slices.EqualFunc(got, want, func(a, b Match) bool { return order(a, b) == 0 }) {
			t.Errorf("%s: got %v, want %v", asked, got, want)
		}
	})
}

func TestIndexWithin(t *testing.T) {
	var ranges Ranges
	for _, s := range []string{"192.0.2.0/25", "192.0.2.64/26", "198.51.100.7/32", "2001:db8:1::/48"} {
		ranges.Add(Range{Prefix: netip.MustParsePrefix(s)})
	}
	index := NewIndex([]Labelled{{Source: "one", Ranges: ranges}})
	rows := []struct{ asked, want string }{
		{"192.0.2.0/24", "192.0.2.0/25"}, {"192.0.2.64/27", "192.0.2.64/26"}, {"192.0.2.96/27", ""},
		{"198.0.0.0/8", "198.51.100.7/32"}, {"203.0.113.0/24", ""}, {"2001:db8::/32", "2001:db8:1::/48"}, {"2001:db9::/32", ""},
	}
	for _, row := range rows {
		found, ok := index.Within(netip.MustParsePrefix(row.asked))
		if ok != (row.want != "") || ok && found.Prefix.String() != row.want {
			t.Errorf("%s: %v, %v, want %q", row.asked, found.Prefix, ok, row.want)
		}
	}
}
