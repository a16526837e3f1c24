package prefixes

import (
	"iter"
	"math"
	"net/netip"
	"slices"
)

// Minus gives the addresses of l that other does not hold, in the fewest networks, in order. Both lists are in the fewest
// networks (Fewest). It takes time in proportion to their lengths and to that of the result, which can be a hundred times as
// long: see MinusUpTo.
func (l List) Minus(other List) List {
	left, _ := l.MinusUpTo(other, math.MaxInt)
	return left
}

// MinusUpTo is Minus for a result of at most so many networks; ok is false if there are more, and some are left out.
func (l List) MinusUpTo(other List, most int) (left List, ok bool) {
	ok = without(l.v4, other.v4, func(first, last address) bool {
		left.v4 = appendNetworks(left.v4, first, last, mapped, block.narrow)
		return left.Len() <= most
	}) && without(l.v6, other.v6, func(first, last address) bool {
		left.v6 = appendNetworks(left.v6, first, last, 0, block.unpack)
		return left.Len() <= most
	})
	return left, ok
}

// Without yields the addresses of l that other does not hold, in runs from one address to another of the same family, in order.
// There are no more runs than networks in both lists. Both are in the fewest networks (Fewest).
func (l List) Without(other List) iter.Seq2[netip.Addr, netip.Addr] {
	return func(yield func(from, to netip.Addr) bool) {
		_ = without(l.v4, other.v4, func(first, last address) bool { return yield(first.netip(true), last.netip(true)) }) &&
			without(l.v6, other.v6, func(first, last address) bool { return yield(first.netip(false), last.netip(false)) })
	}
}

// without yields the runs of one family, until yield reports false, which it returns. Each lies in one network of list, which is
// cut at networks of other alone: no two networks of two runs can be put together, for they would be halves of one in list.
func without[T stored](list, other []T, yield func(first, last address) bool) bool {
	next := 0 // the first of other that does not end before the network
	for _, item := range list {
		network := item.unpack()
		at, end, all := network.address, network.last(), true
		for next < len(other) && other[next].unpack().last().less(at) {
			next++
		}
		for k := next; k < len(other); k++ {
			cut := other[k].unpack()
			if end.less(cut.address) {
				break
			}
			if at.less(cut.address) && !yield(at, cut.address.prev()) {
				return false
			}
			if !cut.last().less(end) {
				all = false
				break
			}
			at = cut.last().next()
		}
		if all && !yield(at, end) {
			return false
		}
	}
	return true
}

// appendNetworks appends the fewest networks of the addresses from first to last.
func appendNetworks[T stored](to []T, first, last address, shortest uint8, pack func(block) T) []T {
	for more := !last.less(first); more; {
		var network block
		network, first, more = widest(first, last, shortest)
		to = append(to, pack(network))
	}
	return to
}

// widest gives the widest network that begins at first and does not reach past last, and the address after it, if that is not past
// last.
func widest(first, last address, shortest uint8) (network block, next address, more bool) {
	length := max(shortest, uint8(128-first.trailing()))
	for last.less(first.lastOf(length)) {
		length++
	}
	end := first.lastOf(length)
	return block{address: first, bits: length}, end.next(), end.less(last)
}

// Equal tells whether two lists in the fewest networks (Fewest) hold the same addresses.
func Equal(a, b List) bool { return slices.Equal(a.v4, b.v4) && slices.Equal(a.v6, b.v6) }
