package accessmap

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// parseKey reads the address part of a key as Sendmail would match it. ok is
// false for what can never match an address: CIDR, leading zeros, "::", a host
// name (docs/facts.md 1 and 2). Letters are folded, as makemap does.
func parseKey(key string) (p netip.Prefix, ok bool) {
	if n := len(ipv6Tag); len(key) >= n && strings.EqualFold(key[:n], ipv6Tag) {
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

// readSendmail reads a block, an entry a key.
func readSendmail(text []byte) ([]allowlist.Entry, error) {
	entries := make([]allowlist.Entry, 0, bytes.Count(text, []byte("\n")))
	lines := make([]int, 0, cap(entries)) // of the entries
	var seen map[netip.Prefix]int         // as soon as the keys are not in order
	var above comments
	for i, rest := 1, text; len(rest) > 0; i++ {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(raw) == 0 || raw[0] == '#' {
			above.read(string(raw))
			continue
		}
		above.open = false
		e, err := readKeyLine(string(raw))
		if err != nil {
			return nil, &fault.AtLine{Line: i, Err: err}
		}
		if n := len(entries); seen == nil && n > 0 && entries[n-1].Prefix.Compare(e.Prefix) >= 0 {
			seen = make(map[netip.Prefix]int, n)
			for k, before := range entries {
				seen[before.Prefix] = lines[k]
			}
		}
		if seen != nil {
			if before, twice := seen[e.Prefix]; twice {
				return nil, fault.At(i, "the key of line %d again", before)
			}
			seen[e.Prefix] = i
		}
		e.Owners = above.Owners
		entries, lines = append(entries, e), append(lines, i)
	}
	return slices.Clip(entries), nil
}

// readKeyLine reads a line with a key of ours.
func readKeyLine(line string) (e allowlist.Entry, err error) {
	key, value, _ := strings.Cut(line, "\t")
	address, tagged := strings.CutPrefix(key, connectTag)
	prefix, ok := parseKey(address)
	if !tagged || !ok {
		return e, errors.New(ascii.Printable(key, 80) + ": no key that mailallow writes")
	}
	action, err := allowlist.ParseAction(value)
	if err != nil || action == allowlist.Exclude {
		return e, errors.New(ascii.Printable(value, 80) + ": no value that mailallow writes")
	}
	return allowlist.Entry{Prefix: prefix, Action: action}, nil
}
