package allowlist

import (
	"net/netip"
	"slices"
	"sort"

	"go4.org/netipx"
)

// Match is a range of a source that holds an address, whether or not it decides it.
type Match struct {
	Source string
	Action Action
	Range
}

// Index finds the ranges that hold an address, of all sources and not only of
// those that win: what Set.Lookup leaves out.
type Index struct {
	ranges []Match // by address, wider first
	parent []int   // of each range, the next wider one that holds it; -1: none
}

// NewIndex sorts the ranges; Holding then takes the logarithm of their number
// and as many steps as ranges hold the address.
func NewIndex(sources []Labelled) *Index {
	x := &Index{}
	for _, src := range sources {
		for r := range src.Ranges.All() {
			x.ranges = append(x.ranges, Match{src.Source, src.Action, r})
		}
	}
	slices.SortStableFunc(x.ranges, func(a, b Match) int { return a.Prefix.Compare(b.Prefix) })
	x.parent = make([]int, len(x.ranges))
	open := -1
	for i, r := range x.ranges {
		for open >= 0 && !x.ranges[open].Prefix.Contains(r.Prefix.Addr()) {
			open = x.parent[open]
		}
		x.parent[i], open = open, i
	}
	return x
}

// Holding gives the ranges that hold addr, the longest prefix first.
func (x *Index) Holding(addr netip.Addr) []Match {
	i := sort.Search(len(x.ranges), func(i int) bool { return addr.Less(x.ranges[i].Prefix.Addr()) }) - 1
	var found []Match
	for ; i >= 0; i = x.parent[i] {
		if x.ranges[i].Prefix.Contains(addr) {
			found = append(found, x.ranges[i])
		}
	}
	return found
}

// Within gives the first range, by address, that begins inside p; ok is false when none does.
func (x *Index) Within(p netip.Prefix) (found Match, ok bool) {
	i := sort.Search(len(x.ranges), func(i int) bool { return !x.ranges[i].Prefix.Addr().Less(p.Addr()) })
	if i == len(x.ranges) || !p.Contains(x.ranges[i].Prefix.Addr()) {
		return Match{}, false
	}
	return x.ranges[i], true
}

// Neighbour is a range beside an address.
type Neighbour struct {
	Match
	Edge netip.Addr // its address that is nearest
}

// beside gives the ranges next to an address that none holds.
func (x *Index) beside(addr netip.Addr) (below, above *Neighbour) {
	next := sort.Search(len(x.ranges), func(i int) bool { return addr.Less(x.ranges[i].Prefix.Addr()) })
	if next < len(x.ranges) && x.ranges[next].Prefix.Addr().BitLen() == addr.BitLen() {
		above = &Neighbour{x.ranges[next], x.ranges[next].Prefix.Addr()}
	}
	i := next - 1
	for i >= 0 && x.parent[i] >= 0 {
		i = x.parent[i] // of ranges in each other the widest reaches farthest
	}
	if i >= 0 && x.ranges[i].Prefix.Addr().BitLen() == addr.BitLen() {
		below = &Neighbour{x.ranges[i], netipx.PrefixLastIP(x.ranges[i].Prefix)}
	}
	return below, above
}
