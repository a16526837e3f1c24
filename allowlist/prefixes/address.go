package prefixes

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// address is an address of either family; an IPv4 address is in ::ffff:0:0/96.
type address struct{ hi, lo uint64 }

func addressOf(a netip.Addr) address {
	if a.Is4() {
		b := a.As4()
		return address{lo: 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a address) netip(is4 bool) netip.Addr {
	if is4 {
		return netip.AddrFrom4([4]byte{byte(a.lo >> 24), byte(a.lo >> 16), byte(a.lo >> 8), byte(a.lo)})
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

func (a address) less(b address) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a address) compare(b address) int {
	switch {
	case a == b:
		return 0
	case a.less(b):
		return -1
	}
	return 1
}

// next gives the next address; after the last one, the first.
func (a address) next() address {
	lo, carry := bits.Add64(a.lo, 1, 0)
	return address{a.hi + carry, lo}
}

// prev gives the address before a; before the first one, the last.
func (a address) prev() address {
	lo, borrow := bits.Sub64(a.lo, 1, 0)
	return address{a.hi - borrow, lo}
}

// hostBits gives ones after the first length bits.
func hostBits(length uint8) address {
	if length < 64 {
		return address{^uint64(0) >> length, ^uint64(0)}
	}
	return address{0, ^uint64(0) >> (length - 64)} // a shift by 64 gives 0
}

// firstOf gives the first address of the network of this length around a.
func (a address) firstOf(length uint8) address {
	host := hostBits(length)
	return address{a.hi &^ host.hi, a.lo &^ host.lo}
}

// lastOf gives the last address of the network of this length around a.
func (a address) lastOf(length uint8) address {
	host := hostBits(length)
	return address{a.hi | host.hi, a.lo | host.lo}
}

// common gives the number of equal leading bits.
func (a address) common(b address) int {
	if a.hi != b.hi {
		return bits.LeadingZeros64(a.hi ^ b.hi)
	}
	return 64 + bits.LeadingZeros64(a.lo^b.lo)
}

// trailing gives the number of trailing zero bits.
func (a address) trailing() int {
	if a.lo != 0 {
		return bits.TrailingZeros64(a.lo)
	}
	return 64 + bits.TrailingZeros64(a.hi)
}

// AppendRange appends the fewest networks that cover the addresses of one family
// from first to last.
func AppendRange(to []netip.Prefix, first, last netip.Addr) []netip.Prefix {
	is4, shortest := first.Is4(), uint8(0)
	if is4 {
		shortest = mapped
	}
	from, end := addressOf(first), addressOf(last)
	for more := !end.less(from); more; {
		var network block
		network, from, more = widest(from, end, shortest)
		to = append(to, network.prefix(is4))
	}
	return to
}
