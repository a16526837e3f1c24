package prefixes

import "slices"

// Minus gives the addresses of l that other does not hold, in the fewest networks, in order. Both lists are in the fewest
// networks (Fewest). It takes time in proportion to their lengths.
func (l List) Minus(other List) List {
	return List{minus(l.v4, other.v4, mapped, block.narrow), minus(l.v6, other.v6, 0, block.unpack)}
}

// minus is Minus for one family. No two networks of the result can be put together: they would be halves of a network that
// lies in one network of list, which is cut at networks of other alone. shortest is the length of the whole family.
func minus[T stored](list, other []T, shortest uint8, pack func(block) T) []T {
	var left []T
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
			if at.less(cut.address) {
				left = appendNetworks(left, at, cut.address.prev(), shortest, pack)
			}
			if !cut.last().less(end) {
				all = false
				break
			}
			at = cut.last().next()
		}
		if all {
			left = appendNetworks(left, at, end, shortest, pack)
		}
	}
	return left
}

// appendNetworks appends the fewest networks of the addresses from first to last.
func appendNetworks[T stored](to []T, first, last address, shortest uint8, pack func(block) T) []T {
	for !last.less(first) {
		// The widest network that begins here, and from there the widest that does not reach past the end.
		length := max(shortest, uint8(128-first.trailing()))
		for last.less(first.lastOf(length)) {
			length++
		}
		to = append(to, pack(block{address: first, bits: length}))
		after := first.lastOf(length).next()
		if !first.less(after) {
			break
		}
		first = after
	}
	return to
}

// Equal tells whether two lists in the fewest networks (Fewest) hold the same addresses.
func Equal(a, b List) bool { return slices.Equal(a.v4, b.v4) && slices.Equal(a.v6, b.v6) }
