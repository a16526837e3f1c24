package token

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// Tokens gives each word of letters, digits and . : - _ with its place.
func Tokens(s string) iter.Seq2[int, string] {
	return func(yield func(at int, token string) bool) {
		for i := 0; i < len(s); i++ {
			start := i
			for i < len(s) && inToken[s[i]] != 0 {
				i++
			}
			if i > start && !yield(start, s[start:i]) {
				return
			}
		}
	}
}

// The bytes of tokens. Those of the kind inside belong to a token only if letters or digits follow.
const alphanumeric, inside = 1, 2

var inToken = func() (kinds [256]byte) {
	for c := range kinds {
		if IsWordByte(byte(c)) {
			kinds[c] = alphanumeric
		}
	}
	for _, c := range ".:-_" {
		kinds[c] = inside
	}
	return kinds
}()

// FirstAddr gives the first address in a text that is not to be skipped, nor a loopback address, which is an answer of a list or
// a host's own. If it is 0.0.0.0 or ::, people have replaced the real one, and the result is invalid.
func FirstAddr(s string, skip ...netip.Addr) netip.Addr {
	for _, token := range Tokens(s) {
		addr, ok := ParseAddr(token)
		switch {
		case !ok || addr.IsLoopback() || slices.Contains(skip, addr):
		case addr.IsUnspecified():
			return netip.Addr{}
		default:
			return addr
		}
	}
	return netip.Addr{}
}

// ParseAddr reads an address as MTAs write it: plain, after "IPv6:", "ip:" or a reply code, before a port or a punctuation
// mark. An IPv4-mapped address is returned as IPv4.
func ParseAddr(token string) (netip.Addr, bool) {
	const shortest, longest = 3, 64
	for len(token) > 0 && inToken[token[len(token)-1]] == inside {
		token = token[:len(token)-1]
	}
	token = withoutCode(token)
	if len(token) < shortest || len(token) > longest {
		return netip.Addr{}, false
	}
	if strings.IndexByte(token, ':') < 0 {
		if strings.Count(token, ".") != 3 || !IsDigits(token[:1]) { // nearly all words
			return netip.Addr{}, false
		}
		addr, err := netip.ParseAddr(token)
		return addr, err == nil
	}
	if len(token) > 5 && strings.EqualFold(token[:5], "IPv6:") {
		token = token[5:]
	}
	addr, err := netip.ParseAddr(token)
	if before, after, ok := strings.Cut(token, ":"); err != nil && ok {
		if addr, err = netip.ParseAddr(before); err != nil && !strings.Contains(after, ":") { // no address:port
			addr, err = netip.ParseAddr(after) // ip:address
		}
	}
	return addr.Unmap().WithZone(""), err == nil
}

// Bracketed gives the address in the first [...] of a text.
func Bracketed(s string) netip.Addr {
	_, rest, ok := strings.Cut(s, "[")
	inside, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return netip.Addr{}
	}
	addr, _ := ParseAddr(inside)
	return addr
}

// LastBracketed gives the address in the last [...], because the client's name may be in brackets too.
func LastBracketed(s string) netip.Addr {
	if i := strings.LastIndexByte(s, '['); i >= 0 {
		return Bracketed(s[i:])
	}
	return netip.Addr{}
}
