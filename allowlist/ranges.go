package allowlist

import (
	"iter"
	"net/netip"
	"slices"
	"sort"
	"sync"

	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Ranges holds the ranges of a source in little memory, because a list on disk
// may have a million. The zero value is empty. A copy shares its ranges with the
// original. Add nothing after the first call of Minimal or Merge: they sort the
// ranges once and keep the result.
type Ranges struct{ *packed }

// packed labels each prefix with the number of its path, or with its line.
type packed struct {
	list  prefixes.List
	paths []*provenance.Path
	lines *provenance.Path // the name of a list whose labels are line numbers; nil: labels are numbers in paths
	last  uint32           // the last label, with lines

	ordered func() order
}

type order struct {
	sorted prefixes.List
	fewest prefixes.List // cover exactly the same addresses
}

// Add adds a range, whose prefix must be masked. Lines in their order take no
// memory for their path, and neighbours with one path share it.
func (r *Ranges) Add(one Range) {
	list, line := one.Path.Line()
	if r.packed == nil {
		r.packed = newPacked()
		r.lines = list
	}
	if r.lines != nil && list.Compare(r.lines) == 0 && line >= r.last {
		r.addLine(one.Prefix, line)
		return
	}
	r.labelPaths()
	if n := len(r.paths); n == 0 || r.paths[n-1] != one.Path {
		r.paths = append(r.paths, one.Path)
	}
	r.list.Add(one.Prefix, uint32(len(r.paths)-1))
}

// linesOf makes empty Ranges for a list: labels are line numbers.
func linesOf(list string) Ranges {
	r := Ranges{newPacked()}
	r.lines = provenance.Of(list)
	return r
}

// addLine adds the network of a line, which is the last one yet or comes after it.
func (p *packed) addLine(network netip.Prefix, line uint32) {
	p.list.Add(network, line)
	p.last = line
}

// labelPaths puts numbers of paths in place of line numbers.
func (p *packed) labelPaths() {
	if p.lines == nil {
		return
	}
	var list prefixes.List
	for network, line := range p.list.ByLabel() {
		list.Add(network, uint32(len(p.paths)))
		p.paths = append(p.paths, p.lines.AtLine(line))
	}
	p.list, p.lines = list, nil
}

func newPacked() *packed {
	p := &packed{}
	p.ordered = sync.OnceValue(func() order {
		sorted := p.list.Sorted()
		return order{sorted, sorted.Fewest()}
	})
	return p
}

func (r Ranges) sortedByPath() []Range {
	all := slices.AppendSeq(make([]Range, 0, r.Len()), r.All())
	sort.Slice(all, func(i, j int) bool {
		a, b := &all[i], &all[j]
		if order := a.Path.Compare(b.Path); order != 0 {
			return order < 0
		}
		return a.Prefix.Compare(b.Prefix) < 0
	})
	return all
}

// Len gives the number of ranges.
func (r Ranges) Len() int {
	if r.packed == nil {
		return 0
	}
	return r.list.Len()
}

// All yields the ranges in the order of the source; within one line or term, IPv4 first.
func (r Ranges) All() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		if r.packed == nil {
			return
		}
		for p, number := range r.list.ByLabel() {
			if !yield(Range{p, r.path(number)}) {
				return
			}
		}
	}
}

// ByPath yields the prefixes of the ranges with the place where the path of each ends, by path, then by address. The lines of a list
// are in this order already.
func (r Ranges) ByPath() iter.Seq2[netip.Prefix, provenance.Place] {
	return func(yield func(netip.Prefix, provenance.Place) bool) {
		if r.packed == nil {
			return
		}
		if r.lines != nil {
			for p, line := range r.list.ByLabel() {
				if !yield(p, r.place(line)) {
					return
				}
			}
			return
		}
		for _, one := range r.sortedByPath() {
			if !yield(one.Prefix, one.Path.Place()) {
				return
			}
		}
	}
}

func (p *packed) path(label uint32) *provenance.Path { return p.place(label).To() }

func (p *packed) place(label uint32) provenance.Place {
	if p.lines != nil {
		return provenance.Place{Path: p.lines, Line: label}
	}
	return p.paths[label].Place()
}

// Fewest gives the fewest prefixes that cover exactly the addresses of the ranges.
func (r Ranges) Fewest() prefixes.List {
	if r.packed == nil {
		return prefixes.List{}
	}
	return r.ordered().fewest
}

// Minimal yields the fewest prefixes that cover exactly the addresses of the
// ranges, IPv4 first, in address order.
func (r Ranges) Minimal() iter.Seq[netip.Prefix] { return r.Fewest().Networks() }

// Places finds where the paths of ranges end. Prefixes in the order of addresses are found fastest.
type Places struct {
	of   Ranges
	room []provenance.Place
	near int // the number behind the last range that was found
}

// Places gives the places of the ranges.
func (r Ranges) Places() *Places { return &Places{of: r} }

// Inside gives the distinct places of the ranges inside p, sorted, and the number of these ranges. The places are valid until
// the next call.
func (f *Places) Inside(p netip.Prefix) (places []provenance.Place, ranges int) {
	if f.of.packed == nil {
		return nil, 0
	}
	sorted := f.of.ordered().sorted
	from, to := sorted.InsideNear(p, f.near)
	places = slices.Grow(f.room[:0], to-from)
	for i := from; i < to; i++ {
		places = append(places, f.of.place(sorted.Label(i)))
	}
	f.room, f.near = places, to
	if len(places) == 1 { // most often
		return places, 1
	}
	sort.Slice(places, func(i, j int) bool { return places[i].Compare(places[j]) < 0 })
	distinct := places[:0]
	for i, at := range places {
		if i == 0 || at.Compare(distinct[len(distinct)-1]) != 0 {
			distinct = append(distinct, at)
		}
	}
	return distinct, to - from
}

// NameSpecial reports whether the ranges name special-purpose space.
func (r Ranges) NameSpecial() bool {
	special := prefixes.SpecialPurpose()
	for p := range r.Minimal() {
		if _, overlaps := special.Overlap(p); overlaps {
			return true
		}
	}
	return false
}
