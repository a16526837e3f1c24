package key

import (
	"net/netip"
	"slices"

	"go4.org/netipx"

	"mailallow/allowlist"
)

// Tree finds the fewest keys that give every address the action of a list.
//
// An access map has no CIDR: Sendmail looks an address up whole, then cut at octets or 16-bit groups, and the longest key
// decides (docs/facts.md 1 to 3). So a key is a node of a tree with 256 branches at every node for IPv4 and 65,536 for IPv6.
// It decides for all addresses below it, except for those below longer keys.
//
// If every address below a node has an action, Tree finds the fewest keys in the way that routers compress their tables
// (Draves, King, Venkatachary, Zill: Constructing Optimal IP Routing Tables, 1999). From the leaves up, a node keeps the
// actions that the most of its children could inherit. From the root down, a node gets a key only if the inherited action is
// not among them. A node with a hole below it, an address without an action, gets no key: no value means "undecided" in every
// sendmail.cf (SKIP does in some, docs/facts.md 4).
//
// The tree has a node only where spans end inside it, so that its size depends on the spans and not on the keys.
type Tree struct {
	Spans []allowlist.Span // of one family
	step  int              // as Step has it: 8 or 16
	root  *keyNode
}

type keyNode struct {
	prefix netip.Prefix
	parts  []keyPart // in address order; a child that is in no part has no action
	lo, hi int       // Spans[lo:hi] reach into the node
	full   bool      // every address has an action
	best   actionSet // of a full node: the actions that the most of its children could inherit
}

// keyPart is a run of children that one span covers, or one child with a node of its own.
type keyPart struct {
	first, count int      // number of the first child, and how many there are
	span         int      // index in Spans of the first one that reaches into the part
	child        *keyNode // nil for a run
}

// Run is a run of Count keys, from First on, with one length and one action; see Nth.
type Run struct {
	First  netip.Prefix
	Count  int
	Action allowlist.Action
	Lo, Hi int // Tree.Spans[Lo:Hi] are the spans that the keys stand for; some may have other actions
}

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

// NewTree makes the tree of disjoint spans of one family, in address order. There must be at least one.
func NewTree(spans []allowlist.Span) *Tree {
	t := &Tree{Spans: spans, step: 8}
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if spans[0].From.Is6() {
		t.step, all = 16, netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	t.root = t.node(all, 0, len(spans))
	t.root.full = false // a key has at least one octet or group
	return t
}

// node makes a node from the spans that reach into prefix, Spans[lo:hi].
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
			end := k
			for end < hi && !netipx.PrefixLastIP(child).Less(t.Spans[end].From) {
				end++
			}
			part.child = t.node(child, k, end)
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

// lastCovered is the number of the last child of prefix that the span covers. It must cover at least one.
func (t *Tree) lastCovered(s allowlist.Span, prefix netip.Prefix) int {
	if !s.To.Less(netipx.PrefixLastIP(prefix)) {
		return 1<<t.step - 1
	}
	last := t.childNumber(s.To, prefix.Bits())
	if !covers(s, t.childPrefix(prefix, last)) {
		last-- // the span ends inside that child
	}
	return last
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

// Walk yields the keys in address order, a shorter key before the longer ones below it, until yield returns false. taken
// reports whether there is a hand-written key; nil: there are none. A hand-written key wins over an entry of the list whose
// prefix is not longer; for a longer one, Walk yields keys below the hand-written key. It also yields the keys that are equal
// to hand-written ones, so that the caller can report them; the caller must leave them out.
func (t *Tree) Walk(taken func(netip.Prefix) bool, yield func(Run) bool) {
	w := keyWalk{t, taken, yield}
	w.node(t.root, allowlist.None, noBits)
}

// noBits is less than the length of any prefix.
const noBits = -1

type keyWalk struct {
	*Tree
	taken func(netip.Prefix) bool
	yield func(Run) bool
}

// node yields the keys of a node and below it. A hand-written key above decides for entries of at most handBits bits.
func (w keyWalk) node(n *keyNode, inherited allowlist.Action, handBits int) bool {
	switch e := w.covering(n); {
	case w.taken != nil && w.taken(n.prefix):
		if e != nil && e.Prefix().Bits() > handBits && e.Action() != inherited {
			if !w.yield(Run{First: n.prefix, Count: 1, Action: e.Action(), Lo: n.lo, Hi: n.hi}) {
				return false
			}
		}
		inherited, handBits = allowlist.None, n.prefix.Bits()
	case n.full && !n.best.has(inherited) && (e == nil || e.Prefix().Bits() > handBits):
		inherited = n.best.strictest()
		if !w.yield(Run{First: n.prefix, Count: 1, Action: inherited, Lo: n.lo, Hi: n.hi}) {
			return false
		}
	}
	for _, p := range n.parts {
		if p.child != nil {
			if !w.node(p.child, inherited, handBits) {
				return false
			}
			continue
		}
		if s := &w.Spans[p.span]; s.Action() != inherited && s.Prefix().Bits() > handBits {
			run := Run{First: w.childPrefix(n.prefix, p.first), Count: p.count, Action: s.Action(), Lo: p.span, Hi: p.span + 1}
			if !w.yield(run) {
				return false
			}
		}
	}
	return true
}

// covering is a span of the entry whose prefix covers the node; nil if longer prefixes decide for all its addresses.
func (t *Tree) covering(n *keyNode) *allowlist.Span {
	for i := n.lo; i < n.hi; i++ {
		if s := &t.Spans[i]; s.Prefix().Bits() <= n.prefix.Bits() {
			return s
		}
	}
	return nil
}

// childNumber is the number of the child, of a node with that many bits, that holds the address.
func (t *Tree) childNumber(addr netip.Addr, bits int) int {
	number, _ := LastNumber(netip.PrefixFrom(addr, bits+t.step))
	return number
}

func (t *Tree) childPrefix(parent netip.Prefix, number int) netip.Prefix {
	return Nth(netip.PrefixFrom(parent.Addr(), parent.Bits()+t.step), number)
}
