package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go4.org/netipx"

	"mailallow/accessmap/key"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
)

// addressKey is a key as the checks of keys see it.
type addressKey struct {
	key.Key
	bare string       // its address without brackets around it
	cf   *sendmail.CF // that reads it; nil: not known
}

// addressFault is why an address, as it is written, matches no client, and what its writer meant.
type addressFault struct {
	partFault
	meant   []netip.Prefix // canonical; nil: nobody can tell
	certain bool           // meant is what it means, and nothing else
}

// family is what stands before an IPv6 address in a key, as makemap folds it.
const family = "ipv6:"

// maxAddressText bounds what may be meant for an address: a range of two of IPv6, in brackets, is half as long.
const maxAddressText = 200

// readAddress reads the address of a key: the prefix that Sendmail finds under it, or what is wrong with it and which
// rule says so, or neither for what is no address at all.
func (l *linter) readAddress(k key.Key, cf *sendmail.CF) (netip.Prefix, *Rule, *addressFault) {
	if p, ok := key.Parse(k.Address); ok {
		if !k.AsksAddresses() {
			p = netip.Prefix{}
		}
		return p, nil, nil
	}
	if len(k.Address) > maxAddressText {
		return netip.Prefix{}, nil, nil
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(k.Address, "["), "]")
	if _, ok := key.Parse(bare); ok {
		return netip.Prefix{}, nil, nil // [192.0.2.7] is the name of a client without one (cf/README)
	}
	for _, r := range l.rules {
		if r.access.key == nil {
			continue
		}
		if fault := r.access.key(addressKey{k, bare, cf}); fault != nil {
			return netip.Prefix{}, r, fault
		}
	}
	return netip.Prefix{}, nil, nil
}

// networkKey finds networks: CIDR, a netmask, A-B.
func networkKey(k addressKey) *addressFault {
	forPersons := slices.Contains([]string{"from", "to", "spam", "tls_rcpt"}, k.Tag)
	if !forPersons && !k.AsksAddresses() {
		return nil
	}
	f := &addressFault{certain: true}
	address := strings.TrimPrefix(k.bare, family)
	if prefix, ok := looseNetwork(address); ok {
		f.text, f.meant = "an access map knows no networks: this key never matches", []netip.Prefix{prefix.Masked()}
		if prefix != prefix.Masked() {
			f.certain, f.advice = false, "it has host bits; if "+prefix.Masked().String()+" is meant, write"
		}
	} else if r, ok := looseRange(address); ok {
		f.text, f.meant = "an access map knows no ranges: this key never matches", r.Prefixes()
	} else if before, _, ok := strings.Cut(address, "/"); ok && isCutAddress(before) {
		f.certain, f.text, f.advice = false, "an access map knows no networks, and this is none: the key never matches", "correct the network"
	} else {
		return nil
	}
	if forPersons {
		return &addressFault{partFault: partFault{
			"no network is looked up under this tag, only a person's address, a domain or a user: this key never matches",
			"for the addresses of clients write Connect: keys"}}
	}
	return f
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
func looseRange(s string) (netipx.IPRange, bool) {
	first, last, _ := strings.Cut(s, "-")
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

// ipv6WithoutFamily finds IPv6 addresses and the beginnings of one without IPv6: before them.
func ipv6WithoutFamily(k addressKey) *addressFault {
	if !k.AsksAddresses() || strings.HasPrefix(k.bare, family) || !strings.Contains(k.bare, ":") {
		return nil
	}
	f := looseIPv6(k.bare)
	if f != nil {
		f.text = "without IPv6: before the address this key never matches"
	}
	return f
}

// ipv6Form finds them with it, and not as Sendmail writes them.
func ipv6Form(k addressKey) *addressFault {
	groups, ok := strings.CutPrefix(k.bare, family)
	if !ok || !k.AsksAddresses() {
		return nil
	}
	f := looseIPv6(groups)
	if f == nil {
		return &addressFault{partFault: partFault{"this is no IPv6 address: the key never matches", "correct the address"}}
	}
	f.text = "Sendmail looks up groups without leading zeros and without ::, so this key never matches"
	switch {
	case !strings.Contains(groups, "::"):
	case k.cf == nil:
		f.text += " (unless UseCompressedIPv6Addresses is on)"
	case k.cf.CompressedIPv6:
		return nil // that is how this Sendmail looks up
	}
	return f
}

// looseIPv6 reads an IPv6 address or its first groups; nil: it is neither.
func looseIPv6(s string) *addressFault {
	f := &addressFault{certain: true}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() && addr.Zone() == "" {
		addr = addr.Unmap()
		f.meant = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}
		network := key.Groups(strings.Split(strings.TrimSuffix(s, "::"), ":"))
		if strings.HasSuffix(s, "::") && network != nil {
			f.certain = false
			f.advice = fmt.Sprintf("for the network of its first %d groups write %s; for that one host write", len(network),
				key.Text(key.Key{}, cutPrefix(network)))
		}
		return f
	}
	values := key.Groups(strings.Split(strings.TrimSuffix(s, ":"), ":"))
	if values == nil {
		return nil
	}
	f.meant = []netip.Prefix{cutPrefix(values)}
	return f
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
	ipv4Form = ascii.Pattern(`^[\d.]*(\d\.|\.\d)[\d.]*$|^\d+(\.\d+)*(\.[*x])+$`)
	// around is what stands around an address where it was taken from a list, or written as for another program.
	around = `"',;:`
)

// addressForm finds what is made of digits and dots and is no key, and wildcards. The rulesets look a name up whole and then
// without its first labels, under any tag.
func addressForm(k addressKey) *addressFault {
	if k.AsksAddresses() {
		if f := looseIPv4(k.bare); f != nil {
			return f
		}
	} else if !strings.HasPrefix(k.Address, "*.") {
		return nil
	}
	name, ok := strings.CutPrefix(k.bare, "*.")
	if !ok {
		return nil
	}
	return &addressFault{partFault: partFault{"an access map knows no wildcards: this key never matches",
		"write the name without the *.: " + shown(name) + " stands for all that ends in it, too"}}
}

func looseIPv4(address string) *addressFault {
	f := &addressFault{partFault: partFault{text: "this is no address that Sendmail looks up: the key never matches"}}
	bare := strings.Trim(address, around)
	if p, ok := key.Parse(bare); ok && bare != address && p.Addr().Is4() {
		f.meant, f.certain = []netip.Prefix{p}, true
		return f
	}
	if !ipv4Form().MatchString(address) {
		return nil
	}
	trimmed := strings.TrimSuffix(address, ".")
	for strings.HasSuffix(trimmed, ".*") || strings.HasSuffix(trimmed, ".x") {
		trimmed = trimmed[:len(trimmed)-2]
	}
	if p, ok := key.Parse(trimmed); ok && trimmed != address {
		f.text = "the key of a network ends behind its last octet: with this one it never matches"
		f.meant, f.certain = []netip.Prefix{p}, true
		return f
	}
	f.advice = "correct the address: octets are 0 to 255, without leading zeros"
	return f
}
