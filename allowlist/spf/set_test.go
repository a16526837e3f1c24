package spf

import (
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"
)

// TestSet compares the range algebra with netipx.
func TestSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) (set, *netipx.IPSet) {
			var b netipx.IPSetBuilder
			var ranges []netipx.IPRange
			for range rapid.IntRange(0, 25).Draw(rt, label) {
				p := netip.PrefixFrom(netip.MustParseAddr(rapid.SampledFrom([]string{
					"0.0.0.0", "255.255.255.255", "255.255.255.254", "10.0.0.3", "10.0.0.4", "10.0.0.9", "10.1.0.0", "9.255.255.255",
				}).Draw(rt, "v4")), rapid.IntRange(0, 32).Draw(rt, "bits"))
				if rapid.Bool().Draw(rt, "six") {
					p = netip.PrefixFrom(netip.MustParseAddr(rapid.SampledFrom([]string{
						"::", "::1", "::ffff:10.0.0.1", "2001:db8::", "2001:db8::3", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					}).Draw(rt, "v6")), rapid.IntRange(0, 128).Draw(rt, "bits"))
				}
				if p.Bits() < 8 && rapid.IntRange(0, 9).Draw(rt, "wide") > 0 {
					continue
				}
				ranges = append(ranges, netipx.RangeOfPrefix(p))
				b.AddPrefix(p)
			}
			want, err := b.IPSet()
			if err != nil {
				rt.Fatal(err)
			}
			return normal(ranges), want
		}
		a, wantA := draw("a")
		b, wantB := draw("b")
		var and, minus, or netipx.IPSetBuilder
		and.AddSet(wantA)
		and.Intersect(wantB)
		minus.AddSet(wantA)
		minus.RemoveSet(wantB)
		or.AddSet(wantA)
		or.AddSet(wantB)
		left := slices.Clone(a)
		taken := left.takeAll(b)
		oneByOne := slices.Clone(a)
		for _, r := range b {
			oneByOne.take(r)
		}
		for _, row := range []struct {
			name string
			got  set
			want *netipx.IPSetBuilder
		}{
			{"intersect", a.intersect(b), &and}, {"taken", taken, &and},
			{"minus", a.minus(b), &minus}, {"left", left, &minus}, {"left one by one", oneByOne, &minus},
			{"union", union(a, b), &or}, {"families", append(slices.Clone(union(a, b).of(v4)), union(a, b).of(v6)...), &or},
		} {
			want, err := row.want.IPSet()
			if err != nil {
				rt.Fatal(err)
			}
			if !slices.Equal([]netipx.IPRange(row.got), want.Ranges()) || !slices.Equal(row.got.prefixes(), want.Prefixes()) || !row.got.ipset().Equal(want) {
				rt.Fatalf("%s of %v and %v: %v, want %v", row.name, a, b, row.got, want.Ranges())
			}
		}
	})
}
