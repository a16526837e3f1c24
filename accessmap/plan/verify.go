package plan

import (
	"fmt"
	"slices"

	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
)

// verify is an error unless the entries of a text say what the spans say. A hand-written key cuts off what is inherited
// from keys of ours above it, and decides for the part of the list that is no longer than itself.
func verify(f format.Format, entries []allowlist.Entry, spans []allowlist.Span, hand []handKey) error {
	left := spans
	if len(hand) > 0 { // the copies are large where the list is
		entries = slices.Clone(entries)
		left = leftToUs(spans, hand)
	}
	for _, h := range hand {
		entries = append(entries, allowlist.Entry{Prefix: h.prefix, Action: allowlist.Exclude})
	}
	written := slices.DeleteFunc(allowlist.Nest(entries), func(s allowlist.Span) bool { return s.Action() == allowlist.Exclude })
	for _, a := range format.Actions() {
		if !slices.Equal(runs(f, left, a), runs(f, written, a)) {
			return fmt.Errorf("what was written as %s does not say what the list says for %s: this is a fault of mailallow", f.Name, a)
		}
	}
	return nil
}

// told is the action that a reader of the format sees.
func told(f format.Format, a allowlist.Action) allowlist.Action {
	if f.Bare {
		return allowlist.OK
	}
	return a
}

// runs gives the addresses of an action, as the format can tell it, in the fewest ranges.
func runs(f format.Format, spans []allowlist.Span, a allowlist.Action) (ranges []netipx.IPRange) {
	of := func(yield func(allowlist.Span) bool) {
		for _, s := range spans {
			if told(f, s.Action()) == a && !yield(s) {
				return
			}
		}
	}
	for from, to := range format.Joined(of) {
		ranges = append(ranges, netipx.IPRangeFrom(from, to))
	}
	return ranges
}

// byAction gives the addresses of each action, as the format can tell them apart.
func byAction(f format.Format, spans []allowlist.Span) map[allowlist.Action]*netipx.IPSet {
	builders := map[allowlist.Action]*netipx.IPSetBuilder{}
	for _, a := range format.Actions() {
		builders[a] = &netipx.IPSetBuilder{}
	}
	for _, s := range spans {
		builders[told(f, s.Action())].AddRange(netipx.IPRangeFrom(s.From, s.To))
	}
	sets := map[allowlist.Action]*netipx.IPSet{}
	for a, b := range builders {
		sets[a] = mustSet(b)
	}
	return sets
}

// mustSet builds a set of parts that are valid by construction: prefixes that
// were parsed, and spans, whose ends are of one family and in order.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("accessmap: an invalid range reached a set: " + err.Error())
	}
	return set
}
