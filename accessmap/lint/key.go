package lint

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"go4.org/netipx"

	"mailallow/accessmap/key"
	"mailallow/allowlist/pattern"
)

// keyFault is why a key never matches an address, and what its writer meant.
type keyFault struct {
	rule, text string
	meant      []netip.Prefix // canonical; nil: nobody can tell
	certain    bool           // meant is what it means, and nothing else
	advice     string         // where meant is not certain
}

// maxAddressText bounds what may be meant for an address: a range of two of IPv6, in brackets, is half as long.
const maxAddressText = 200

// readAddress reads the address part of a key: the prefix that it stands for, or what is wrong with it, or neither for
// what is no address at all.
func readAddress(address string) (p netip.Prefix, ok bool, fault *keyFault) {
	if p, ok := key.Parse(address); ok {
		return p, true, nil
	}
	if len(address) > maxAddressText {
		return p, false, nil
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if _, ok := key.Parse(inner); ok {
		return p, false, nil // [192.0.2.7] is the name of a client without one (cf/README)
	}
	address = inner
	for _, read := range []func(string) *keyFault{networkFault, ipv6Fault, ipv4Fault, wildcardFault} {
		if fault := read(address); fault != nil {
			return p, false, fault
		}
	}
	return p, false, nil
}

// networkFault knows networks: CIDR, a netmask, A-B.
func networkFault(address string) *keyFault {
	fault := &keyFault{rule: "cidr", certain: true}
	address = strings.TrimPrefix(address, strings.ToLower(key.IPv6))
	if prefix, ok := looseNetwork(address); ok {
		fault.text = "an access map knows no networks: this key never matches"
		fault.meant = []netip.Prefix{prefix.Masked()}
		if prefix != prefix.Masked() {
			fault.certain = false
			fault.advice = "it has host bits; if " + prefix.Masked().String() + " is meant, write"
		}
		return fault
	}
	if first, last, ok := strings.Cut(address, "-"); ok {
		if r, ok := looseRange(first, last); ok {
			fault.text = "an access map knows no ranges: this key never matches"
			fault.meant = r.Prefixes()
			return fault
		}
	}
	if before, _, ok := strings.Cut(address, "/"); ok && isCutAddress(before) {
		fault.certain, fault.text, fault.advice = false, "an access map knows no networks, and this is none: the key never matches", "correct the network"
		return fault
	}
	return nil
}

// isCutAddress reports whether s is an address, or the beginning of one.
func isCutAddress(s string) bool {
	_, err := netip.ParseAddr(strings.Trim(s, "[]"))
	_, ok := key.Parse(strings.TrimSuffix(s, "."))
	return err == nil || ok
}

// looseNetwork reads ADDRESS/BITS and ADDRESS/NETMASK, with fewer than four octets, too: 10/8, 192.168/255.255.0.0.
func looseNetwork(s string) (netip.Prefix, bool) {
	address, mask, ok := strings.Cut(s, "/")
	if !ok {
		return netip.Prefix{}, false
	}
	addr, err := netip.ParseAddr(strings.Trim(address, "[]"))
	if err != nil {
		cut, ok := key.Parse(strings.TrimSuffix(address, "."))
		if !ok || !cut.Addr().Is4() {
			return netip.Prefix{}, false
		}
		addr = cut.Addr()
	}
	bits, err := strconv.Atoi(mask)
	if m, maskErr := netip.ParseAddr(mask); maskErr == nil && m.Is4() && addr.Is4() {
		bits, err = maskBits(m.As4()), nil
	}
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	if addr.Is4In6() && bits >= 96 {
		addr, bits = addr.Unmap(), bits-96
	}
	p := netip.PrefixFrom(addr, bits)
	return p, p.IsValid()
}

// maskBits is the length of a netmask, or -1.
func maskBits(m [4]byte) int {
	v := uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])
	for bits := range 33 {
		if v == ^uint32(0)<<(32-bits) {
			return bits
		}
	}
	return -1
}

// looseRange reads A-B where both are addresses, and A-N where N is the last octet.
func looseRange(first, last string) (netipx.IPRange, bool) {
	from, err := netip.ParseAddr(first)
	if err != nil || from.Zone() != "" {
		return netipx.IPRange{}, false
	}
	to, err := netip.ParseAddr(last)
	if octet, octetErr := strconv.ParseUint(last, 10, 8); octetErr == nil && from.Is4() {
		b := from.As4()
		b[3] = byte(octet)
		to, err = netip.AddrFrom4(b), nil
	}
	r := netipx.IPRangeFrom(from, to)
	return r, err == nil && r.IsValid()
}

// ipv6Fault knows IPv6 addresses and the beginnings of one.
func ipv6Fault(address string) *keyFault {
	groups, tagged := strings.CutPrefix(address, strings.ToLower(key.IPv6))
	fault := &keyFault{rule: "ipv6-form", certain: true,
		text: "Sendmail looks up groups without leading zeros and without ::, so this key never matches"}
	if !tagged {
		if !strings.Contains(groups, ":") {
			return nil
		}
		fault.rule, fault.text = "ipv6-prefix", "without IPv6: before the address this key never matches"
	}
	if addr, err := netip.ParseAddr(groups); err == nil && addr.Is6() && addr.Zone() == "" {
		addr = addr.Unmap()
		fault.meant = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}
		network := key.Groups(strings.Split(strings.TrimSuffix(groups, "::"), ":"))
		if strings.HasSuffix(groups, "::") && network != nil {
			fault.certain = false
			fault.advice = fmt.Sprintf("for the network of its first %d groups write %s; for that one host write", len(network),
				key.Text(key.Key{}, cutPrefix(network)))
		}
		return fault
	}
	values := key.Groups(strings.Split(strings.TrimSuffix(groups, ":"), ":"))
	switch {
	case values != nil:
		fault.meant = []netip.Prefix{cutPrefix(values)}
	case tagged:
		fault.certain, fault.text, fault.advice = false, "this is no IPv6 address: the key never matches", "correct the address"
	default:
		return nil
	}
	return fault
}

// cutPrefix is the prefix that the first groups of an IPv6 address stand for.
func cutPrefix(values []uint16) netip.Prefix {
	var b [16]byte
	for i, v := range values {
		b[2*i], b[2*i+1] = byte(v>>8), byte(v)
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 16*len(values))
}

var (
	ipv4Form = pattern.New(`^[\d.]*(\d\.|\.\d)[\d.]*$|^\d+(\.\d+)*(\.[*x])+$`)
	// around is what stands around an address where it was taken from a list, or written as for another program.
	around = `"',;:`
)

// ipv4Fault knows what is made of digits and dots and is no key.
func ipv4Fault(address string) *keyFault {
	fault := &keyFault{rule: "address-form", text: "this is no address that Sendmail looks up: the key never matches"}
	bare := strings.Trim(address, around)
	if p, ok := key.Parse(bare); ok && bare != address && p.Addr().Is4() {
		fault.meant, fault.certain = []netip.Prefix{p}, true
		return fault
	}
	if !ipv4Form().MatchString(address) {
		return nil
	}
	trimmed := strings.TrimSuffix(address, ".")
	for strings.HasSuffix(trimmed, ".*") || strings.HasSuffix(trimmed, ".x") {
		trimmed = trimmed[:len(trimmed)-2]
	}
	if p, ok := key.Parse(trimmed); ok && trimmed != address {
		fault.text = "the key of a network ends behind its last octet: with this one it never matches"
		fault.meant, fault.certain = []netip.Prefix{p}, true
		return fault
	}
	fault.advice = "correct the address: octets are 0 to 255, without leading zeros"
	return fault
}

// wildcardFault knows *.example.com: the rulesets look a name up whole and then without its first labels, under any tag.
func wildcardFault(address string) *keyFault {
	name, ok := strings.CutPrefix(address, "*.")
	if !ok {
		return nil
	}
	return &keyFault{rule: "address-form", text: "an access map knows no wildcards: this key never matches",
		advice: "write the name without the *.: " + shown(name) + " stands for all that ends in it, too"}
}
