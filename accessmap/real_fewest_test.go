package accessmap_test

import (
	"net/netip"
	"sort"

	"go4.org/netipx"

	"mailallow/allowlist"
)

// fewestKeys finds the smallest number of keys for the list by trying: at every place there is no key, or a key with one of
// the three values. A value is right for an address if the longest key above the address has it. No value means "no action",
// so an address without an action has no key above it.
func (l list) fewestKeys() (fewest int64) {
	for _, all := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		// The root has no key, which would have no text.
		fewest += l.runs(all).below(all)[allowlist.None]
	}
	return fewest
}

// prices holds the number of keys of a node and all nodes below it, for each action that it may inherit.
type prices [allowlist.Exclude]int64

// impossible is more than any number of keys, and small enough to be added up.
const impossible int64 = 1 << 40

// run is a range of addresses with the same action.
type run struct {
	from, to netip.Addr
	action   allowlist.Action
}

// runs are the runs of a whole family, in order and without a gap.
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
		all = append(all, run{s.From, s.To, l.action(s.From)})
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

// node gives the prices of a node that may have a key.
func (r runs) node(p netip.Prefix) (best prices) {
	if own := r.at(p.Addr()); own.covers(p) {
		for a := range best {
			switch {
			case allowlist.Action(a) == own.action:
			case own.action == allowlist.None:
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

// below gives the prices of all nodes below a node without a key.
func (r runs) below(p netip.Prefix) (sum prices) {
	for i := 0; i < children(p); {
		c := child(p, i)
		times := 1
		if own := r.at(c.Addr()); own.covers(c) {
			// All children in one run are alike. They are counted a bit at a time.
			for step := children(p); step > 0; step /= 2 {
				for last := i + times - 1 + step; last < children(p) && own.covers(child(p, last)); last += step {
					times += step
				}
			}
		}
		for a, price := range r.node(c) {
			sum[a] = min(impossible, sum[a]+int64(times)*price)
		}
		i += times
	}
	return sum
}

func (r run) covers(p netip.Prefix) bool {
	return !p.Addr().Less(r.from) && !r.to.Less(netipx.PrefixLastIP(p))
}

// children is the number of keys of the next length below a key.
func children(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 1 << 8
	}
	return 1 << 16
}

// child gives one of the children by number.
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
