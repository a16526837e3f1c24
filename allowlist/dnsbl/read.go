package dnsbl

import "net/netip"

// Read gives the state of an address by the codes that the zone answered about it, and what they mean, as Check does for a zone
// that is in order. It asks nothing.
func (z Zone) Read(codes []netip.Addr) (State, string) {
	r := z.read(codes)
	return r.state, r.meaning
}

// Refuses reports whether a code of a zone, in lower case and without a key, says that the list does not answer, and nothing
// about the address. It is Read without words, for logs.
func Refuses(zone string, code netip.Addr) bool {
	octets := code.As4()
	if octets[0] != 127 || octets[1] == 255 && octets[2] == 255 {
		return true
	}
	l := entry(zone)
	if l == nil {
		return false // 127.0.0.1 of a list that is not known may mean anything
	}
	for _, a := range l.answers {
		if a.fits(octets) {
			return a.sense == refusal || a.sense == doubtful
		}
	}
	refuses := byte(0)
	for _, b := range l.bits {
		if b.sense == refusal {
			refuses |= b.mask
		}
	}
	if octets == [4]byte{127, 0, 0, 1} && refuses&1 == 0 {
		return l.kind != welcome && l.kind != score
	}
	return l.bits != nil && octets[3]&^refuses == 0
}
