package prefixes

import (
	"iter"
	"net/netip"
)

// Run is a run of addresses of one family, From to To inclusive, that one network of a list decides.
type Run struct {
	From, To netip.Addr
	Number   int // of the network in its list
}

// Nest divides the addresses of a sorted list into runs and yields them in address order, IPv4 first. The longest
// network around an address decides it, or the first of equal ones. No run contains an address of holes, which must be a
// result of Fewest.
func (l List) Nest(holes List) iter.Seq[Run] {
	return func(yield func(Run) bool) {
		v4 := sweep[narrow]{entries: l.v4, holes: holes.v4, is4: true, yield: yield}
		v6 := sweep[block]{entries: l.v6, holes: holes.v6, base: len(l.v4), yield: yield}
		_ = v4.run() && v6.run()
	}
}

// sweep goes through the networks of one family. Two networks are either nested or disjoint, so it needs only a stack of
// the networks around the current address.
type sweep[T stored] struct {
	entries, holes []T
	base           int // number of the first entry
	is4            bool
	yield          func(Run) bool

	open []openNetwork
	next address // the first address that is in no run yet
	past bool    // next is past the last address of the family
}

type openNetwork struct {
	number int
	last   address
}

func (s *sweep[T]) run() bool {
	var before block
	for i, item := range s.entries {
		b := item.unpack()
		if i > 0 && b.same(before) {
			continue
		}
		if before = b; !s.closeBefore(b.address) {
			return false
		}
		if n := len(s.open); n > 0 && s.next.less(b.address) && !s.emit(b.address.prev(), s.open[n-1].number) {
			return false
		}
		s.next, s.past = b.address, false
		s.open = append(s.open, openNetwork{i, b.last()})
	}
	for len(s.open) > 0 {
		if !s.closeTop() {
			return false
		}
	}
	return true
}

// closeBefore closes the networks that end before a.
func (s *sweep[T]) closeBefore(a address) bool {
	for len(s.open) > 0 && s.open[len(s.open)-1].last.less(a) {
		if !s.closeTop() {
			return false
		}
	}
	return true
}

func (s *sweep[T]) closeTop() bool {
	top := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	if !s.emit(top.last, top.number) {
		return false
	}
	s.next = top.last.next()
	s.past = s.past || s.next == address{}
	return true
}

// emit yields the addresses from next up to to, without the holes, as runs of a network.
func (s *sweep[T]) emit(to address, number int) bool {
	from := s.next
	if s.past || to.less(from) {
		return true
	}
	for ; len(s.holes) > 0; s.holes = s.holes[1:] {
		hole := s.holes[0].unpack()
		if last := hole.last(); last.less(from) {
			continue
		} else if to.less(hole.address) {
			break
		} else if from.less(hole.address) && !s.emitRun(from, hole.address.prev(), number) {
			return false
		} else if !last.less(to) {
			return true // keep the hole: it may reach into the next run
		} else {
			from = last.next()
		}
	}
	return s.emitRun(from, to, number)
}

func (s *sweep[T]) emitRun(from, to address, number int) bool {
	return s.yield(Run{from.netip(s.is4), to.netip(s.is4), s.base + number})
}
