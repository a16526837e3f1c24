package allowlist

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"mailallow/allowlist/prefixes"
)

// Ranges are the ranges of a source. They are packed: a list on disk may have a
// million, and the path of each is known from its line. The zero value is empty;
// a copy is the same ranges, and nothing is added once they have been looked at.
type Ranges struct{ *packed }

// packed are prefixes, each labelled with the number of its path.
type packed struct {
	list  prefixes.List
	paths [][]string
	file  *string // of a list on disk: the number is that of a line, and the path is made of both

	ordered func() order
}

// order is what is worked out once, when it is first asked for.
type order struct {
	sorted prefixes.List
	fewest prefixes.List // that cover exactly the same addresses
}

// RangesOf are these ranges.
func RangesOf(all ...Range) (r Ranges) {
	for _, one := range all {
		r.Add(one)
	}
	return r
}

// Add adds a range.
func (r *Ranges) Add(one Range) {
	if r.packed == nil {
		r.packed = newPacked()
	}
	r.list.Add(one.Prefix, uint32(len(r.paths)))
	r.paths = append(r.paths, one.Path)
}

// linesOf are the ranges of a list on disk, to be filled: the label is the line.
func linesOf(file string) Ranges {
	r := Ranges{newPacked()}
	r.file = &file
	return r
}

func newPacked() *packed {
	p := &packed{}
	p.ordered = sync.OnceValue(func() order {
		sorted := p.list.Sorted()
		return order{sorted, sorted.Fewest()}
	})
	return p
}

// Len is how many there are.
func (r Ranges) Len() int {
	if r.packed == nil {
		return 0
	}
	return r.list.Len()
}

// All goes through the ranges in the order of the source; those of one line of a list on disk, IPv4 first.
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

// Ordered goes through the ranges by address and path, IPv4 first.
func (r Ranges) Ordered() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		if r.packed == nil {
			return
		}
		var same []Range // ranges of one prefix
		flush := func() bool {
			slices.SortFunc(same, func(a, b Range) int { return slices.Compare(a.Path, b.Path) })
			for _, one := range same {
				if !yield(one) {
					return false
				}
			}
			same = same[:0]
			return true
		}
		for p, number := range r.ordered().sorted.All() {
			if len(same) > 0 && same[0].Prefix != p && !flush() {
				return
			}
			same = append(same, Range{p, r.path(number)})
		}
		flush()
	}
}

func (p *packed) path(number uint32) []string {
	if p.file != nil {
		return []string{*p.file + ":" + strconv.FormatUint(uint64(number), 10)}
	}
	return p.paths[number]
}

// fewest are the fewest prefixes that cover exactly the addresses of the ranges.
func (r Ranges) fewest() prefixes.List {
	if r.packed == nil {
		return prefixes.List{}
	}
	return r.ordered().fewest
}

// Minimal goes through the fewest prefixes that cover exactly the addresses of
// ranges: IPv4 first, in address order.
func (r Ranges) Minimal() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for p := range r.fewest().All() {
			if !yield(p) {
				return
			}
		}
	}
}

// pathsInside are the paths of the ranges inside p, each on one line and once, in
// order, and how many ranges these are.
func (r Ranges) pathsInside(p netip.Prefix) (paths []string, ranges int) {
	sorted := r.ordered().sorted
	from, to := sorted.Inside(p)
	paths = make([]string, 0, to-from)
	for i := from; i < to; i++ {
		q, number := sorted.At(i)
		paths = append(paths, Range{q, r.path(number)}.PathString())
	}
	slices.Sort(paths)
	return slices.Compact(paths), to - from
}
