// Package prefixes merges lists of a million networks in about the time of
// sorting them, and in little memory: 8 bytes for an IPv4 network, 24 for an IPv6
// network. netipx does the same for small sets; tests compare the results.
//
// A list holds networks of both families, each with a label: a number with a
// meaning for the caller, such as a line or a source. The package reads no files
// and knows nothing about sources and actions. Methods for a sorted list do not
// check that it is sorted.
package prefixes

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"sort"
)

// MaxLabel is the largest label, because an IPv4 network and its label are one
// word. A list on disk of 64 MiB has fewer lines.
const MaxLabel = 1<<labelBits - 1

// List is a list of networks. The zero value is empty.
type List struct {
	v4 []narrow
	v6 []block
}

// block is a network of either family. An IPv4 network is in ::ffff:0:0/96, so its
// prefix length is 96 more.
type block struct {
	address
	label uint32
	bits  uint8
}

// narrow is an IPv4 network in a word that sorts like a block: the address, the
// prefix length, the label.
type narrow uint64

const (
	labelBits  = 26
	lengthBits = 6
	mapped     = 96 // bits before an IPv4 address in a block
)

// stored is the type of the networks of one family in a list.
type stored interface {
	narrow | block
	unpack() block
	order() address // the first bits of what lists are sorted by
}

func (b block) unpack() block { return b }

func (b block) order() address { return b.address }

func (n narrow) order() address { return address{hi: uint64(n)} }

func (n narrow) unpack() block {
	return block{address{lo: 0xffff<<32 | uint64(n)>>32}, uint32(n & MaxLabel), uint8(n>>labelBits&(1<<lengthBits-1)) + mapped}
}

func (b block) narrow() narrow {
	return narrow(b.lo<<32 | uint64(b.bits-mapped)<<labelBits | uint64(b.label))
}

func (b block) last() address { return b.address.lastOf(b.bits) }

// same reports whether b and c are the same network, with any labels.
func (b block) same(c block) bool { return b.address == c.address && b.bits == c.bits }

func (b block) compare(c block) int {
	switch {
	case b.address != c.address:
		return b.address.compare(c.address)
	case b.bits != c.bits:
		return int(b.bits) - int(c.bits)
	}
	return cmp.Compare(b.label, c.label)
}

func blockOf(p netip.Prefix, label uint32) block {
	b := block{addressOf(p.Addr()), label, uint8(p.Bits())}
	if p.Addr().Is4() {
		b.bits += mapped
	}
	return b
}

func (n narrow) prefix() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32)}), int(n>>labelBits&(1<<lengthBits-1)))
}

func (b block) prefix(is4 bool) netip.Prefix {
	if is4 {
		return netip.PrefixFrom(b.netip(true), int(b.bits-mapped))
	}
	return netip.PrefixFrom(b.netip(false), int(b.bits))
}

// Grow makes room for more networks of the family of p.
func (l *List) Grow(p netip.Prefix, more int) {
	if p.Addr().Is4() {
		l.v4 = slices.Grow(l.v4, more)
	} else {
		l.v6 = slices.Grow(l.v6, more)
	}
}

// Add adds a network without host bits and zone. It panics if p is invalid or label is over MaxLabel.
func (l *List) Add(p netip.Prefix, label uint32) {
	switch {
	case !p.IsValid() || label > MaxLabel:
		panic("prefixes: an invalid prefix, or a label over MaxLabel")
	case p.Addr().Is4():
		l.v4 = append(l.v4, blockOf(p, label).narrow())
	default:
		l.v6 = append(l.v6, blockOf(p, label))
	}
}

// Len gives the number of networks.
func (l List) Len() int { return len(l.v4) + len(l.v6) }

func (l List) at(i int) (b block, is4 bool) {
	if i < len(l.v4) {
		return l.v4[i].unpack(), true
	}
	return l.v6[i-len(l.v4)], false
}

// At gives network number i and its label. Numbers begin at 0, IPv4 first.
func (l List) At(i int) (netip.Prefix, uint32) {
	if i < len(l.v4) {
		return l.v4[i].prefix(), uint32(l.v4[i] & MaxLabel)
	}
	b := l.v6[i-len(l.v4)]
	return b.prefix(false), b.label
}

// Label gives the label of network number i.
func (l List) Label(i int) uint32 {
	if i < len(l.v4) {
		return uint32(l.v4[i] & MaxLabel)
	}
	return l.v6[i-len(l.v4)].label
}

// Lengths gives the number of networks of a family, IPv4 or IPv6, by prefix length.
func (l List) Lengths(ipv4 bool) (networks [128 + 1]int) {
	if !ipv4 {
		for i := range l.v6 {
			networks[l.v6[i].bits]++
		}
		return networks
	}
	for _, n := range l.v4 {
		networks[n.unpack().bits-mapped]++
	}
	return networks
}

// Wider yields the networks whose prefix length is shorter than the limit of their
// family.
func (l List) Wider(ipv4, ipv6 int) iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for i := range l.Len() {
			b, is4 := l.at(i)
			if (is4 && int(b.bits) < ipv4+mapped || !is4 && int(b.bits) < ipv6) && !yield(b.prefix(is4)) {
				return
			}
		}
	}
}

// All yields the networks and their labels, IPv4 first.
func (l List) All() iter.Seq2[netip.Prefix, uint32] {
	return func(yield func(netip.Prefix, uint32) bool) {
		for i := range l.Len() {
			if !yield(l.At(i)) {
				return
			}
		}
	}
}

// Networks yields the networks, IPv4 first.
func (l List) Networks() iter.Seq[netip.Prefix] {
	return func(yield func(netip.Prefix) bool) {
		for i := range l.Len() {
			if b, is4 := l.at(i); !yield(b.prefix(is4)) {
				return
			}
		}
	}
}

// ByLabel yields the networks in the order of their labels; networks of the same
// label, IPv4 first. The caller must have added them in this order of labels.
func (l List) ByLabel() iter.Seq2[netip.Prefix, uint32] {
	return func(yield func(netip.Prefix, uint32) bool) {
		for i, j := 0, 0; i < len(l.v4) || j < len(l.v6); {
			number := len(l.v4) + j
			if j == len(l.v6) || i < len(l.v4) && uint32(l.v4[i]&MaxLabel) <= l.v6[j].label {
				number, i = i, i+1
			} else {
				j++
			}
			if !yield(l.At(number)) {
				return
			}
		}
	}
}

// IsSorted reports whether a list is in the order of Sorted.
func (l List) IsSorted() bool {
	return slices.IsSorted(l.v4) && slices.IsSortedFunc(l.v6, block.compare)
}

// Join makes one sorted list of sorted lists with labels of zero, such as those of
// Fewest. The label of a network is the number of its list.
func Join(lists ...List) List {
	if len(lists) > 0 && !slices.ContainsFunc(lists[1:], func(l List) bool { return l.Len() > 0 }) {
		return lists[0] // its labels are zero already
	}
	var all List
	for label, l := range lists {
		all.v4, all.v6 = slices.Grow(all.v4, len(l.v4)), slices.Grow(all.v6, len(l.v6))
		for _, n := range l.v4 {
			all.v4 = append(all.v4, n&^MaxLabel|narrow(label))
		}
		for _, b := range l.v6 {
			b.label = uint32(label)
			all.v6 = append(all.v6, b)
		}
	}
	return all.Sorted()
}

// Fewest gives the fewest networks that cover the addresses of a sorted list, sorted
// and with labels of zero.
func (l List) Fewest() List {
	return List{fewest(l.v4, mapped, block.narrow), fewest(l.v6, 0, block.unpack)}
}

// fewest removes a network that is inside the one before it, and joins two halves as
// soon as it has both. root is the prefix length of the whole family.
func fewest[T stored](sorted []T, root uint8, pack func(block) T) []T {
	kept := make([]T, 0, len(sorted))
	var top block // the last of kept
	for _, item := range sorted {
		b := item.unpack()
		if b.label = 0; len(kept) > 0 && !top.last().less(b.address) {
			continue
		}
		for len(kept) > 0 && b.bits > root && b.bits == top.bits && b.address.firstOf(b.bits-1) == top.address {
			kept = kept[:len(kept)-1]
			b = block{address: top.address, bits: top.bits - 1}
			if len(kept) > 0 {
				top = kept[len(kept)-1].unpack()
			}
		}
		kept, top = append(kept, pack(b)), b
	}
	if len(kept) < len(sorted)/2 { // it stays as long as the list
		kept = slices.Clone(kept)
	}
	return kept
}

// Longest gives the number of the longest network of a sorted list that holds addr,
// or the first of equal ones; ok is false if none does.
func (l List) Longest(addr netip.Addr) (number int, ok bool) {
	base, limit := len(l.v4), 128
	search := func(limit block) int { return searchPast(l.v6, limit) }
	if addr.Is4() {
		base = 0
		search = func(limit block) int { return searchPast(l.v4, limit) }
	}
	a := addressOf(addr)
	for {
		// The last network that begins no later than the address either holds it, or has
		// only some leading bits in common with it. In that case a network that holds the
		// address is no longer than these bits.
		i := search(block{a.firstOf(uint8(limit)), MaxLabel, uint8(limit)}) - 1
		if i < 0 {
			return 0, false
		}
		b, _ := l.at(base + i)
		common := a.common(b.address)
		if int(b.bits) > common {
			limit = common
			continue
		}
		for i > 0 {
			if before, _ := l.at(base + i - 1); !before.same(b) {
				break
			}
			i--
		}
		return base + i, true
	}
}

// searchPast gives the number of the first network after limit.
func searchPast[T stored](sorted []T, limit block) int {
	return sort.Search(len(sorted), func(i int) bool { return sorted[i].unpack().compare(limit) > 0 })
}

// Contains reports whether a network of a sorted list holds addr.
func (l List) Contains(addr netip.Addr) bool {
	_, ok := l.Longest(addr)
	return ok
}

// Inside gives the networks of a sorted list that are equal to p or inside it: they
// have the numbers from from to to-1.
func (l List) Inside(p netip.Prefix) (from, to int) { return l.InsideNear(p, 0) }

// InsideNear is Inside, and faster if the number near is a little before the first of these networks.
func (l List) InsideNear(p netip.Prefix, near int) (from, to int) {
	first := blockOf(p, 0)
	last := block{first.last(), MaxLabel, 128}
	if p.Addr().Is4() {
		return inside(l.v4, near, first.narrow(), last.narrow(), func(a, b narrow) bool { return a < b })
	}
	from, to = inside(l.v6, near-len(l.v4), first, last, func(a, b block) bool { return a.compare(b) < 0 })
	return len(l.v4) + from, len(l.v4) + to
}

// inside gives the numbers of the networks from first to last in the order of Sorted. It looks for the last one from the first
// on, because most networks have few others inside.
func inside[T stored](sorted []T, near int, first, last T, less func(a, b T) bool) (from, to int) {
	if near > 0 && near <= len(sorted) && less(sorted[near-1], first) {
		rest := sorted[near:]
		from = near + searchNear(len(rest), func(i int) bool { return !less(rest[i], first) })
	} else {
		from = sort.Search(len(sorted), func(i int) bool { return !less(sorted[i], first) })
	}
	rest := sorted[from:]
	return from, from + searchNear(len(rest), func(i int) bool { return less(last, rest[i]) })
}

// searchNear is sort.Search, and faster for a result that is small.
func searchNear(n int, found func(int) bool) int {
	end := 1
	for end < n && !found(end) {
		end *= 2
	}
	return sort.Search(min(end, n), found)
}

// FilledByLonger reports whether the networks of a sorted list that are inside p, and
// not p, hold all of its addresses.
func (l List) FilledByLonger(p netip.Prefix) bool {
	from, to := l.Inside(p)
	whole := blockOf(p, 0)
	next := whole.address // the first address that no network yet holds
	for i := from; i < to; i++ {
		switch b, _ := l.at(i); {
		case b.bits == whole.bits, b.last().less(next):
		case next.less(b.address):
			return false
		case !b.last().less(whole.last()):
			return true
		default:
			next = b.last().next()
		}
	}
	return false
}

// Overlap gives the first network that a sorted list and p have in common; ok is
// false if they have none.
func (l List) Overlap(p netip.Prefix) (common netip.Prefix, ok bool) {
	if i, holds := l.Longest(p.Addr()); holds {
		if q, _ := l.At(i); q.Bits() <= p.Bits() {
			return p, true
		}
	}
	from, to := l.Inside(p)
	if from == to {
		return netip.Prefix{}, false
	}
	common, _ = l.At(from)
	return common, true
}
