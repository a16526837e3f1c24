package allowlist

import (
	"net/netip"
	"slices"
)

// Explainer tells of an address what the list says and why.
type Explainer struct {
	set, unexcluded *Set
	all, listed     *Index // every range; those of EXCLUDE sources left out
}

// NewExplainer takes the sources that the list is merged from.
func NewExplainer(sources []Labelled) *Explainer {
	listed := slices.DeleteFunc(slices.Clone(sources), func(s Labelled) bool { return s.Action == Exclude })
	return &Explainer{set: Merge(sources), unexcluded: Merge(listed), all: NewIndex(sources), listed: NewIndex(listed)}
}

// Explanation is what the list says of one address.
type Explanation struct {
	Addr netip.Addr
	// Entry decides; nil: the address is in no source, or excluded.
	Entry *Entry
	// Excluded are the ranges of EXCLUDE sources that hold it; Without is what would decide but for them, or nil.
	Excluded []Match
	Without  *Entry
	// Matches are the ranges of all other sources that hold it, the longest first.
	Matches []Match
	// Below and Above are the nearest ranges of its family where no range holds it; nil: there is none on that side.
	Below, Above *Neighbour
}

// Explain explains one address, which has no zone and is not IPv4-mapped.
func (x *Explainer) Explain(addr netip.Addr) Explanation {
	e := Explanation{Addr: addr, Entry: x.set.Lookup(addr), Matches: x.listed.Holding(addr)}
	if x.set.Excluded.Contains(addr) {
		e.Without = x.unexcluded.Lookup(addr)
		e.Excluded = slices.DeleteFunc(x.all.Holding(addr), func(m Match) bool { return m.Action != Exclude })
	}
	if len(e.Matches) == 0 {
		e.Below, e.Above = x.listed.beside(addr)
	}
	return e
}
