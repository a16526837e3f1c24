package notation

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"unicode/utf8"

	"mailallow/allowlist/pattern"
	"mailallow/allowlist/prefixes"
)

// maxAddress is longer than the longest address, which has six groups and a dotted quad.
const maxAddress = 48

// addressAt reads the address that begins at i, and gives its end. An address that goes on as something else (1.2.3.4.5,
// 1.2.3.45678, fe80::1g) is none; whether a word ends there is for the caller to see.
func addressAt(text []byte, i int) (a netip.Addr, end int, ok bool) {
	if end = quadAt(text, i); end > 0 {
		if end < len(text) && (isLetter(text[end]) || text[end] == '.' && end+1 < len(text) && (isDigit(text[end+1]) || isLetter(text[end+1]))) {
			return a, 0, false
		}
		p, ok := prefixes.Parse(text[i:end])
		return p.Addr(), end, ok
	}
	colons, limit := 0, min(len(text), i+maxAddress)
	for end = i; end < limit && (isHex(text[end]) || text[end] == ':'); end++ {
		if text[end] == ':' {
			colons++
		}
	}
	if colons < 2 || end == limit && end < len(text) {
		return a, 0, false
	}
	if group := bytes.LastIndexByte(text[i:end], ':') + 1 + i; end < len(text) && text[end] == '.' {
		if quad := quadAt(text, group); quad > 0 {
			end = quad // ::ffff:192.0.2.1
		}
	}
	if text[end-1] == ':' && text[end-2] != ':' {
		end-- // of a sentence
	}
	if end < len(text) && isLetter(text[end]) {
		return a, 0, false
	}
	word := text[i:end]
	if p, ok := prefixes.Parse(word); ok {
		return p.Addr(), end, true
	}
	a, err := netip.ParseAddr(string(word))
	return a, end, err == nil
}

// quadAt gives the end of the four numbers with dots that begin at i, or 0.
func quadAt(text []byte, i int) int {
	for part := range 4 {
		if part > 0 {
			if i >= len(text) || text[i] != '.' {
				return 0
			}
			i++
		}
		start := i
		for i < len(text) && isDigit(text[i]) && i < start+4 {
			i++
		}
		if i == start || i > start+3 {
			return 0
		}
	}
	return i
}

// isNoAddress reports whether text parses as IPv6 by accident: "::" and names like Bad::Cafe have no digit, and eight pairs
// of digits are an EUI-64.
func isNoAddress(text []byte) bool {
	return !bytes.ContainsAny(text, digits) || len(text) == len("00:11:22:33:44:55:66:77") && eui64().Match(text)
}

var eui64 = pattern.New(`^([0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}$`)

const digits = "0123456789"

// maskLength gives the prefix length that an address means as a netmask, or as an inverse netmask, and -1 for any other
// address. 128.0.0.0, 192.0.0.0 and 224.0.0.0 are left out, and 0.0.0.0, which can be both.
func maskLength(p netip.Prefix) int {
	a := p.Addr()
	raw := a.As16()
	hi, lo := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	if a.Is4() {
		if hi, lo = lo<<32, 0; hi>>56 == 0 && hi > 0 {
			hi = ^hi >> 32 << 32
		}
	}
	length := bits.LeadingZeros64(^hi)
	if length == 64 {
		length += bits.LeadingZeros64(^lo)
		hi, lo = lo, 0
	}
	if length < 4 || length < 128 && hi<<(length%64) != 0 || lo != 0 {
		return -1
	}
	return length
}

// hexMaskAt reads a netmask as BSD's ifconfig writes it, 0xffffff00, or bare as Solaris' does, and gives its end. It is the zero
// Addr where those eight digits are no netmask; end is 0 where there are none.
func hexMaskAt(text []byte, i int, bare bool) (mask netip.Addr, end int) {
	const size = len("ffffff00")
	signed := len(text)-i > 1 && text[i] == '0' && text[i+1]|0x20 == 'x'
	if signed {
		i += len("0x")
	}
	end = i + size
	if !signed && !bare || len(text) < end || len(text) > end && (isLetter(text[end]) || isDigit(text[end])) {
		return mask, 0
	}
	var raw [4]byte
	if _, err := hex.Decode(raw[:], text[i:end]); err != nil {
		return mask, 0
	}
	if mask = netip.AddrFrom4(raw); maskLength(netip.PrefixFrom(mask, 32)) < 0 {
		mask = netip.Addr{}
	}
	return mask, end
}

// maskAt reads a netmask of either form, likewise.
func maskAt(text []byte, i int) (mask netip.Addr, end int) {
	if end = quadAt(text, i); end == 0 {
		return hexMaskAt(text, i, false)
	}
	if mask, err := netip.ParseAddr(string(text[i:end])); err == nil && maskLength(netip.PrefixFrom(mask, 32)) >= 0 {
		return mask, end
	}
	return netip.Addr{}, end
}

// isMask reports whether an address can only be meant as a netmask: no sender is in 240.0.0.0/4.
func isMask(p netip.Prefix) bool {
	return p.Addr().Is4() && p.Addr().As4()[0] >= 240 || maskLength(p) >= 0
}

// footnote matches the mark of a note behind a network.
var footnote = pattern.New(`^\[\^?[0-9A-Za-z*]{1,3}\]`)

// numberAt reads the decimal number of at most nine digits that begins at i, and gives its end.
func numberAt(text []byte, i int) (n, end int, ok bool) {
	for end = i; end < len(text) && isDigit(text[end]) && end < i+9; end++ {
		n = 10*n + int(text[end]-'0')
	}
	return n, end, end > i && (end == len(text) || !isDigit(text[end]))
}

// slashAt gives the length of the slash that begins at i: /, \ or \/ as some writers of JSON have it, or a look-alike.
func slashAt(text []byte, i int) int {
	switch {
	case bytes.HasPrefix(text[i:], []byte(`\/`)):
		return 2
	case i < len(text) && (text[i] == '/' || text[i] == '\\'):
		return 1
	case i < len(text) && text[i] >= utf8.RuneSelf:
		if c, size := utf8.DecodeRune(text[i:]); isSlash(c) {
			return size
		}
	}
	return 0
}
