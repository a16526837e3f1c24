package dnsbl

import "net/netip"

// Read gives the state of an address by the codes that the zone answered about it, and what they mean, as Check does for a zone
// that is in order. It asks nothing.
func (z Zone) Read(codes []netip.Addr) (State, string) {
	r := z.read(codes)
	return r.state, r.meaning
}
