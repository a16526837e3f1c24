package allowlist

import (
	"iter"
	"math/big"
	"net/netip"

	"mailallow/allowlist/provenance"
)

// Range is one prefix of a source, and the path that leads to it: in an SPF
// source the name and each term below it, in a file the line.
type Range struct {
	Prefix netip.Prefix
	Path   *provenance.Path
}

// PathString gives the path on one line.
func (r Range) PathString() string { return r.Path.String() }

// Count is a number of addresses in each family. IPv6 needs 129 bits.
type Count struct {
	IPv4 uint64
	IPv6 *big.Int
}

// CountAddresses counts the addresses of disjoint prefixes.
func CountAddresses(prefixes iter.Seq[netip.Prefix]) Count {
	c := Count{IPv6: new(big.Int)}
	var networks [128 + 1]int64 // IPv6 networks by prefix length
	for p := range prefixes {
		if p.Addr().Is4() {
			c.IPv4 += 1 << (32 - p.Bits())
		} else {
			networks[p.Bits()]++
		}
	}
	for bits, n := range networks {
		c.IPv6.Add(c.IPv6, new(big.Int).Lsh(big.NewInt(n), uint(128-bits)))
	}
	return c
}
