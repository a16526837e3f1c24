package key

import "net/netip"

// A key matches the addresses of one network, so that a netip.Prefix can stand for it. Its length is a multiple of Step.

const (
	stepIPv4 = 8
	stepIPv6 = 16
)

// Step is the number of bits between two lengths of keys: 8 for IPv4, 16 for IPv6 (docs/facts.md 1, 2).
func Step(p netip.Prefix) int { return stepOf(p.Addr()) }

func stepOf(a netip.Addr) int {
	if a.Is6() {
		return stepIPv6
	}
	return stepIPv4
}

// Of returns the fewest keys that match exactly the addresses of a prefix: the first one and their number. Nth returns the
// others.
func Of(p netip.Prefix) (first netip.Prefix, count int) {
	step := Step(p)
	bits := max((p.Bits()+step-1)/step*step, step)
	return netip.PrefixFrom(p.Addr(), bits), 1 << (bits - p.Bits())
}

// Nth returns the key that is number keys after first, from 0. They differ only in the last octet or group, which must not
// overflow.
func Nth(first netip.Prefix, number int) netip.Prefix {
	end := first.Bits() / 8
	switch {
	case number == 0:
		return first
	case first.Addr().Is4():
		b := first.Addr().As4()
		b[end-1] += byte(number)
		return netip.PrefixFrom(netip.AddrFrom4(b), first.Bits())
	}
	b := first.Addr().As16()
	group := int(b[end-2])<<8 | int(b[end-1]) + number
	b[end-2], b[end-1] = byte(group>>8), byte(group)
	return netip.PrefixFrom(netip.AddrFrom16(b), first.Bits())
}

// LastNumber is the last octet or group of a key, and the base in which it is written; 0 for a key without any.
func LastNumber(key netip.Prefix) (number, base int) {
	b, end := key.Addr().As16(), key.Bits()/8
	switch {
	case end == 0:
		return 0, 10
	case key.Addr().Is4():
		return int(b[12+end-1]), 10 // the octets of an IPv4 address come last
	}
	return int(b[end-2])<<8 | int(b[end-1]), 16
}
