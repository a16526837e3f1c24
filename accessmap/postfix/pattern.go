package postfix

import (
	"net/netip"
	"strings"

	"mailallow/allowlist/pattern"
)

var number = pattern.New(`^\d+$`)

// ParsePattern reads ADDRESS or ADDRESS/BITS, with or without brackets, like Postfix (cidr_match.c, tried). It also reads a
// network with host bits, which Postfix skips.
func ParsePattern(s string) (p netip.Prefix, ok bool) {
	address, mask, hasMask := strings.Cut(s, "/")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if whole, ok := strings.CutSuffix(inner, "]"); ok {
			address, mask, hasMask = strings.Cut(whole, "/")
		} else if before, after, ok := strings.Cut(inner, "]/"); ok {
			address, mask, hasMask = before, after, true
		}
	}
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return p, false
	}
	bits := addr.BitLen()
	if hasMask && number().MatchString(mask) {
		bits = 0
		for _, digit := range mask {
			bits = min(bits*10+int(digit-'0'), 1000)
		}
	} else if hasMask {
		bits = -1
	}
	p = netip.PrefixFrom(addr, bits)
	return p, p.IsValid()
}
