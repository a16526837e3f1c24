package lint

import (
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
)

// readPattern reads ADDRESS or ADDRESS/BITS, either in brackets or not, as Postfix does (cidr_match.c, tried).
func readPattern(s string) (netip.Prefix, *keyFault) {
	address, mask, hasMask := strings.Cut(s, "/")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if whole, ok := strings.CutSuffix(inner, "]"); ok {
			address, mask, hasMask = strings.Cut(whole, "/")
		} else if before, after, ok := strings.Cut(inner, "]/"); ok {
			address, mask, hasMask = before, after, true
		}
	}
	addr, err := netip.ParseAddr(address)
	bits := -1
	if err == nil {
		bits = addr.BitLen()
	}
	if hasMask && number().MatchString(mask) {
		bits = 0
		for _, digit := range mask {
			bits = min(bits*10+int(digit-'0'), 1000)
		}
	} else if hasMask {
		bits = -1
	}
	if err == nil && addr.Zone() == "" && bits >= 0 && bits <= addr.BitLen() {
		p := netip.PrefixFrom(addr, bits)
		if p == p.Masked() {
			return p, nil
		}
		return p, &keyFault{rule: "host-bits", text: "bits of the host are set: Postfix skips the line", meant: []netip.Prefix{p.Masked()},
			advice: "if the network is meant, write"}
	}
	return netip.Prefix{}, patternFault(s)
}

// patternFault says what was meant by what is no pattern.
func patternFault(s string) *keyFault {
	fault := &keyFault{rule: "pattern", text: "no address or network that Postfix can read: it skips the line",
		advice: "write an address, or a network as 192.0.2.0/24 or 2001:db8::/32"}
	k := key.Cut(strings.TrimRight(s, ","))
	address := k.Address
	if k.Tag != "" || strings.HasPrefix(address, strings.ToLower(key.IPv6)) {
		fault.rule, fault.text = "access-syntax", "that is a key for Sendmail's access map: Postfix skips the line"
	}
	plain := strings.TrimPrefix(address, strings.ToLower(key.IPv6))
	if p, err := netip.ParsePrefix(plain); err == nil {
		fault.meant, fault.certain = []netip.Prefix{p.Masked()}, p == p.Masked()
	} else if addr, err := netip.ParseAddr(plain); err == nil && addr.Zone() == "" {
		fault.meant, fault.certain = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, true
	} else if p, ok, problem := readAddress(address); ok {
		fault.rule, fault.text = "access-syntax", "that is a key for Sendmail's access map: Postfix skips the line"
		fault.meant, fault.certain = []netip.Prefix{p}, true
	} else if problem != nil {
		fault.meant, fault.certain = problem.meant, problem.certain
	}
	return fault
}
