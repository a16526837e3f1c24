package prefixes

import "net/netip"

// Parse reads a network or an address in plain notation: decimal octets, or groups
// of hex digits with or without "::", with or without a prefix length. ok is false
// for any other text, also for a correct one that is unusual (an IPv4 address in an
// IPv6 address, a zone, host bits): the caller asks netip then.
func Parse(text []byte) (p netip.Prefix, ok bool) {
	p, rest, ok := ParseLine(text)
	return p, ok && len(rest) == 0
}

// ParseLine reads such a network from the beginning of text to the end of its first
// line, and gives the rest, which is empty or begins with LF.
func ParseLine(text []byte) (p netip.Prefix, rest []byte, ok bool) {
	var a address
	var bits uint8
	for _, c := range text[:min(len(text), len("ffff:"))] {
		switch c {
		case '.':
			if a.lo, rest, ok = parseOctets(text); !ok {
				return p, nil, false
			}
			bits, rest, ok = parseLength(rest, 32)
			b := block{address: a, bits: bits + mapped}
			return b.prefix(true), rest, ok && b.firstOf(b.bits) == b.address
		case ':':
			if a, rest, ok = parseGroups(text); !ok {
				return p, nil, false
			}
			bits, rest, ok = parseLength(rest, 128)
			b := block{address: a, bits: bits}
			return b.prefix(false), rest, ok && b.firstOf(b.bits) == b.address && !b.isMapped()
		}
	}
	return p, nil, false
}

// isMapped reports whether an IPv6 network lies among the IPv4-mapped addresses.
func (b block) isMapped() bool { return b.hi == 0 && b.lo>>32 == 0xffff }

// parseOctets reads four octets without leading zeros.
func parseOctets(text []byte) (lo uint64, rest []byte, ok bool) {
	i := 0
	for octet := range 4 {
		if octet > 0 {
			if i == len(text) || text[i] != '.' {
				return 0, nil, false
			}
			i++
		}
		start, v := i, uint64(0)
		for i < len(text) && isDigit(text[i]) && i < start+3 {
			v = v*10 + uint64(text[i]-'0')
			i++
		}
		if i == start || v > 255 || text[start] == '0' && i > start+1 {
			return 0, nil, false
		}
		lo = lo<<8 | v
	}
	return 0xffff<<32 | lo, text[i:], true
}

// parseGroups reads eight groups, or fewer with one "::" in place of the rest.
func parseGroups(text []byte) (a address, rest []byte, ok bool) {
	i, groups, gap := 0, 0, -1 // gap is the number of groups before "::", or -1
	var head, tail address     // the groups before "::" and after it
	for {
		if i+1 < len(text) && text[i] == ':' && text[i+1] == ':' {
			if gap >= 0 {
				return a, nil, false
			}
			gap, head, tail = groups, tail, address{}
			if i += 2; i == len(text) || hexDigits[text[i]] == 0 {
				break
			}
		} else if groups > 0 {
			if i == len(text) || text[i] != ':' {
				break
			}
			i++
		}
		start, v := i, uint64(0)
		for ; i < len(text); i++ {
			digit := hexDigits[text[i]]
			if digit == 0 {
				break
			}
			v = v<<4 | uint64(digit-1)
		}
		if i == start || i > start+4 || groups == 8 {
			return a, nil, false
		}
		tail = address{tail.hi<<16 | tail.lo>>48, tail.lo<<16 | v}
		groups++
	}
	switch {
	case gap < 0:
		return tail, text[i:], groups == 8
	case groups == 8:
		return a, nil, false // "::" must replace at least one group
	}
	head = head.shifted(uint(8-gap) * 16)
	return address{head.hi | tail.hi, head.lo | tail.lo}, text[i:], true
}

// shifted gives a, shifted to the left by n bits.
func (a address) shifted(n uint) address {
	if n >= 64 {
		return address{a.lo << (n - 64), 0}
	}
	return address{a.hi<<n | a.lo>>(64-n), a.lo << n}
}

// parseLength reads a prefix length up to most, to the end of text or of its line.
// Without one the length is most.
func parseLength(text []byte, most uint8) (length uint8, rest []byte, ok bool) {
	if len(text) == 0 || text[0] == '\n' {
		return most, text, true
	}
	if text[0] != '/' {
		return 0, nil, false
	}
	i, v := 1, 0
	for ; i < len(text) && isDigit(text[i]) && i < len("/128"); i++ {
		v = v*10 + int(text[i]-'0')
	}
	if i == 1 || text[1] == '0' && i > 2 || i < len(text) && text[i] != '\n' {
		return 0, nil, false
	}
	return uint8(v), text[i:], v <= int(most)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hexDigits gives the value of a hex digit plus one, and 0 for any other byte.
var hexDigits = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16,
	'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
}
