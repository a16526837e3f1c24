package notation

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/ascii"
)

// ParseCIDR reads a network or a single address, without a zone. It clears host
// bits and turns an IPv4-mapped network into IPv4; note says so, and is empty if p
// is the network as written.
func ParseCIDR(s string) (p netip.Prefix, note string, err error) {
	if addr, addrErr := netip.ParseAddr(s); addrErr == nil && addr.Zone() == "" {
		p = netip.PrefixFrom(addr, addr.BitLen())
	} else if p, err = netip.ParsePrefix(s); err != nil {
		return netip.Prefix{}, "", fmt.Errorf("\"%s\" is not an address or a network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32", ascii.Excerpt(s))
	}
	meant, changed := canonical(p)
	if changed {
		note = fmt.Sprintf("%s is read as %s", s, meant)
	}
	return meant, note, nil
}

// ParseOwn reads a network of a list that its reader wrote, as ParseCIDR does. All IPv4-mapped addresses are an error there:
// as a network they match no client, and as the IPv4 network that they map they would let everybody in.
func ParseOwn(s string) (p netip.Prefix, note string, err error) {
	if p, note, err = ParseCIDR(s); err == nil && isAllMapped(p) {
		err = fmt.Errorf("\"%s\" %s", ascii.Excerpt(s), allMapped)
	}
	return p, note, err
}

func isAllMapped(p netip.Prefix) bool { return p.Addr().Is4In6() && p.Bits() == 96 }

const allMapped = "is all IPv4-mapped addresses, which no client has: write the IPv4 networks that are meant"

// canonical masks a prefix and turns an IPv4-mapped one into IPv4, since Sendmail
// and Postfix see such a client as IPv4. ::ffff:0:0/96 stays special-purpose space:
// who writes it does not mean every IPv4 client (see ParseOwn). changed reports whether the result
// differs from p.
func canonical(p netip.Prefix) (_ netip.Prefix, changed bool) {
	masked := p.Masked()
	if masked.Addr().Is4In6() && masked.Bits() > 96 {
		return netip.PrefixFrom(masked.Addr().Unmap(), masked.Bits()-96), true
	}
	return masked, masked != p
}
