package key

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"mailallow/allowlist"
)

// An access map has no CIDR: Sendmail looks an address up whole and then cut at
// octet or 16-bit-group boundaries, the longest key first (docs/facts.md 1 to 3). A
// key is therefore a node of a tree that branches 256-fold for IPv4 and
// 65,536-fold for IPv6, and it speaks for every address under it but those under
// longer keys. keyTree finds the fewest such keys that say what the spans say.
//
// Under a node whose every address has an action, the fewest keys are found as
// routers compress their tables (Draves, King, Venkatachary, Zill: Constructing
// Optimal IP Routing Tables, 1999): from the leaves up, a node keeps the actions
// that most of its children could inherit; from the root down, a key is written
// only where what is inherited is none of them. No key says "nothing is known of
// this address" (SKIP is not everywhere, docs/facts.md 4), so a node with a hole
// anywhere under it has no key.
//
// The tree holds a node only where spans end inside it, so its size is bounded
// by the spans and not by the keys.
type Tree struct {
	Spans []allowlist.Span // one family
	step  int              // bits between two key lengths: 8 or 16
	root  *keyNode
}

type keyNode struct {
	prefix netip.Prefix
	parts  []keyPart // in address order; a child in none of them has no action
	lo, hi int       // spans[lo:hi] are those that reach into the node
	full   bool      // every address has an action
	best   actionSet // full nodes: what is worth inheriting
}

// keyPart is a run of children that one span covers, or one child that needs a
// node of its own.
type keyPart struct {
	first, count int // children by number
	span         int
	child        *keyNode // nil for a run
}

// Run is a run of keys of one length and action: count prefixes from first on.
type Run struct {
	First  netip.Prefix
	Count  int
	Action allowlist.Action
	Lo, Hi int // spans[lo:hi] are those the keys speak for, with others of other actions
}

type actionSet uint8

func setOf(a allowlist.Action) actionSet        { return 1 << a }
func (s actionSet) has(a allowlist.Action) bool { return s&setOf(a) != 0 }

// strictest is the action that takes precedence: where several would do as well,
// the one that allows least is the one to write.
func (s actionSet) strictest() allowlist.Action {
	for a := allowlist.Exclude; a > allowlist.None; a-- {
		if s.has(a) {
			return a
		}
	}
	return allowlist.None
}

// NewTree takes disjoint spans of one family in address order; there is at
// least one.
func NewTree(spans []allowlist.Span) *Tree {
	t := &Tree{Spans: spans, step: 8}
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if spans[0].From.Is6() {
		t.step, all = 16, netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	t.root = t.node(all, 0, len(spans))
	t.root.full = false // there is no key for everything
	return t
}

// node takes the spans that reach into prefix.
func (t *Tree) node(prefix netip.Prefix, lo, hi int) *keyNode {
	n := &keyNode{prefix: prefix, lo: lo, hi: hi}
	fanout, covered := 1<<t.step, 0
	for at, k := 0, lo; at < fanout; {
		child := t.childPrefix(prefix, at)
		for k < hi && t.Spans[k].To.Less(child.Addr()) {
			k++
		}
		if k == hi {
			break
		}
		part := keyPart{first: at, count: 1, span: k}
		switch s := t.Spans[k]; {
		case netipx.PrefixLastIP(child).Less(s.From):
			at = t.childNumber(s.From, prefix.Bits())
			continue
		case covers(s, child):
			part.count = t.lastCovered(s, prefix) - at + 1
		default:
			part.child = t.node(child, k, t.pastSpans(child, k, hi))
		}
		n.parts = append(n.parts, part)
		at += part.count
		covered += part.count
	}
	n.full = covered == fanout && !slices.ContainsFunc(n.parts, func(p keyPart) bool {
		return p.child != nil && !p.child.full
	})
	if n.full {
		n.best = t.best(n.parts)
	}
	return n
}

// lastCovered is the last child of prefix that the span, which covers one of
// them, covers to its end.
func (t *Tree) lastCovered(s allowlist.Span, prefix netip.Prefix) int {
	if !s.To.Less(netipx.PrefixLastIP(prefix)) {
		return 1<<t.step - 1
	}
	last := t.childNumber(s.To, prefix.Bits())
	if !covers(s, t.childPrefix(prefix, last)) {
		last-- // it ends inside that child, which needs a node of its own
	}
	return last
}

// pastSpans is the index behind the spans from k on that reach into child.
func (t *Tree) pastSpans(child netip.Prefix, k, hi int) int {
	last := netipx.PrefixLastIP(child)
	for k < hi && !last.Less(t.Spans[k].From) {
		k++
	}
	return k
}

func covers(s allowlist.Span, p netip.Prefix) bool {
	return !p.Addr().Less(s.From) && !s.To.Less(netipx.PrefixLastIP(p))
}

// best is the set of actions that the most children of a full node could inherit.
func (t *Tree) best(parts []keyPart) actionSet {
	var votes [allowlist.Exclude + 1]int
	for _, p := range parts {
		can := setOf(t.Spans[p.span].Action())
		if p.child != nil {
			can = p.child.best
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

// Walk yields the keys in address order, a shorter key before those under it,
// until yield returns false. taken tells of keys that a person has written; nil: none. Such a
// key decides for prefixes of ours that are not longer than it, with or without
// holes in them, and under it nothing is inherited from ours: a longer prefix gets
// keys of its own there.
func (t *Tree) Walk(taken func(netip.Prefix) bool, yield func(Run) bool) {
	w := keyWalk{t, taken, yield}
	w.node(t.root, allowlist.None, nothingHeld)
}

// nothingHeld is shorter than any prefix.
const nothingHeld = -1

type keyWalk struct {
	*Tree
	taken func(netip.Prefix) bool
	yield func(Run) bool
}

// node yields the keys of a node. Prefixes of at most held bits have been left to
// a person's key above.
func (w keyWalk) node(n *keyNode, inherited allowlist.Action, held int) bool {
	switch e := w.covering(n); {
	case w.taken != nil && w.taken(n.prefix):
		if e != nil && e.Prefix().Bits() > held && e.Action() != inherited {
			if !w.yield(Run{First: n.prefix, Count: 1, Action: e.Action(), Lo: n.lo, Hi: n.hi}) {
				return false
			}
		}
		inherited, held = allowlist.None, n.prefix.Bits()
	case n.full && !n.best.has(inherited) && (e == nil || e.Prefix().Bits() > held):
		inherited = n.best.strictest()
		if !w.yield(Run{First: n.prefix, Count: 1, Action: inherited, Lo: n.lo, Hi: n.hi}) {
			return false
		}
	}
	for _, p := range n.parts {
		if p.child != nil {
			if !w.node(p.child, inherited, held) {
				return false
			}
			continue
		}
		if s := &w.Spans[p.span]; s.Action() != inherited && s.Prefix().Bits() > held {
			run := Run{First: w.childPrefix(n.prefix, p.first), Count: p.count, Action: s.Action(), Lo: p.span, Hi: p.span + 1}
			if !w.yield(run) {
				return false
			}
		}
	}
	return true
}

// covering is a span of the entry that covers a node and decides what no longer
// prefix does in it; nil when longer ones decide all there is.
func (t *Tree) covering(n *keyNode) *allowlist.Span {
	for i := n.lo; i < n.hi; i++ {
		if s := &t.Spans[i]; s.Prefix().Bits() <= n.prefix.Bits() {
			return s
		}
	}
	return nil
}

// childNumber is which child of a node of that length the address lies in.
func (t *Tree) childNumber(addr netip.Addr, bits int) int {
	if t.step == 8 {
		return int(addr.As4()[bits/8])
	}
	b := addr.As16()
	return int(b[bits/8])<<8 | int(b[bits/8+1])
}

func (t *Tree) childPrefix(parent netip.Prefix, number int) netip.Prefix {
	at := parent.Bits() / 8
	if t.step == 8 {
		b := parent.Addr().As4()
		b[at] = byte(number)
		return netip.PrefixFrom(netip.AddrFrom4(b), parent.Bits()+t.step)
	}
	b := parent.Addr().As16()
	b[at], b[at+1] = byte(number>>8), byte(number)
	return netip.PrefixFrom(netip.AddrFrom16(b), parent.Bits()+t.step)
}
