package allowlist

import (
	"fmt"
	"net/netip"
	"sync"

	"go4.org/netipx"
)

// maxSpecialReports bounds the problems of one source; the rest is a count.
const maxSpecialReports = 20

// droppings takes special-purpose space out of the ranges of a source, because no mail of strangers comes from there. It
// notes each SPF term or line that names some.
type droppings struct {
	paths   []string
	noted   map[string]bool
	overlap bool // ranges that wholly kept hold special-purpose space
}

// wholly takes out the ranges that lie in special-purpose space.
func (d *droppings) wholly(ranges Ranges) (kept Ranges) {
	if !namesSpecial(ranges) {
		return ranges
	}
	special := specialSet()
	for r := range ranges.All() {
		if special.ContainsPrefix(r.Prefix) {
			d.note(r)
			continue
		}
		d.overlap = d.overlap || special.OverlapsPrefix(r.Prefix)
		kept.Add(r)
	}
	return kept
}

// partly takes special-purpose space out of the ranges that wholly kept.
func (d *droppings) partly(ranges Ranges) (kept Ranges) {
	if !d.overlap {
		return ranges
	}
	special := specialSet()
	for r := range ranges.All() {
		if !special.OverlapsPrefix(r.Prefix) {
			kept.Add(r)
			continue
		}
		d.note(r)
		var b netipx.IPSetBuilder
		b.AddPrefix(r.Prefix)
		b.RemoveSet(special)
		for _, p := range mustSet(&b).Prefixes() {
			kept.Add(Range{Prefix: p, Path: r.Path})
		}
	}
	return kept
}

func (d *droppings) note(r Range) {
	path := r.PathString()
	if d.noted[path] {
		return
	}
	if d.noted == nil {
		d.noted = map[string]bool{}
	}
	d.noted[path] = true
	d.paths = append(d.paths, path)
}

func (d *droppings) problems() (problems []Problem) {
	for i, path := range d.paths {
		if i == maxSpecialReports {
			return append(problems, Problem{Kind: "special", Text: fmt.Sprintf("and special-purpose space in %d more places", len(d.paths)-i)})
		}
		problems = append(problems, Problem{Kind: "special", Text: path + ": special-purpose space is dropped: no mail comes from there"})
	}
	return problems
}

// namesSpecial reports whether ranges name special-purpose space.
func namesSpecial(ranges Ranges) bool {
	for p := range ranges.Minimal() {
		if specialSet().OverlapsPrefix(p) {
			return true
		}
	}
	return false
}

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

var specialSet = sync.OnceValue(func() *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range specialPrefixes {
		b.AddPrefix(netip.MustParsePrefix(p))
	}
	return mustSet(&b)
})

// mustSet builds a set. It panics on an invalid prefix, which is a fault of this
// package: readers parse and mask every prefix.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("allowlist: an invalid prefix reached the set: " + err.Error())
	}
	return set
}
