package plan

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
)

// verify is an error unless the networks of a text give every address the action that the spans give it. It takes account of
// the hand-written keys: addresses under one do not inherit from a shorter key of the block, and each decides for the spans
// whose prefix is not longer than the key.
func verify(f format.Format, written allowlist.Networks, spans iter.Seq[allowlist.Span], handWritten []handKey) error {
	if len(handWritten) > 0 {
		spans = slices.Values(undecided(slices.Collect(spans), handWritten))
	}
	for _, h := range handWritten {
		written.Add(h.prefix, allowlist.Exclude)
	}
	next, stop := iter.Pull(some(runs(f.Bare, spans)))
	defer stop()
	listed, _ := next()
	for is := range runs(f.Bare, written.Spans()) {
		want := run{}
		if len(listed) > 0 {
			want = listed[0]
		}
		if is != want {
			return fmt.Errorf("the text written as %s gives %s to %s-%s, and the list gives %s to %s-%s: this is a fault of mailallow",
				f.Name, is.action, is.from, is.to, want.action, want.from, want.to)
		}
		if listed = listed[1:]; len(listed) == 0 {
			listed, _ = next()
		}
	}
	if len(listed) > 0 {
		want := listed[0]
		return fmt.Errorf("the text written as %s lacks %s for %s-%s: this is a fault of mailallow", f.Name, want.action, want.from, want.to)
	}
	return nil
}

// run is a run of addresses with one action.
type run struct {
	from, to netip.Addr
	action   allowlist.Action
}

// some yields runs in parts that are not empty, each valid until the next: to compare two runs takes less time than to go from one
// iteration to another and back.
func some(runs iter.Seq[run]) iter.Seq[[]run] {
	return func(yield func([]run) bool) {
		part := make([]run, 0, 256)
		for r := range runs {
			if part = append(part, r); len(part) == cap(part) {
				if !yield(part) {
					return
				}
				part = part[:0]
			}
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}

// runs yields the longest runs of addresses with an action that a reader of the format sees.
func runs(bare bool, spans iter.Seq[allowlist.Span]) iter.Seq[run] {
	return func(yield func(run) bool) {
		var open run
		for s := range spans {
			next := run{s.From, s.To, visible(bare, s.Action())}
			switch {
			case !format.CanHold(next.action):
				continue
			case open.action == next.action && open.to.Next() == s.From:
				open.to = s.To
				continue
			case open.from.IsValid() && !yield(open):
				return
			}
			open = next
		}
		if open.from.IsValid() {
			yield(open)
		}
	}
}

// visible is the action that a reader of the format sees. A bare file has none, and counts as OK.
func visible(bare bool, a allowlist.Action) allowlist.Action {
	if bare {
		return allowlist.OK
	}
	return a
}
