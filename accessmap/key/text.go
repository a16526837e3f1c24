package key

import (
	"net/netip"
	"strconv"
	"strings"
)

// Connect is the tag of every key that mailallow writes. An untagged key would also match a forged sender domain if
// delay_checks is configured (docs/facts.md 3).
const Connect = "Connect:"

// IPv6 comes after the tag, before the groups of an IPv6 address (docs/facts.md 2).
const IPv6 = "IPv6:"

// Append appends the address part of a key to b: octets, or "IPv6:" and 16-bit groups in lower-case hex without leading
// zeros. The length of key must be a multiple of Step.
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

// MaxLen bounds the length of a key of that many bits, with Connect.
func MaxLen(key netip.Prefix) int {
	if key.Addr().Is4() {
		return len(Connect) + key.Bits()/8*len("255.")
	}
	return len(Connect) + len(IPv6) + key.Bits()/16*len("ffff:")
}

// Text writes a key with the tag of like, or with Connect if like has none.
func Text(like Key, p netip.Prefix) string {
	tag := like.Written
	if tag == "" {
		tag = Connect
	}
	return string(Append([]byte(tag), p))
}

// Parse reads the address part of a key by the rules of Sendmail, in any case, because makemap folds it. ok is false for a
// text that never matches an address: CIDR, leading zeros, "::", a host name (docs/facts.md 1, 2).
func Parse(key string) (p netip.Prefix, ok bool) {
	if n := len(IPv6); len(key) >= n && strings.EqualFold(key[:n], IPv6) {
		var b [16]byte
		groups, ok := parseNumbers(key[n:], ':', 16, 8, 1<<16, func(i int, v uint32) { b[2*i], b[2*i+1] = byte(v>>8), byte(v) })
		return netip.PrefixFrom(netip.AddrFrom16(b), 16*groups), ok
	}
	var b [4]byte
	octets, ok := parseNumbers(key, '.', 10, 4, 1<<8, func(i int, v uint32) { b[i] = byte(v) })
	return netip.PrefixFrom(netip.AddrFrom4(b), 8*octets), ok
}

// parseNumbers reads one to most numbers below bound, calls set for each, and returns how many there are. It accepts only
// the form that Sendmail writes.
func parseNumbers(s string, sep byte, base uint32, most int, bound uint32, set func(int, uint32)) (n int, ok bool) {
	for {
		digits, value := 0, uint32(0)
		for digits < len(s) && s[digits] != sep {
			d := digit(s[digits])
			if d >= base || digits > 0 && value == 0 { // not a digit, or after a leading zero
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

// digit is the value of a hexadecimal digit; 16 for any other byte.
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

// IsBareIPv6 reports whether a key is an IPv6 address or network without "IPv6:" before it. Such a key never matches
// (docs/facts.md 2).
func IsBareIPv6(key string) bool {
	address, _, _ := strings.Cut(key, "/")
	if addr, err := netip.ParseAddr(address); err == nil {
		return addr.Is6()
	}
	const minGroups = 3 // abc:def is a tag and a name
	groups := strings.Split(strings.TrimSuffix(address, ":"), ":")
	return len(groups) >= minGroups && Groups(groups) != nil
}

// Groups returns the values of 16-bit groups in hex; nil if there are more than eight, or one is not a group.
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
