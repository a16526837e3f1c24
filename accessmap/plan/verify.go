package plan

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"

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
		for _, differing := range []iter.Seq2[netip.Addr, netip.Addr]{minus(f, a, wanted, written), minus(f, a, written, wanted)} {
			for range differing {
				return fmt.Errorf("the text written as %s differs from the list for %s: this is a fault of mailallow", f.Name, a)
			}
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
