package allowlist

import (
	"net/netip"
	"sort"

	"go4.org/netipx"
)

// Match is a range of a source that holds an address. It need not be the range
// that decides the address.
type Match struct {
	Source string
	Action Action
	Range
}

// Index finds all ranges that hold an address. Set.Lookup finds only the entry
// that decides it.
type Index struct {
	ranges []Match // by address, wider first
	parent []int   // for each range, the number of the next wider range around it, or -1
}

// NewIndex sorts the ranges. A search then takes the logarithm of their number,
// and a step for each range around the address.
func NewIndex(sources []Labelled) *Index {
	x := &Index{}
	for _, src := range sources {
		for r := range src.Ranges.All() {
			x.ranges = append(x.ranges, Match{src.Source, src.Action, r})
		}
	}
	sort.SliceStable(x.ranges, func(i, j int) bool { return x.ranges[i].Prefix.Compare(x.ranges[j].Prefix) < 0 })
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

// Within gives the first range, by address, that begins inside p; ok is false if there is none.
func (x *Index) Within(p netip.Prefix) (found Match, ok bool) {
	i := sort.Search(len(x.ranges), func(i int) bool { return !x.ranges[i].Prefix.Addr().Less(p.Addr()) })
	if i == len(x.ranges) || !p.Contains(x.ranges[i].Prefix.Addr()) {
		return Match{}, false
	}
	return x.ranges[i], true
}

// Neighbour is the nearest range on one side of an address.
type Neighbour struct {
	Match
	Edge netip.Addr // the range's first or last address, whichever is nearer
}

// beside gives the nearest ranges of the same family below and above an address
// that no range holds.
func (x *Index) beside(addr netip.Addr) (below, above *Neighbour) {
	next := sort.Search(len(x.ranges), func(i int) bool { return addr.Less(x.ranges[i].Prefix.Addr()) })
	if next < len(x.ranges) && x.ranges[next].Prefix.Addr().BitLen() == addr.BitLen() {
		above = &Neighbour{x.ranges[next], x.ranges[next].Prefix.Addr()}
	}
	i := next - 1
	for i >= 0 && x.parent[i] >= 0 {
		i = x.parent[i] // the widest of nested ranges ends last
	}
	if i >= 0 && x.ranges[i].Prefix.Addr().BitLen() == addr.BitLen() {
		below = &Neighbour{x.ranges[i], netipx.PrefixLastIP(x.ranges[i].Prefix)}
	}
	return below, above
}
