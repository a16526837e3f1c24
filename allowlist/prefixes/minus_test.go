package prefixes

import (
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"
)

// drawNetworks draws a list around few addresses, so that networks meet, hold and miss each other.
func drawNetworks(t *rapid.T, name string) (l List, set *netipx.IPSet) {
	var b netipx.IPSetBuilder
	for range rapid.IntRange(0, 12).Draw(t, name) {
		var p netip.Prefix
		if low := rapid.Byte().Draw(t, "low"); rapid.Bool().Draw(t, "v6") {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: low}), rapid.SampledFrom([]int{0, 1, 16, 64, 120, 122, 125, 127, 128}).Draw(t, "bits"))
		} else {
			p = netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, low}), rapid.SampledFrom([]int{0, 1, 8, 24, 26, 28, 31, 32}).Draw(t, "bits"))
		}
		l.Add(p.Masked(), 0)
		b.AddPrefix(p.Masked())
	}
	set, err := b.IPSet()
	if err != nil {
		t.Fatal(err)
	}
	return l.Sorted().Fewest(), set
}

// Minus is what netipx makes of the same sets, in the same fewest networks.
func TestMinus(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, setA := drawNetworks(t, "a")
		b, setB := drawNetworks(t, "b")
		var rest netipx.IPSetBuilder
		rest.AddSet(setA)
		rest.RemoveSet(setB)
		set, err := rest.IPSet()
		if err != nil {
			t.Fatal(err)
		}
		var got []netip.Prefix
		for p := range a.Minus(b).All() {
			got = append(got, p)
		}
		if want := set.Prefixes(); !slices.Equal(got, want) {
			t.Fatalf("%v minus %v: %v, want %v", setA.Prefixes(), setB.Prefixes(), got, want)
		}
		var runs []netip.Prefix
		for from, to := range a.Without(b) {
			runs = AppendRange(runs, from, to)
		}
		if !slices.Equal(runs, got) {
			t.Fatalf("%v without %v: %v, want %v", setA.Prefixes(), setB.Prefixes(), runs, got)
		}
		for _, most := range []int{max(0, len(got)-1), len(got), len(got) + 1} {
			if some, ok := a.MinusUpTo(b, most); ok != (most >= len(got)) || ok && !Equal(some, a.Minus(b)) {
				t.Fatalf("up to %d of %d networks: %v, %d", most, len(got), ok, some.Len())
			}
		}
	})
}
