package allowlist

import (
	"net/netip"
)

// Explainer says which action the list gives an address, and which ranges are
// the reason.
type Explainer struct {
	set           *Set
	withoutHoles  *Set // merged without the EXCLUDE sources
	listed, holes *Index
}

// NewExplainer indexes the sources that Merge makes the list from.
func NewExplainer(sources []Labelled) *Explainer {
	var listed, holes []Labelled
	for _, s := range sources {
		if s.Action == Exclude {
			holes = append(holes, s)
		} else {
			listed = append(listed, s)
		}
	}
	return &Explainer{set: Merge(sources), withoutHoles: Merge(listed), listed: NewIndex(listed), holes: NewIndex(holes)}
}

// Explanation explains the list's answer for one address.
type Explanation struct {
	Addr netip.Addr
	// Entry decides the address; nil if no source holds it, or an EXCLUDE source does.
	Entry *Entry
	// Excluded are the ranges of EXCLUDE sources that hold the address.
	Excluded []Match
	// Without would decide the address if nothing excluded it; nil if nothing does, or no other source holds it.
	Without *Entry
	// Matches are the ranges of all other sources that hold the address, the longest prefix first.
	Matches []Match
	// Below and Above are the nearest ranges of the address's family. They are set only without Matches; nil means
	// that this side has no range.
	Below, Above *Neighbour
}

// Explain explains addr, which must have no zone and must not be IPv4-mapped.
func (x *Explainer) Explain(addr netip.Addr) Explanation {
	e := Explanation{
		Addr: addr, Entry: x.set.Lookup(addr), Matches: x.listed.Holding(addr), Excluded: x.holes.Holding(addr)}
	if len(e.Excluded) > 0 {
		e.Without = x.withoutHoles.Lookup(addr)
	}
	if len(e.Matches) == 0 {
		e.Below, e.Above = x.listed.beside(addr)
	}
	return e
}
