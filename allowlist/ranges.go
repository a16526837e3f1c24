package allowlist

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"mailallow/allowlist/prefixes"
)

// Ranges holds the ranges of a source in little memory, because a list on disk
// may have a million. The zero value is empty. A copy shares its ranges with the
// original. Add nothing after the first call of Ordered, Minimal or Merge: they
// sort the ranges once and keep the result.
type Ranges struct{ *packed }

// packed labels each prefix with the number of its path.
type packed struct {
	list  prefixes.List
	paths [][]string // empty for a list on disk
	file  *string    // the name of a list on disk, whose labels are line numbers; else nil

	ordered func() order
}

type order struct {
	sorted prefixes.List
	fewest prefixes.List // cover exactly the same addresses
}

// RangesOf makes Ranges of single ranges.
func RangesOf(all ...Range) (r Ranges) {
	for _, one := range all {
		r.Add(one)
	}
	return r
}

// Add adds a range, whose prefix must be masked.
func (r *Ranges) Add(one Range) {
	if r.packed == nil {
		r.packed = newPacked()
	}
	r.list.Add(one.Prefix, uint32(len(r.paths)))
	r.paths = append(r.paths, one.Path)
}

// linesOf makes empty Ranges for a list on disk: labels are line numbers.
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

// Len gives the number of ranges.
func (r Ranges) Len() int {
	if r.packed == nil {
		return 0
	}
	return r.list.Len()
}

// All yields the ranges in the order of the source; within one line of a list on disk, IPv4 first.
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

// Ordered yields the ranges by address and path, IPv4 first.
func (r Ranges) Ordered() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		if r.packed == nil {
			return
		}
		var same []Range // with the same prefix
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

// fewest gives the fewest prefixes that cover exactly the addresses of the ranges.
func (r Ranges) fewest() prefixes.List {
	if r.packed == nil {
		return prefixes.List{}
	}
	return r.ordered().fewest
}

// Minimal yields the fewest prefixes that cover exactly the addresses of the
// ranges, IPv4 first, in address order.
func (r Ranges) Minimal() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for p := range r.fewest().All() {
			if !yield(p) {
				return
			}
		}
	}
}

// pathsInside gives the distinct paths of the ranges inside p, each on one line,
// sorted, and the number of these ranges.
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
