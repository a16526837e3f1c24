package allowlist

import (
	"cmp"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"
)

// Range is one prefix of a source with the path that put it there: for an SPF
// source the name asked and each term on the way, for a file its line.
type Range struct {
	Prefix netip.Prefix `json:"prefix"`
	Path   []string     `json:"path"`
}

// PathSeparator stands between the steps of a path wherever people read one.
const PathSeparator = " > "

// PathString is the path on one line.
func (r Range) PathString() string { return strings.Join(r.Path, PathSeparator) }

// Minimal gives the fewest prefixes that cover exactly the addresses of ranges:
// IPv4 first, in address order.
func Minimal(ranges []Range) []netip.Prefix { return union(ranges).Prefixes() }

func union(ranges []Range) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, r := range ranges {
		b.AddPrefix(r.Prefix)
	}
	return mustSet(&b)
}

// mustSet builds a set of parts that are valid by construction: every prefix in
// this package was parsed and masked when it was read.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("allowlist: an invalid prefix reached the set: " + err.Error())
	}
	return set
}

// Count is a number of addresses in each family. IPv6 needs 129 bits.
type Count struct {
	IPv4 uint64
	IPv6 *big.Int
}

// CountAddresses counts the addresses of disjoint prefixes.
func CountAddresses(prefixes []netip.Prefix) Count {
	c := Count{IPv6: new(big.Int)}
	for _, p := range prefixes {
		if p.Addr().Is4() {
			c.IPv4 += 1 << (32 - p.Bits())
		} else {
			c.IPv6.Add(c.IPv6, new(big.Int).Lsh(big.NewInt(1), uint(128-p.Bits())))
		}
	}
	return c
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

func sortRanges(ranges []Range) {
	slices.SortFunc(ranges, func(a, b Range) int {
		return cmp.Or(comparePrefix(a.Prefix, b.Prefix), slices.Compare(a.Path, b.Path))
	})
}
