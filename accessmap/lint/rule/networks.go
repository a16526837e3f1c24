package rule

import (
	"fmt"
	"net/netip"
	"sync"

	"mailallow/allowlist/prefixes"
)

// Limits are the prefix lengths of the widest network of each family that a list may have, as [guard] of the configuration names
// them: widest_ipv4 from 0 to 32, widest_ipv6 from 0 to 128.
type Limits struct{ IPv4, IPv6 int }

// Options hold what lint knows besides the file.
type Options struct {
	// Relays reports that the clients that the file permits may relay to anywhere.
	Relays bool

	// Shared gives the title of a provider with many customers that sends from a part of a prefix; empty: no such provider
	// does. nil: no provider is known.
	Shared func(netip.Prefix) string
	Limits Limits

	// Flags are those of the command line, each after a blank, for a command to paste.
	Flags string
}

// Others says which hosts of others a network holds, for which a correction must not let a server relay: those of a provider with
// many customers, or more than the limits allow (wide). Empty: none that are known.
func (o Options) Others(p netip.Prefix) (hosts string, wide bool) {
	if o.Limits.Wide(p) {
		return "this is " + Size(p) + ", and every host in it", true
	}
	if o.Shared == nil || o.Shared(p) == "" {
		return "", false
	}
	return "it holds hosts of " + o.Shared(p) + ", each of whose customers", false
}

// Wide reports whether a network is wider than the limit of its family, and not wholly special-purpose space.
func (l Limits) Wide(p netip.Prefix) bool {
	limit := l.IPv6
	if p.Addr().Is4() {
		limit = l.IPv4
	}
	return p.Bits() < limit && !Special(p)
}

// Open reports whether a network in mynetworks makes an open relay. All public IPv6 addresses are in one of the length 3.
func Open(p netip.Prefix) bool { return p.Bits() <= 3 && !Special(p) }

// Special reports whether a network lies wholly in special-purpose space.
func Special(p netip.Prefix) bool { return covers(prefixes.SpecialPurpose(), p) }

// IsExample reports whether a network lies in documentation space.
func IsExample(p netip.Prefix) bool { return covers(examples(), p) }

// NoSender reports whether no client has an address of the network.
func NoSender(p netip.Prefix) bool { return covers(nobody(), p) }

func covers(l prefixes.List, p netip.Prefix) bool {
	common, overlaps := l.Overlap(p)
	return overlaps && common == p
}

func list(networks ...string) func() prefixes.List {
	return sync.OnceValue(func() (l prefixes.List) {
		for _, p := range networks {
			l.Add(netip.MustParsePrefix(p), 0)
		}
		return l.Sorted()
	})
}

var (
	// private is the space of one's own networks (RFC 1918, RFC 4193).
	private = list("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
	// examples is documentation space, which stands for any other address.
	examples = list("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
	// nobody is space from which no packet comes: this host, protocol assignments, discard, multicast and reserved.
	nobody = list("0.0.0.0/8", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4", "100::/64", "ff00::/8")
)

// PrivateIn gives a private network inside a wider one; not valid: there is none.
func PrivateIn(p netip.Prefix) netip.Prefix {
	if inside, ok := private().Overlap(p); ok && inside != p {
		return inside
	}
	return netip.Prefix{}
}

// Size says in words how much a wide network is.
func Size(p netip.Prefix) string {
	family := "IPv6"
	if p.Addr().Is4() {
		family = "IPv4"
	}
	if p.Bits() == 0 {
		return "all of " + family
	}
	return fmt.Sprintf("a /%d", p.Bits())
}
