package accessmap_test

import (
	"net/netip"
	"sort"

	"go4.org/netipx"

	"mailallow/allowlist"
)

// fewestKeys is how few keys can say what the list says, by trying: at every place of a key there is none, or one with
// one of the three values, and a value is right for an address when the longest key above it has it. No key takes
// another's value back to nothing, so where nothing is to be said no key can stand above.
func (l list) fewestKeys() int {
	fewest := 0
	for _, all := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		// No key stands at the root: it would have no text.
		fewest += l.runs(all).below(all)[allowlist.None]
	}
	return fewest
}

// prices is how many keys a node and all below it need when what is above says each of the actions.
type prices [allowlist.Exclude]int

// impossible is more than any number of keys, and its sums are still numbers.
const impossible = 1 << 40

// run is a run of addresses of which the same is said.
type run struct {
	from, to netip.Addr
	action   allowlist.Action
}

// runs are those of a whole family, one after the other without a gap.
type runs []run

func (l list) runs(family netip.Prefix) (all runs) {
	next := family.Addr()
	for s := range l.set.Spans() {
		if !family.Contains(s.From) {
			continue
		}
		if next.Less(s.From) {
			all = append(all, run{next, s.From.Prev(), allowlist.None})
		}
		all = append(all, run{s.From, s.To, l.said(s.From)})
		next = s.To.Next()
	}
	if next.IsValid() {
		all = append(all, run{next, netipx.PrefixLastIP(family), allowlist.None})
	}
	return all
}

func (r runs) at(addr netip.Addr) run {
	return r[sort.Search(len(r), func(i int) bool { return !r[i].to.Less(addr) })]
}

// node gives the prices of a node with the key that may stand at it.
func (r runs) node(p netip.Prefix) (best prices) {
	if here := r.at(p.Addr()); here.covers(p) {
		for a := range best {
			switch {
			case allowlist.Action(a) == here.action:
			case here.action == allowlist.None:
				best[a] = impossible
			default:
				best[a] = 1
			}
		}
		return best
	}
	best = r.below(p)
	cheapest := impossible
	for a := allowlist.Relay; a <= allowlist.Reject; a++ {
		cheapest = min(cheapest, best[a]+1)
	}
	for a := range best {
		best[a] = min(best[a], cheapest)
	}
	return best
}

// below gives the prices of all that is below a node, when there is no key at the node itself.
func (r runs) below(p netip.Prefix) (sum prices) {
	for i := 0; i < children(p); {
		c := child(p, i)
		times := 1
		if here := r.at(c.Addr()); here.covers(c) {
			// All children in one run are alike; how many there are is found a bit at a time.
			for step := children(p); step > 0; step /= 2 {
				for last := i + times - 1 + step; last < children(p) && here.covers(child(p, last)); last += step {
					times += step
				}
			}
		}
		for a, price := range r.node(c) {
			sum[a] = min(impossible, sum[a]+times*price)
		}
		i += times
	}
	return sum
}

func (r run) covers(p netip.Prefix) bool {
	return !p.Addr().Less(r.from) && !r.to.Less(netipx.PrefixLastIP(p))
}

// children is how many keys of the next length there are below one.
func children(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 1 << 8
	}
	return 1 << 16
}

// child is one of them by number.
func child(p netip.Prefix, number int) netip.Prefix {
	b, at := p.Addr().AsSlice(), p.Bits()/8
	if p.Addr().Is4() {
		b[at] = byte(number)
		addr, _ := netip.AddrFromSlice(b)
		return netip.PrefixFrom(addr, p.Bits()+8)
	}
	b[at], b[at+1] = byte(number>>8), byte(number)
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, p.Bits()+16)
}
