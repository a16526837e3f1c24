package spf

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"go4.org/netipx"
)

// set is a set of addresses: ranges in ascending order, disjoint and never adjacent, IPv4 before IPv6. Only take and
// takeAll change their operand: otherwise a policy of n networks would copy its remaining addresses n times.
type set []netipx.IPRange

// Indexes of arrays with a value for each family.
const (
	v4 = iota
	v6
)

// universe returns all addresses of a family. IPv4-mapped ones (::ffff:0:0/96) are IPv6 here.
func universe(family int) netipx.IPRange {
	if family == v4 {
		return netipx.RangeOfPrefix(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	}
	return netipx.RangeOfPrefix(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
}

func everything() set { return set{universe(v4), universe(v6)} }

// mapped holds the IPv4-mapped addresses. A client with one is an IPv4 client (RFC 7208 section 5), so no network of ip6, a
// or mx passes it. "all" and exists do, because ::/0 is clearer than the 96 prefixes around the mapped addresses.
var mapped = set{netipx.RangeOfPrefix(netip.MustParsePrefix("::ffff:0:0/96"))}

// normal makes a set of ranges that may overlap, in any order. It reuses the slice.
func normal(ranges []netipx.IPRange) set {
	sort.Slice(ranges, func(i, j int) bool {
		a, b := ranges[i], ranges[j]
		return cmp.Or(a.From().Compare(b.From()), a.To().Compare(b.To())) < 0
	})
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && touches(out[n-1], r) {
			out[n-1] = netipx.IPRangeFrom(out[n-1].From(), later(out[n-1].To(), r.To()))
			continue
		}
		out = append(out, r)
	}
	return out
}

// touches reports whether b, which starts no earlier than a, overlaps a or follows it without a gap.
func touches(a, b netipx.IPRange) bool {
	if b.From().Compare(a.To()) <= 0 {
		return true
	}
	return a.To().Next() == b.From() // Next is invalid after the last address of a family
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}

func earlier(a, b netip.Addr) netip.Addr {
	if b.Less(a) {
		return b
	}
	return a
}

func union(a, b set) set {
	switch {
	case len(a) == 0:
		return slices.Clone(b)
	case len(b) == 0:
		return slices.Clone(a)
	}
	return normal(slices.Concat(a, b))
}

func (s set) intersect(o set) set {
	var out set
	for i, j := 0, 0; i < len(s) && j < len(o); {
		from, to := later(s[i].From(), o[j].From()), earlier(s[i].To(), o[j].To())
		if from.Compare(to) <= 0 {
			out = append(out, netipx.IPRangeFrom(from, to))
		}
		if s[i].To().Less(o[j].To()) {
			i++
		} else {
			j++
		}
	}
	return out
}

func (s set) minus(o set) set {
	var out set
	j := 0
	for _, r := range s {
		for j < len(o) && o[j].To().Less(r.From()) {
			j++
		}
		from := r.From()
		for k := j; from.IsValid() && k < len(o) && o[k].From().Compare(r.To()) <= 0; k++ {
			if from.Less(o[k].From()) {
				out = append(out, netipx.IPRangeFrom(from, o[k].From().Prev()))
			}
			from = o[k].To().Next()
		}
		if from.IsValid() && from.Compare(r.To()) <= 0 {
			out = append(out, netipx.IPRangeFrom(from, r.To()))
		}
	}
	return out
}

// take removes r from s and returns the addresses removed.
func (s *set) take(r netipx.IPRange) set {
	first := sort.Search(len(*s), func(i int) bool { return (*s)[i].To().Compare(r.From()) >= 0 })
	end := first
	for end < len(*s) && (*s)[end].From().Compare(r.To()) <= 0 {
		end++
	}
	if first == end {
		return nil
	}
	touched := (*s)[first:end]
	taken := touched.intersect(set{r})
	left, behind := touched.minus(set{r}), (*s)[end:] // what is left of one range may be two
	for len(*s) < first+len(left)+len(behind) {
		*s = append(*s, r)
	}
	copy((*s)[first+len(left):], behind)
	copy((*s)[first:], left)
	*s = (*s)[:first+len(left)+len(behind)]
	return taken
}

// takeAll removes o from s and returns the addresses removed.
func (s *set) takeAll(o set) set {
	const few = 16 // for more ranges, one pass over both sets is cheaper
	if len(o) > few {
		taken := s.intersect(o)
		*s = s.minus(o)
		return taken
	}
	var taken set
	for _, r := range o {
		taken = append(taken, s.take(r)...)
	}
	return taken
}

// holds reports whether s has addresses of a family.
func (s set) holds(family int) bool {
	if len(s) == 0 {
		return false
	}
	if family == v4 {
		return s[0].From().Is4()
	}
	return s[len(s)-1].From().Is6()
}

// of returns the addresses of a family in s.
func (s set) of(family int) set {
	firstV6 := sort.Search(len(s), func(i int) bool { return s[i].From().Is6() })
	if family == v4 {
		return s[:firstV6]
	}
	return s[firstV6:]
}

// prefixes returns the fewest prefixes that cover exactly s, in order.
func (s set) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, r := range s {
		out = r.AppendPrefixes(out)
	}
	return out
}

// countPrefixes gives the number of prefixes that prefixes returns; it counts up to just past most.
func (s set) countPrefixes(most int) (n int) {
	var some []netip.Prefix
	for _, r := range s {
		some = r.AppendPrefixes(some[:0])
		if n += len(some); n > most {
			break
		}
	}
	return n
}

func (s set) ipset() *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, r := range s {
		b.AddRange(r)
	}
	out, err := b.IPSet()
	if err != nil { // only invalid ranges are refused, and a set holds none
		panic("spf: " + err.Error())
	}
	return out
}
