package accessmap

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"go4.org/netipx"
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
	if p, ok := parseKey(address); ok {
		return p, true, nil
	}
	if len(address) > maxAddressText {
		return p, false, nil
	}
	inner := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if _, ok := parseKey(inner); ok {
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
	address = strings.TrimPrefix(address, strings.ToLower(ipv6Tag))
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
	_, ok := parseKey(strings.TrimSuffix(s, "."))
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
		cut, ok := parseKey(strings.TrimSuffix(address, "."))
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

// bareIPv6 reports whether a key is an IPv6 address or network without IPv6: before it.
func bareIPv6(key string) bool {
	address, _, _ := strings.Cut(key, "/")
	if addr, err := netip.ParseAddr(address); err == nil {
		return addr.Is6()
	}
	const told = 3 // groups: with fewer, abc:def is a tag and a name
	groups := strings.Split(strings.TrimSuffix(address, ":"), ":")
	return len(groups) >= told && hexGroups(groups) != nil
}

// hexGroups are the values of 16-bit groups; nil when one is none.
func hexGroups(groups []string) (values []uint16) {
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

// ipv6Fault knows IPv6 addresses and the beginnings of one.
func ipv6Fault(address string) *keyFault {
	groups, tagged := strings.CutPrefix(address, strings.ToLower(ipv6Tag))
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
		network := hexGroups(strings.Split(strings.TrimSuffix(groups, "::"), ":"))
		if strings.HasSuffix(groups, "::") && network != nil {
			fault.certain = false
			fault.advice = fmt.Sprintf("for the network of its first %d groups write %s; for that one host write", len(network),
				keyText(accessKey{}, cutPrefix(network)))
		}
		return fault
	}
	values := hexGroups(strings.Split(strings.TrimSuffix(groups, ":"), ":"))
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
	ipv4Form = pattern(`^[\d.]*(\d\.|\.\d)[\d.]*$|^\d+(\.\d+)*(\.[*x])+$`)
	// around is what stands around an address where it was taken from a list, or written as for another program.
	around = `"',;:`
)

// ipv4Fault knows what is made of digits and dots and is no key.
func ipv4Fault(address string) *keyFault {
	fault := &keyFault{rule: "address-form", text: "this is no address that Sendmail looks up: the key never matches"}
	bare := strings.Trim(address, around)
	if p, ok := parseKey(bare); ok && bare != address && p.Addr().Is4() {
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
	if p, ok := parseKey(trimmed); ok && trimmed != address {
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

// keysOf gives the fewest keys for a prefix: how many there are, and the first; nthKey gives the others.
func keysOf(p netip.Prefix) (first netip.Prefix, count int) {
	step := stepOf(p)
	bits := max((p.Bits()+step-1)/step*step, step)
	return netip.PrefixFrom(p.Addr(), bits), 1 << (bits - p.Bits())
}

// keyText writes a key under the tag of another; what had none gets Connect: (docs/facts.md 3).
func keyText(like accessKey, p netip.Prefix) string {
	tag := like.written
	if tag == "" {
		tag = connectTag
	}
	return string(appendKey([]byte(tag), p))
}
