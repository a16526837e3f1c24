package prefixes

import (
	"net/netip"
	"sync"
)

// specialPrefixes are the IANA IPv4 and IPv6 Special-Purpose Address Registries
// (RFC 6890 and its updates, as of 2025), and two blocks that no sender uses
// either: multicast, and the deprecated site-local addresses.
var specialPrefixes = [...]string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
}

// SpecialPurpose gives special-purpose space as the fewest networks. No mail of strangers comes from there.
var SpecialPurpose = sync.OnceValue(func() List {
	var l List
	for _, p := range specialPrefixes {
		l.Add(netip.MustParsePrefix(p), 0)
	}
	return l.Sorted().Fewest()
})
