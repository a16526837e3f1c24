package key

import (
	"encoding/binary"
	"net/netip"
)

// place is an address of either family with its first octet or group on top, so that a shift gives any of its octets or groups:
// Walk looks at a few of them for every key, and netip.Addr takes five times as long. The bits below an IPv4 address are those
// of the network: zeros in its first place, ones in its last.
type place struct{ hi, lo uint64 }

// extent is a run of addresses from one place to another.
type extent struct{ from, to place }

func extentOf(from, to netip.Addr) extent {
	end := placeOf(to)
	if to.Is4() {
		end = end.last(32)
	}
	return extent{placeOf(from), end}
}

func placeOf(a netip.Addr) place {
	if a.Is4() {
		b := a.As4()
		return place{hi: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return place{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// prefix gives the network that begins at p, of the family whose keys have this step.
func (p place) prefix(bits, step int) netip.Prefix {
	if step == stepIPv4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(p.hi >> 56), byte(p.hi >> 48), byte(p.hi >> 40), byte(p.hi >> 32)}), bits)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.PrefixFrom(netip.AddrFrom16(b), bits)
}

func (p place) less(q place) bool { return p.hi < q.hi || p.hi == q.hi && p.lo < q.lo }

// last gives the last place of the network of this length around p.
func (p place) last(bits int) place {
	if bits < 64 {
		return place{p.hi | ^uint64(0)>>bits, ^uint64(0)}
	}
	return place{p.hi, p.lo | ^uint64(0)>>(bits-64)} // a shift by 64 gives 0
}

// number gives the last octet or group of the network of this length around p.
func (p place) number(bits, step int) int {
	if bits <= 64 {
		return int(p.hi >> (64 - bits) & (1<<step - 1))
	}
	return int(p.lo >> (128 - bits) & (1<<step - 1))
}

// child gives the first place of a network within one that begins at p: with this number for its last octet or group.
func (p place) child(number, bits int) place {
	if bits <= 64 {
		return place{p.hi | uint64(number)<<(64-bits), p.lo}
	}
	return place{p.hi, p.lo | uint64(number)<<(128-bits)}
}

// covers reports whether e has all addresses of the network that begins at first.
func (e extent) covers(first place, bits int) bool {
	return !first.less(e.from) && !e.to.less(first.last(bits))
}

// lastCovered gives the number of the last child, of this length, that e covers in the network that begins at first. It must
// cover at least one.
func (e extent) lastCovered(first place, bits, step int) int {
	if !e.to.less(first.last(bits - step)) {
		return 1<<step - 1
	}
	last := e.to.number(bits, step)
	if e.to != e.to.last(bits) {
		last-- // it ends inside that child
	}
	return last
}
