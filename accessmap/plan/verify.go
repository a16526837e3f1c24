package plan

import (
	"fmt"
	"slices"

	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
)

// verify is an error unless the entries of a text give every address the action that the spans give it. It takes account of
// the hand-written keys: addresses under one do not inherit from a shorter key of the block, and each decides for the spans
// whose prefix is not longer than the key.
func verify(f format.Format, entries []allowlist.Entry, spans []allowlist.Span, handWritten []handKey) error {
	wanted := spans
	if len(handWritten) > 0 { // the copies of a long list are large
		entries = slices.Clone(entries)
		wanted = undecided(spans, handWritten)
	}
	for _, h := range handWritten {
		entries = append(entries, allowlist.Entry{Prefix: h.prefix, Action: allowlist.Exclude})
	}
	written := slices.DeleteFunc(allowlist.Nest(entries), func(s allowlist.Span) bool { return s.Action() == allowlist.Exclude })
	for _, a := range format.Actions() {
		if !slices.Equal(ranges(f, wanted, a), ranges(f, written, a)) {
			return fmt.Errorf("the text written as %s differs from the list for %s: this is a fault of mailallow", f.Name, a)
		}
	}
	return nil
}

// visible is the action that a reader of the format sees. A bare file has none, and counts as OK.
func visible(f format.Format, a allowlist.Action) allowlist.Action {
	if f.Bare {
		return allowlist.OK
	}
	return a
}

// ranges gives the addresses with a visible action, in the fewest ranges.
func ranges(f format.Format, spans []allowlist.Span, a allowlist.Action) (all []netipx.IPRange) {
	matching := func(yield func(allowlist.Span) bool) {
		for _, s := range spans {
			if visible(f, s.Action()) == a && !yield(s) {
				return
			}
		}
	}
	for from, to := range format.Joined(matching) {
		all = append(all, netipx.IPRangeFrom(from, to))
	}
	return all
}

func byAction(f format.Format, spans []allowlist.Span) map[allowlist.Action]*netipx.IPSet {
	sets := map[allowlist.Action]*netipx.IPSet{}
	for _, a := range format.Actions() {
		var b netipx.IPSetBuilder
		for _, r := range ranges(f, spans, a) {
			b.AddRange(r)
		}
		sets[a] = mustSet(&b)
	}
	return sets
}

// mustSet builds a set whose parts cannot be invalid: parsed prefixes, and spans, whose ends are of one family and in order.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("plan: an invalid range reached a set: " + err.Error())
	}
	return set
}
