package key

import (
	"net/netip"
	"strconv"
	"strings"
)

// IsBareIPv6 reports whether a key is an IPv6 address or network without IPv6: before it.
func IsBareIPv6(key string) bool {
	address, _, _ := strings.Cut(key, "/")
	if addr, err := netip.ParseAddr(address); err == nil {
		return addr.Is6()
	}
	const told = 3 // groups: with fewer, abc:def is a tag and a name
	groups := strings.Split(strings.TrimSuffix(address, ":"), ":")
	return len(groups) >= told && Groups(groups) != nil
}

// Groups are the values of 16-bit groups; nil when one is none.
func Groups(groups []string) (values []uint16) {
	if len(groups) > 8 {
		return nil
	}
	for _, g := range groups {
		v, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(g) > 4 {
			return nil
		}
		values = append(values, uint16(v))
	}
	return values
}

// Of gives the fewest keys for a prefix: how many there are, and the first; nthKey gives the others.
func Of(p netip.Prefix) (first netip.Prefix, count int) {
	step := Step(p)
	bits := max((p.Bits()+step-1)/step*step, step)
	return netip.PrefixFrom(p.Addr(), bits), 1 << (bits - p.Bits())
}

// Text writes a key under the tag of another; what had none gets Connect: (docs/facts.md 3).
func Text(like Key, p netip.Prefix) string {
	tag := like.Written
	if tag == "" {
		tag = Connect
	}
	return string(Append([]byte(tag), p))
}

// Step is how many bits lie between two lengths of keys.
func Step(p netip.Prefix) int {
	if p.Addr().Is6() {
		return 16
	}
	return 8
}

// Connect stands before every key of ours. An untagged key also matches a
// forged sender domain where delay_checks is configured (docs/facts.md 3).
const Connect = "Connect:"

// IPv6 is the family that stands behind the tag (docs/facts.md 2).
const IPv6 = "IPv6:"

// LastNumber is the last octet or group of a key, and the base that it is written
// in; the key of a family alone has none.
func LastNumber(key netip.Prefix) (number, base int) {
	b := key.Addr().AsSlice()
	at := key.Bits() / 8
	switch {
	case at == 0:
		return 0, 10
	case key.Addr().Is4():
		return int(b[at-1]), 10
	}
	return int(b[at-2])<<8 | int(b[at-1]), 16
}

// Nth is the key of that number among those from first on that differ from it
// in the last octet or group alone.
func Nth(first netip.Prefix, number int) netip.Prefix {
	at := first.Bits() / 8
	switch {
	case number == 0:
		return first
	case first.Addr().Is4():
		b := first.Addr().As4()
		b[at-1] += byte(number)
		return netip.PrefixFrom(netip.AddrFrom4(b), first.Bits())
	}
	b := first.Addr().As16()
	group := int(b[at-2])<<8 | int(b[at-1]) + number
	b[at-2], b[at-1] = byte(group>>8), byte(group)
	return netip.PrefixFrom(netip.AddrFrom16(b), first.Bits())
}

// Append writes the address part of a key: octets, or "IPv6:" and 16-bit
// groups in lower case hex without leading zeros. key ends on such a boundary.
func Append(b []byte, key netip.Prefix) []byte {
	if key.Addr().Is4() {
		octets := key.Addr().As4()
		for i := range key.Bits() / 8 {
			if i > 0 {
				b = append(b, '.')
			}
			b = strconv.AppendUint(b, uint64(octets[i]), 10)
		}
		return b
	}
	b = append(b, IPv6...)
	bytes := key.Addr().As16()
	for i := range key.Bits() / 16 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(bytes[2*i])<<8|uint64(bytes[2*i+1]), 16)
	}
	return b
}

// Parse reads the address part of a key as Sendmail would match it. ok is
// false for what can never match an address: CIDR, leading zeros, "::", a host
// name (docs/facts.md 1 and 2). Letters are folded, as makemap does.
func Parse(key string) (p netip.Prefix, ok bool) {
	if n := len(IPv6); len(key) >= n && strings.EqualFold(key[:n], IPv6) {
		var b [16]byte
		groups, ok := parseParts(key[n:], ':', 16, 8, 1<<16, func(i int, v uint32) { b[2*i], b[2*i+1] = byte(v>>8), byte(v) })
		return netip.PrefixFrom(netip.AddrFrom16(b), 16*groups), ok
	}
	var b [4]byte
	octets, ok := parseParts(key, '.', 10, 4, 1<<8, func(i int, v uint32) { b[i] = byte(v) })
	return netip.PrefixFrom(netip.AddrFrom4(b), 8*octets), ok
}

// parseParts reads up to most numbers below bound, each written the one way
// Sendmail writes it, and gives how many they are.
func parseParts(s string, sep byte, base uint32, most int, bound uint32, set func(int, uint32)) (n int, ok bool) {
	for {
		digits, value := 0, uint32(0)
		for digits < len(s) && s[digits] != sep {
			d := digit(s[digits])
			if d >= base || digits > 0 && value == 0 { // a zero in front
				return 0, false
			}
			if value = value*base + d; value >= bound {
				return 0, false
			}
			digits++
		}
		if digits == 0 || n == most {
			return 0, false
		}
		set(n, value)
		n++
		if digits == len(s) {
			return n, true
		}
		s = s[digits+1:]
	}
}

// digit is the value of a digit in base 16; 16 is none.
func digit(c byte) uint32 {
	switch {
	case '0' <= c && c <= '9':
		return uint32(c - '0')
	case 'a' <= c && c <= 'f':
		return uint32(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return uint32(c-'A') + 10
	}
	return 16
}
