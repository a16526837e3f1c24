package key

import (
	"iter"
	"net/netip"
	"slices"

	"go4.org/netipx"

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
	var below tree // of spans that end inside the same octet or group
	ended := false
	walk := func() bool {
		if len(below.spans) > 0 {
			ended = ended || !keyWalk{below, taken, yield}.node(below.node(below.prefix, 0, len(below.spans)), allowlist.None, noBits)
			below.spans = below.spans[:0]
		}
		return !ended
	}
	for s := range spans {
		root := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if s.From.Is6() {
			root = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		t := tree{step: Step(root)}
		for at, last := t.childNumber(s.From, 0), t.childNumber(s.To, 0); at <= last; at++ {
			child := t.childPrefix(root, at)
			if child != below.prefix && !walk() {
				return
			}
			below.prefix, below.step = child, t.step
			if !covers(s, child) {
				below.spans = append(below.spans, s)
				continue
			}
			count := t.lastCovered(s, root) - at + 1
			at += count - 1
			if !yield(Run{First: child, Count: count, Action: s.Action(), Spans: []allowlist.Span{s}}) {
				return
			}
		}
	}
	walk()
}

// tree is what Walk makes of the spans that end inside one octet or group.
type tree struct {
	spans  []allowlist.Span // of one family
	step   int              // as Step has it: 8 or 16
	prefix netip.Prefix
}

type keyNode struct {
	prefix netip.Prefix
	parts  []keyPart // in address order; a child that is in no part has no action
	lo, hi int       // spans[lo:hi] reach into the node
	full   bool      // every address has an action
	best   actionSet // of a full node: the actions that the most of its children could inherit
}

// keyPart is a run of children that one span covers, or one child with a node of its own.
type keyPart struct {
	first, count int      // number of the first child, and how many there are
	span         int      // index in spans of the first one that reaches into the part
	child        *keyNode // nil for a run
}

// Run is a run of Count keys, from First on, with one length and one action; see Nth.
type Run struct {
	First  netip.Prefix
	Count  int
	Action allowlist.Action
	Spans  []allowlist.Span // that the keys stand for; some may have other actions. They are valid until yield returns
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

// node makes a node from the spans that reach into prefix, spans[lo:hi].
func (t tree) node(prefix netip.Prefix, lo, hi int) *keyNode {
	n := &keyNode{prefix: prefix, lo: lo, hi: hi}
	fanout, covered := 1<<t.step, 0
	for at, k := 0, lo; at < fanout; {
		child := t.childPrefix(prefix, at)
		for k < hi && t.spans[k].To.Less(child.Addr()) {
			k++
		}
		if k == hi {
			break
		}
		part := keyPart{first: at, count: 1, span: k}
		switch s := t.spans[k]; {
		case netipx.PrefixLastIP(child).Less(s.From):
			at = t.childNumber(s.From, prefix.Bits())
			continue
		case covers(s, child):
			part.count = t.lastCovered(s, prefix) - at + 1
		default:
			end := k
			for end < hi && !netipx.PrefixLastIP(child).Less(t.spans[end].From) {
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
func (t tree) lastCovered(s allowlist.Span, prefix netip.Prefix) int {
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
func (t tree) best(parts []keyPart) actionSet {
	var votes [allowlist.Exclude + 1]int
	for _, p := range parts {
		can := setOf(t.spans[p.span].Action())
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

// noBits is less than the length of any prefix.
const noBits = -1

type keyWalk struct {
	tree
	taken func(netip.Prefix) bool
	yield func(Run) bool
}

// node yields the keys of a node and below it. A hand-written key above decides for entries of at most handBits bits.
func (w keyWalk) node(n *keyNode, inherited allowlist.Action, handBits int) bool {
	switch e := w.covering(n); {
	case w.taken != nil && w.taken(n.prefix):
		if e != nil && e.Prefix().Bits() > handBits && e.Action() != inherited {
			if !w.yield(Run{First: n.prefix, Count: 1, Action: e.Action(), Spans: w.spans[n.lo:n.hi]}) {
				return false
			}
		}
		inherited, handBits = allowlist.None, n.prefix.Bits()
	case n.full && !n.best.has(inherited) && (e == nil || e.Prefix().Bits() > handBits):
		inherited = n.best.strictest()
		if !w.yield(Run{First: n.prefix, Count: 1, Action: inherited, Spans: w.spans[n.lo:n.hi]}) {
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
		if s := &w.spans[p.span]; s.Action() != inherited && s.Prefix().Bits() > handBits {
			run := Run{First: w.childPrefix(n.prefix, p.first), Count: p.count, Action: s.Action(), Spans: w.spans[p.span : p.span+1]}
			if !w.yield(run) {
				return false
			}
		}
	}
	return true
}

// covering is a span of the entry whose prefix covers the node; nil if longer prefixes decide for all its addresses.
func (t tree) covering(n *keyNode) *allowlist.Span {
	for i := n.lo; i < n.hi; i++ {
		if s := &t.spans[i]; s.Prefix().Bits() <= n.prefix.Bits() {
			return s
		}
	}
	return nil
}

// childNumber is the number of the child, of a node with that many bits, that holds the address.
func (t tree) childNumber(addr netip.Addr, bits int) int {
	number, _ := LastNumber(netip.PrefixFrom(addr, bits+t.step))
	return number
}

func (t tree) childPrefix(parent netip.Prefix, number int) netip.Prefix {
	return Nth(netip.PrefixFrom(parent.Addr(), parent.Bits()+t.step), number)
}
