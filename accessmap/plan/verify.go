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
	written := allowlist.Nest(entries)
	for _, a := range format.Actions() {
		if !slices.Equal(ranges(f, wanted, a), ranges(f, written, a)) {
			return fmt.Errorf("the text written as %s differs from the list for %s: this is a fault of mailallow", f.Name, a)
		}
	}
	return nil
}

// ranges gives the addresses with an action, in the fewest ranges. In a bare file, which has none, every address is OK.
func ranges(f format.Format, spans []allowlist.Span, a allowlist.Action) (all []netipx.IPRange) {
	matching := func(yield func(allowlist.Span) bool) {
		for _, s := range spans {
			action := s.Action()
			if f.Bare {
				action = allowlist.OK
			}
			if action == a && !yield(s) {
				return
			}
		}
	}
	for from, to := range format.Joined(matching) {
		all = append(all, netipx.IPRangeFrom(from, to))
	}
	return all
}
