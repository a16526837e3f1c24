// Package address reads addresses and networks as people write them into access files and tables: in CIDR form, with a netmask,
// as a range, cut after an octet, with blanks and quotes around them. It tells the networks that the writer meant, and which
// rule of lint the text breaks.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go4.org/netipx"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/pattern"
)

// addressKey is a key whose address Sendmail does not find as it is written.
type addressKey struct {
	key.Key
	bare string       // its address without brackets
	cf   *sendmail.CF // that reads the key; nil: not known
}

// Fault says why an address matches no client as it is written, and which networks its writer meant.
type Fault struct {
	rule.Fault
	Meant   []netip.Prefix // canonical; nil: not known
	Certain bool           // the address can mean nothing else
}

// Family begins an IPv6 address in a key, as makemap folds it.
const Family = "ipv6:"

// maxAddressText bounds a text that may mean an address, in bytes. A range of two IPv6 addresses is half as long.
const maxAddressText = 200

// Read reads the address of a key. It gives the prefix that the key matches, or the fault with its rule, or neither
// if the text is no address. cf is the sendmail.cf that reads the key; nil: not known.
func Read(k key.Key, cf *sendmail.CF) (p netip.Prefix, of rule.Rule, fault *Fault) {
	if p, ok := key.Parse(k.Address); ok && unmapped(p) == p {
		if !k.AsksAddresses() {
			p = netip.Prefix{}
		}
		return p, of, nil
	}
	if len(k.Address) > maxAddressText {
		return netip.Prefix{}, of, nil
	}
	bare := k.Address
	if inside, ok := strings.CutPrefix(bare, "["); ok && strings.HasSuffix(inside, "]") {
		bare = inside[:len(inside)-1]
	}
	if p, ok := key.Parse(bare); ok && unmapped(p) == p {
		return netip.Prefix{}, of, nil // [192.0.2.7] is the name of a client that has no name in the DNS (cf/README)
	}
	for _, r := range rules() {
		if fault := r.Checks(addressKey{k, bare, cf}); fault != nil {
			return netip.Prefix{}, r.Rule, fault
		}
	}
	return netip.Prefix{}, of, nil
}

// mappedKey finds keys of IPv4-mapped addresses: Sendmail knows such a client by its IPv4 address (docs/facts.md 31). One for all of
// them is meant to keep such addresses out, and not all of IPv4.
func mappedKey(k addressKey) *Fault {
	address, all := strings.CutSuffix(strings.TrimPrefix(k.bare, Family), "/96")
	f := looseIPv6(address)
	if !k.AsksAddresses() || f == nil || f.Meant[0].Addr().Is6() {
		return nil
	}
	if all || f.Meant[0].Addr().IsUnspecified() {
		f = &Fault{Fault: rule.Fault{Advice: "remove it"}}
	}
	f.Text = "Sendmail takes an IPv4-mapped client for an IPv4 client: this key never matches"
	return f
}

// networkKey finds networks in CIDR form, with a netmask, or as a range A-B.
func networkKey(k addressKey) *Fault {
	ofMail := slices.Contains([]string{"from", "to", "spam", "tls_rcpt"}, k.Tag)
	if !ofMail && !k.AsksAddresses() {
		return nil
	}
	f := &Fault{Certain: true}
	address := strings.TrimPrefix(k.bare, Family)
	if prefix, ok := Network(address); ok {
		f.Text, f.Meant = "an access map knows no networks: this key never matches", []netip.Prefix{prefix.Masked()}
		if prefix != prefix.Masked() {
			f.Certain, f.Advice = false, "it has host bits; if "+prefix.Masked().String()+" is meant, write"
		}
	} else if r, ok := looseRange(address); ok {
		f.Text, f.Meant = "an access map knows no ranges: this key never matches", r.Prefixes()
	} else if before, _, ok := strings.Cut(address, "/"); ok && isCutAddress(before) {
		f.Certain, f.Text, f.Advice = false, "this is no valid network, and an access map knows no networks: the key never matches", "correct the network"
	} else if first, last, ok := strings.Cut(address, "-"); ok && isCutAddress(first) && digits().MatchString(last) {
		f.Certain, f.Text, f.Advice = false, "an access map knows no ranges: this key never matches", "write a key for each network of the range"
	} else {
		return nil
	}
	if ofMail {
		return &Fault{Fault: rule.Fault{
			Text:   "under this tag Sendmail looks up a mail address, a domain or a user, and no network: this key never matches",
			Advice: "for the addresses of clients write Connect: keys"}}
	}
	return f
}

// isCutAddress reports whether s is an address or the first octets or groups of one.
func isCutAddress(s string) bool {
	_, err := netip.ParseAddr(strings.Trim(s, "[]"))
	_, ok := key.Parse(strings.TrimSuffix(s, "."))
	return err == nil || ok
}

// Network reads ADDRESS/BITS and ADDRESS/NETMASK. An IPv4 address may have fewer than four octets: 10/8,
// 192.168/255.255.0.0.
func Network(s string) (netip.Prefix, bool) {
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
		if ones, all := net.IPMask(m.AsSlice()).Size(); all > 0 { // 0: it is no netmask
			bits, err = ones, nil
		}
	}
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	p := unmapped(netip.PrefixFrom(addr, bits))
	return p, p.IsValid()
}

// looseRange reads a range of two addresses, A-B, or A-N with N as the last octet of its end.
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

// Networks gives the networks that a text means: ADDRESS/NETMASK, an address cut after an octet with a length, a range A-B; nil: it
// means none, or has host bits.
func Networks(s string) []netip.Prefix {
	if len(s) > maxAddressText {
		return nil
	}
	if p, ok := Network(s); ok && p == p.Masked() {
		return []netip.Prefix{p}
	}
	if r, ok := looseRange(strings.ReplaceAll(s, " ", "")); ok {
		return r.Prefixes()
	}
	return nil
}

// ipv6WithoutFamily finds an IPv6 address, or its first groups, without IPv6: before it.
func ipv6WithoutFamily(k addressKey) *Fault {
	if !k.AsksAddresses() || strings.HasPrefix(k.bare, Family) || !strings.Contains(k.bare, ":") {
		return nil
	}
	f := looseIPv6(k.bare)
	if f != nil {
		f.Text = "without IPv6: before the address this key never matches"
	}
	return f
}

// ipv6Form finds an IPv6 address that is not written as Sendmail looks it up (docs/facts.md 2).
func ipv6Form(k addressKey) *Fault {
	groups, ok := strings.CutPrefix(k.bare, Family)
	if !ok || !k.AsksAddresses() {
		return nil
	}
	f := looseIPv6(groups)
	if f == nil {
		return &Fault{Fault: rule.Fault{Text: "this is no IPv6 address: the key never matches", Advice: "correct the address"}}
	}
	f.Text = "Sendmail looks up groups without leading zeros and without ::, so this key never matches"
	switch {
	case !strings.Contains(groups, "::"):
	case k.cf == nil:
		f.Text += " (unless UseCompressedIPv6Addresses is on)"
	case k.cf.CompressedIPv6:
		return nil // that is how this Sendmail looks up
	}
	return f
}

// looseIPv6 reads an IPv6 address or its first groups; nil: s is neither.
func looseIPv6(s string) *Fault {
	f := &Fault{Certain: true}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Is6() && addr.Zone() == "" {
		addr = addr.Unmap()
		f.Meant = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}
		network := key.Groups(strings.Split(strings.TrimSuffix(s, "::"), ":"))
		if strings.HasSuffix(s, "::") && network != nil {
			f.Certain = false
			f.Advice = fmt.Sprintf("for the network of its first %d groups write %s; for the one host write", len(network),
				key.Text(key.Key{}, unmapped(cutPrefix(network))))
		}
		return f
	}
	values := key.Groups(strings.Split(strings.TrimSuffix(s, ":"), ":"))
	if values == nil {
		return nil
	}
	f.Meant = []netip.Prefix{unmapped(cutPrefix(values))}
	return f
}

// unmapped gives the IPv4 network of IPv4-mapped addresses, and any other network as it is.
func unmapped(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4In6() || p.Bits() < 96 {
		return p
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
}

// cutPrefix gives the prefix of the addresses that begin with the groups.
func cutPrefix(values []uint16) netip.Prefix {
	var b [16]byte
	for i, v := range values {
		b[2*i], b[2*i+1] = byte(v>>8), byte(v)
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 16*len(values))
}

var (
	ipv4Form = pattern.New(`^[\d.]*(\d\.|\.\d)[\d.]*$|^\d+(\.\d+)*(\.[*x])+$|^\d+\.\d[\d.?%*\\_+=!#-]*$`)
	digits   = pattern.New(`^[\d.]+$`) // of an address, or the last octets of one
	// around holds characters that other programs and lists put around an address.
	around = `"',;:[]`
)

// addressForm finds malformed IPv4 keys, and wildcards. Wildcards fail under any tag: the rulesets look up the whole name,
// then the name without its first labels.
func addressForm(k addressKey) *Fault {
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
	return &Fault{Fault: rule.Fault{Text: "an access map knows no wildcards: this key never matches",
		Advice: "write the name without the *.: " + rule.Shown(name) + " also matches all names that end in it"}}
}

// looseIPv4 reads an IPv4 address or its first octets with more around them; nil: it is not made of digits and dots.
func looseIPv4(address string) *Fault {
	f := &Fault{Fault: rule.Fault{Text: "this is no address that Sendmail looks up: the key never matches"}}
	bare := strings.Trim(address, around)
	if p, ok := key.Parse(bare); ok && bare != address && p.Addr().Is4() {
		f.Meant, f.Certain = []netip.Prefix{p}, true
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
		f.Text = "the key of a network ends after its last octet: this key never matches"
		f.Meant, f.Certain = []netip.Prefix{p}, true
		return f
	}
	f.Advice = "correct the address: octets are 0 to 255, without leading zeros"
	return f
}
