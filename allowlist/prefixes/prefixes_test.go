package prefixes

import (
	"math/bits"
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"mailallow/fixtures"
)

// networks draws from few addresses of each family, the first and the last ones
// included, so that networks nest, touch and repeat.
func networks() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		low := byte(rapid.IntRange(0, 255).Draw(t, "low"))
		fill := rapid.SampledFrom([]byte{0, 255}).Draw(t, "fill")
		if rapid.Bool().Draw(t, "v6") {
			a := [16]byte{}
			for i := range a {
				a[i] = fill
			}
			at := rapid.SampledFrom([]int{0, 7, 8, 15}).Draw(t, "at")
			a[at] = low
			return netip.PrefixFrom(netip.AddrFrom16(a), rapid.IntRange(max(0, 8*at-1), 8*at+8).Draw(t, "bits")).Masked()
		}
		at := rapid.SampledFrom([]int{0, 3}).Draw(t, "at")
		a := [4]byte{fill, fill, fill, fill}
		a[at] = low
		return netip.PrefixFrom(netip.AddrFrom4(a), rapid.IntRange(max(0, 8*at-1), 8*at+8).Draw(t, "bits")).Masked()
	})
}

func drawn(t *rapid.T, name string) (all []netip.Prefix, list List) {
	all = rapid.SliceOfN(networks(), 0, 12).Draw(t, name)
	for i, p := range all {
		list.Add(p, uint32(i))
	}
	return all, list
}

// reference gives the set as netipx computes it.
func reference(t *rapid.T, prefixes []netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		b.AddPrefix(p)
	}
	set, err := b.IPSet()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (l List) prefixes() (all []netip.Prefix) {
	for p := range l.All() {
		all = append(all, p)
	}
	return all
}

// edges gives the addresses at which a result can change.
func edges(prefixes ...netip.Prefix) (addrs []netip.Addr) {
	for _, p := range prefixes {
		first, last := p.Addr(), netipx.PrefixLastIP(p)
		addrs = append(addrs, first, last, first.Prev(), last.Next())
	}
	return slices.DeleteFunc(addrs, func(a netip.Addr) bool { return !a.IsValid() })
}

func TestFewestAgainstNetipx(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, list := drawn(t, "networks")
		want := reference(t, all).Prefixes()
		if got := list.Sorted().Fewest().prefixes(); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestSortedKeepsEveryLabel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, list := drawn(t, "networks")
		var before netip.Prefix
		n := 0
		for p, label := range list.Sorted().All() {
			if all[label] != p {
				t.Fatalf("%s has the label of %s", p, all[label])
			}
			if n++; n > 1 && (p.Addr().Less(before.Addr()) || p.Addr() == before.Addr() && p.Bits() < before.Bits()) {
				t.Fatalf("%s after %s", p, before)
			}
			before = p
		}
		if n != len(all) {
			t.Fatalf("%d of %d", n, len(all))
		}
	})
}

// Every address is in the run of its longest network, unless it is in a hole, and runs are disjoint and in order.
func TestNestAgainstSearchOfAllNetworks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, list := drawn(t, "networks")
		out, holes := drawn(t, "holes")
		sorted := list.Sorted()
		runs := slices.Collect(sorted.Nest(holes.Sorted().Fewest()))
		for i, r := range runs {
			if r.To.Less(r.From) || i > 0 && !runs[i-1].To.Less(r.From) {
				t.Fatalf("%v", runs)
			}
		}
		for _, addr := range edges(slices.Concat(all, out)...) {
			longest := -1
			for _, p := range all {
				if p.Contains(addr) {
					longest = max(longest, p.Bits())
				}
			}
			number, held := sorted.Longest(addr)
			if held != (longest >= 0) {
				t.Fatalf("%s: found: %v, but the longest has %d bits", addr, held, longest)
			}
			if held {
				p, _ := sorted.At(number)
				if p.Bits() != longest || !p.Contains(addr) {
					t.Fatalf("%s: found %s, but the longest has %d bits", addr, p, longest)
				}
				if number > 0 {
					if before, _ := sorted.At(number - 1); before == p {
						t.Fatalf("%s: not the first of %s", addr, p)
					}
				}
			}
			at := slices.IndexFunc(runs, func(r Run) bool { return r.From.Compare(addr) <= 0 && addr.Compare(r.To) <= 0 })
			switch hole := slices.ContainsFunc(out, func(p netip.Prefix) bool { return p.Contains(addr) }); {
			case (at >= 0) != (held && !hole):
				t.Fatalf("%s: in a network: %v, in a hole: %v, in a run: %v", addr, held, hole, at >= 0)
			case at >= 0 && runs[at].Number != number:
				t.Fatalf("%s: run %d, network %d", addr, runs[at].Number, number)
			}
		}
	})
}

func TestInsideAndOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, list := drawn(t, "networks")
		sorted := list.Sorted()
		asked := networks().Draw(t, "asked")
		from, to := sorted.InsideNear(asked, rapid.IntRange(-1, sorted.Len()+1).Draw(t, "near")) // Inside is near 0
		for i := range sorted.Len() {
			p, _ := sorted.At(i)
			if inside := asked.Bits() <= p.Bits() && asked.Contains(p.Addr()); inside != (from <= i && i < to) {
				t.Fatalf("%s is number %d, but numbers %d to %d should be inside %s", p, i, from, to-1, asked)
			}
		}
		var b netipx.IPSetBuilder
		b.AddPrefix(asked)
		b.Intersect(reference(t, all))
		common, err := b.IPSet()
		if err != nil {
			t.Fatal(err)
		}
		got, ok := sorted.Fewest().Overlap(asked)
		if want := common.Prefixes(); ok != (len(want) > 0) || ok && got != want[0] {
			t.Fatalf("%s, %v; want the first of %v", got, ok, want)
		}
	})
}

// Sorted sorts long lists by another method, and crowded buckets of them by the same again. below gives the number of random
// octets at the end of an address.
func TestSortedLongLists(t *testing.T) {
	for name, below := range map[string]func(i int) int{
		"spread":           func(int) int { return 16 },
		"one address":      func(int) int { return 0 },
		"one network":      func(int) int { return 1 },
		"a crowded bucket": func(i int) int { return 1 + 14*(i%8/7) },
		"buckets within":   func(i int) int { return 1 + bits.TrailingZeros(uint(i|1<<7))*2 },
	} {
		random := fixtures.Random(t)
		var long List
		for i := range 5 * longList {
			v4, v6 := [4]byte{10, 1, 2, 3}, [16]byte{0x20, 1}
			for n := range below(i) {
				v4[3-n%4], v6[15-n] = byte(random.Uint32()), byte(random.Uint32())
			}
			label := uint32(random.IntN(MaxLabel))
			long.Add(netip.PrefixFrom(netip.AddrFrom4(v4), 24+random.IntN(9)).Masked(), label)
			long.Add(netip.PrefixFrom(netip.AddrFrom16(v6), 64+random.IntN(65)).Masked(), label)
		}
		before, want := List{slices.Clone(long.v4), slices.Clone(long.v6)}, List{slices.Clone(long.v4), slices.Clone(long.v6)}
		slices.Sort(want.v4)
		slices.SortFunc(want.v6, block.compare)
		if got := long.Sorted(); !slices.Equal(got.v4, want.v4) || !slices.Equal(got.v6, want.v6) {
			t.Errorf("%s: not in order, or not the same networks", name)
		}
		if !slices.Equal(long.v4, before.v4) || !slices.Equal(long.v6, before.v6) {
			t.Errorf("%s: the list itself has changed", name)
		}
	}
}

func TestJoinLabelsByList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, first := drawn(t, "one")
		two, second := drawn(t, "two")
		joined := Join(first.Sorted().Fewest(), second.Sorted().Fewest())
		var of [2][]netip.Prefix
		for p, label := range joined.All() {
			of[label] = append(of[label], p)
		}
		for i, want := range [][]netip.Prefix{one, two} {
			var all List
			for _, p := range want {
				all.Add(p, 0)
			}
			if !slices.Equal(of[i], all.Sorted().Fewest().prefixes()) {
				t.Fatalf("list %d: %v, want those of %v", i, of[i], want)
			}
		}
	})
}

func TestAppendRangeAgainstNetipx(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := edges(rapid.SliceOfN(networks(), 1, 4).Draw(t, "networks")...)
		first, last := rapid.SampledFrom(all).Draw(t, "first"), rapid.SampledFrom(all).Draw(t, "last")
		if first.Is4() != last.Is4() {
			t.Skip("two families")
		}
		if last.Less(first) {
			first, last = last, first
		}
		want := netipx.IPRangeFrom(first, last).Prefixes()
		if got := AppendRange(nil, first, last); !slices.Equal(got, want) {
			t.Fatalf("%s-%s: got %v, want %v", first, last, got, want)
		}
	})
}

// The networks inside a network and longer than it hold all of its addresses if they hold each that is an edge of one of them.
func TestFilledByLonger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, list := drawn(t, "networks")
		p := networks().Draw(t, "network")
		for range rapid.IntRange(0, 3).Draw(t, "halves") { // random ones seldom fill a network
			half := netip.PrefixFrom(p.Addr(), min(p.Bits()+1, p.Addr().BitLen()))
			other := netip.PrefixFrom(netipx.PrefixLastIP(p), half.Bits()).Masked()
			all = append(all, half, other)
			list.Add(half, 0)
			list.Add(other, 0)
		}
		var longer []netip.Prefix
		for _, q := range all {
			if p.Contains(q.Addr()) && q.Bits() > p.Bits() {
				longer = append(longer, q)
			}
		}
		want := reference(t, longer).ContainsPrefix(p)
		if got := list.Sorted().FilledByLonger(p); got != want {
			t.Fatalf("%s by %v: %v", p, longer, got)
		}
	})
}
