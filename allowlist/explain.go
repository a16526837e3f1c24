package allowlist

import (
	"net/netip"
	"slices"
	"sort"
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

// NewIndex sorts the ranges; a lookup then takes the logarithm of their number
// and as many steps as ranges hold the address.
func NewIndex(sources []Labelled) *Index {
	x := &Index{}
	for _, src := range sources {
		for _, r := range src.Ranges {
			x.ranges = append(x.ranges, Match{src.Source, src.Action, r})
		}
	}
	slices.SortStableFunc(x.ranges, func(a, b Match) int { return comparePrefix(a.Prefix, b.Prefix) })
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
