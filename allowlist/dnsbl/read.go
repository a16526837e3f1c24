package dnsbl

import "net/netip"

// Read gives the state of an address by the codes that the zone answered about it, and what they mean, as Check does for a zone
// that is in order. It asks nothing.
func (z Zone) Read(codes []netip.Addr) (State, string) {
	r := z.read(codes)
	return r.state, r.meaning
}

// Refuses reports whether a code that a zone answered says that the list does not answer, and nothing about the address.
func Refuses(zone string, code netip.Addr) bool {
	z := Zone{list: named(zone)}
	if z.name == "" { // of a list that is not known, only what no list can mean otherwise
		return !code.IsLoopback() || netip.MustParsePrefix("127.255.255.0/24").Contains(code)
	}
	return z.read([]netip.Addr{code}).state == Error
}
