package key

import (
	"iter"
	"net/netip"
	"slices"

	"mailallow/allowlist"
)

// Walk yields the fewest keys that give every address the action of a list, whose spans are disjoint and in address order, IPv4
// first. The keys are in that order, too: a shorter key before the longer ones below it. It ends when yield returns false.
//
// An access map has no CIDR: Sendmail looks an address up whole, then cut at octets or 16-bit groups, and the longest key
// decides (docs/facts.md 1 to 3). So a key is a node of a tree with 256 branches at every node for IPv4 and 65,536 for IPv6.
// It decides for all addresses below it, except for those below longer keys.
//
// If every address below a node has an action, Walk finds the fewest keys in the way that routers compress their tables
// (Draves, King, Venkatachary, Zill: Constructing Optimal IP Routing Tables, 1999). From the leaves up, a node keeps the
// actions that the most of its children could inherit. From the root down, a node gets a key only if the inherited action is
// not among them. A node with a hole below it, an address without an action, gets no key: no value means "undecided" in every
// sendmail.cf (SKIP does in some, docs/facts.md 4).
//
// A key has at least one octet or group. So Walk makes the tree below each of these by itself, and keeps only one of them. It
// has a node only where spans end inside it, so that its size depends on the spans and not on the keys.
//
// taken reports whether there is a hand-written key; nil: there are none. A hand-written key wins over an entry of the list
// whose prefix is not longer; for a longer one, Walk yields keys below the hand-written key. It also yields the keys that are
// equal to hand-written ones, so that the caller can report them; the caller must leave them out.
func Walk(spans iter.Seq[allowlist.Span], taken func(netip.Prefix) bool, yield func(Run) bool) {
	w := walk{taken: taken, yield: yield} // of the spans that end inside the same octet or group
	for s := range spans {
		step := stepOf(s.From)
		of := extentOf(s.From, s.To)
		for at, last := of.from.number(step, step), of.to.number(step, step); at <= last; at++ {
			child := place{}.child(at, step)
			if (child != w.first || step != w.step) && !w.flush() {
				return
			}
			w.first, w.step = child, step
			if !of.covers(child, step) {
				w.spans, w.extents = append(w.spans, s), append(w.extents, of)
				continue
			}
			count := of.lastCovered(place{}, step, step) - at + 1
			at += count - 1
			if !yield(Run{First: child.prefix(step, step), Count: count, Action: s.Action(), Spans: []allowlist.Span{s}}) {
				return
			}
		}
	}
	w.flush()
}

// Run is a run of Count keys, from First on, with one length and one action; see Nth.
type Run struct {
	First  netip.Prefix
	Count  int
	Action allowlist.Action
	Spans  []allowlist.Span // that the keys stand for; some may have other actions. They are valid until yield returns
}

// tree is what Walk makes of the spans that end inside one octet or group. Its parts are in the order of their addresses, a
// node before its children.
type tree struct {
	first   place
	step    int              // stepIPv4 or stepIPv6
	spans   []allowlist.Span // of one family
	extents []extent         // of the spans
	parts   []part
}

// part is a run of children that one span covers, or one child with a node of its own. A child that is in no part has no
// action.
type part struct {
	number, count int       // of the first child, and of children
	lo, hi        int       // spans[lo:hi] reach into the part
	end           int       // of a node: the parts behind it and before this one are below it
	full          bool      // every address of the node has an action
	best          actionSet // of a full node: the actions that the most of its children could inherit
}

func (p part) isNode() bool { return p.end > 0 }

type actionSet uint8

func setOf(a allowlist.Action) actionSet        { return 1 << a }
func (s actionSet) has(a allowlist.Action) bool { return s&setOf(a) != 0 }

// strictest is the action that allows the least. A key gets it if several actions need equally few keys.
func (s actionSet) strictest() allowlist.Action {
	for a := allowlist.Exclude; a > allowlist.None; a-- {
		if s.has(a) {
			return a
		}
	}
	return allowlist.None
}

// grow appends a node of that many bits, which begins at first, and what is below it.
func (t *tree) grow(n part, first place, bits int) {
	self := len(t.parts)
	t.parts = append(t.parts, n)
	n.full = true
	fanout, covered, below := 1<<t.step, 0, bits+t.step
	for at, k := 0, n.lo; at < fanout; {
		child := first.child(at, below)
		for k < n.hi && t.extents[k].to.less(child) {
			k++
		}
		if k == n.hi {
			break
		}
		p, last := part{number: at, count: 1, lo: k, hi: k + 1}, child.last(below)
		switch of := t.extents[k]; {
		case last.less(of.from):
			at = of.from.number(below, t.step)
			continue
		case of.covers(child, below):
			p.count = of.lastCovered(first, below, t.step) - at + 1
			t.parts = append(t.parts, p)
		default:
			for p.hi < n.hi && !last.less(t.extents[p.hi].from) {
				p.hi++
			}
			grown := len(t.parts)
			t.grow(p, child, below)
			n.full = n.full && t.parts[grown].full
		}
		at += p.count
		covered += p.count
	}
	n.end = len(t.parts)
	if n.full = n.full && covered == fanout; n.full {
		n.best = t.best(self+1, n.end)
	}
	t.parts[self] = n
}

// next gives the number of the part behind part i and all that is below it.
func (t *tree) next(i int) int {
	if p := t.parts[i]; p.isNode() {
		return p.end
	}
	return i + 1
}

// best is the set of actions that the most children of a full node could inherit.
func (t *tree) best(from, end int) actionSet {
	var votes [allowlist.Exclude + 1]int
	for i := from; i < end; i = t.next(i) {
		p := &t.parts[i]
		can := p.best
		if !p.isNode() {
			can = setOf(t.spans[p.lo].Action())
		}
		for a := range votes {
			if can.has(allowlist.Action(a)) {
				votes[a] += p.count
			}
		}
	}
	most := slices.Max(votes[:])
	var best actionSet
	for a, n := range votes {
		if n == most {
			best |= setOf(allowlist.Action(a))
		}
	}
	return best
}

// noBits is less than the length of any prefix.
const noBits = -1

// walk yields the keys of a tree.
type walk struct {
	tree
	taken func(netip.Prefix) bool
	yield func(Run) bool
	ended bool
}

// flush yields the keys of the spans and forgets them. It reports whether more are wanted.
func (w *walk) flush() bool {
	if len(w.spans) > 0 {
		w.parts = w.parts[:0]
		w.grow(part{hi: len(w.spans)}, w.first, w.step)
		w.ended = w.ended || !w.node(0, w.first, w.step, allowlist.None, noBits)
		w.spans, w.extents = w.spans[:0], w.extents[:0]
	}
	return !w.ended
}

// node yields the keys of a node and below it. A hand-written key above decides for entries of at most handBits bits.
func (w *walk) node(at int, first place, bits int, inherited allowlist.Action, handBits int) bool {
	n, key := w.parts[at], first.prefix(bits, w.step)
	switch {
	case w.taken != nil && w.taken(key):
		if e := w.covering(n, bits); e != nil && decides(e, handBits) && e.Action() != inherited {
			if !w.yield(Run{First: key, Count: 1, Action: e.Action(), Spans: w.spans[n.lo:n.hi]}) {
				return false
			}
		}
		inherited, handBits = allowlist.None, bits
	case n.full && !n.best.has(inherited):
		if e := w.covering(n, bits); e != nil && !decides(e, handBits) {
			break
		}
		inherited = n.best.strictest()
		if !w.yield(Run{First: key, Count: 1, Action: inherited, Spans: w.spans[n.lo:n.hi]}) {
			return false
		}
	}
	bits += w.step
	for i := at + 1; i < n.end; i = w.next(i) {
		p := &w.parts[i]
		child, s := first.child(p.number, bits), &w.spans[p.lo]
		switch {
		case p.isNode():
			if !w.node(i, child, bits, inherited, handBits) {
				return false
			}
		case s.Action() != inherited && decides(s, handBits):
			if !w.yield(Run{First: child.prefix(bits, w.step), Count: p.count, Action: s.Action(), Spans: w.spans[p.lo:p.hi]}) {
				return false
			}
		}
	}
	return true
}

// decides reports whether the entry of a span decides below a hand-written key of handBits bits: its prefix is longer.
func decides(s *allowlist.Span, handBits int) bool {
	return handBits == noBits || s.Prefix().Bits() > handBits
}

// covering is a span of the entry whose prefix covers the node; nil if longer prefixes decide for all its addresses.
func (t *tree) covering(n part, bits int) *allowlist.Span {
	for i := n.lo; i < n.hi; i++ {
		if s := &t.spans[i]; s.Prefix().Bits() <= bits {
			return s
		}
	}
	return nil
}
