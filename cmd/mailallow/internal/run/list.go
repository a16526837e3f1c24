package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"
)

// List is the merged list, and how each source came to its ranges.
type List struct {
	Sources []Source // in the order of the configuration
	Set     *allowlist.Set
	Now     time.Time // ages are counted to here
	Barred  string    // a source of Unknown that is REJECT or EXCLUDE; empty: none

	lastGood    *allowlist.Snapshot // the new last good state
	lost        bool                // there was no last good state
	unknown     []string            // sources without ranges, of which the last good state has none either
	forSnapshot bool
}

// Source is a source with the guard's verdict on it.
type Source struct {
	allowlist.Source
	allowlist.Verdict
}

// Resolve goes from the sources to the set.
func (r *Request) Resolve(ctx context.Context, t *terminal.Terminal) (*List, error) {
	lastGood, err := r.lastGood()
	if err != nil {
		return nil, err
	}
	var fetched []allowlist.Fetched
	if r.options.Snapshot != "" {
		fetched = r.fromSnapshot(ctx)
	} else if fetched, err = Fetch(ctx, t, r.Settings, r.Settings.Sources, lastGood, r.Now); err != nil {
		return nil, err
	}
	if why := context.Cause(ctx); why != nil {
		return nil, fmt.Errorf("nothing was changed: fetching the sources: %w", why)
	}
	list := &List{Now: r.Now, lost: lastGood == nil, forSnapshot: r.options.ForSnapshot}
	var good []allowlist.Resolved
	verdicts := make([]allowlist.Verdict, len(fetched))
	for i, src := range r.Settings.Sources {
		verdicts[i] = r.judge(src, lastGood, fetched[i])
	}
	r.fitKeys(verdicts, lastGood)
	for i, src := range r.Settings.Sources {
		v := verdicts[i]
		list.Sources = append(list.Sources, Source{src, v})
		prev, known := lastGood.Find(src.Name)
		switch hasState := !v.Time.IsZero(); {
		case src.Inline():
		case hasState:
			good = append(good, v.Resolved)
		case known: // expired: not in the list, and still what the next fetch is compared with
			good = append(good, prev)
		default:
			list.unknown = append(list.unknown, src.Name)
			if takesAway(src.Action) {
				list.Barred = src.Name
			}
		}
	}
	list.Set = allowlist.Merge(list.Labelled())
	list.lastGood = allowlist.NewSnapshot(good)
	return list, nil
}

// takesAway reports whether a source of this action keeps addresses out.
func takesAway(a allowlist.Action) bool { return a == allowlist.Reject || a == allowlist.Exclude }

// guardLimits are the limits of a source under its action.
func guardLimits(src allowlist.Source) allowlist.Limits {
	limits := src.Limits
	if takesAway(src.Action) {
		limits.Expire = 0 // addresses that are kept out must not come in because their range is old
	}
	return limits
}

// judge has the guard compare a fetched source with its last good state.
func (r *Request) judge(src allowlist.Source, lastGood *allowlist.Snapshot, fetched allowlist.Fetched) allowlist.Verdict {
	guard := allowlist.Guard{
		Limits: guardLimits(src), Static: src.Static(), Unbound: src.Inline() || r.options.NoGuard,
		Accepted: slices.Contains(r.options.Accept, src.Name), Now: r.Now,
	}
	var prev *allowlist.Resolved
	if last, ok := lastGood.Find(src.Name); ok {
		prev = &last
	}
	v := guard.Check(prev, fetched)
	if shared, ok := src.OnSharedHosts(); ok && src.Action == allowlist.Relay {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "shared-relay", Text: fmt.Sprintf(
			"RELAY on %s: its hosts send for all its customers, and each of them may now relay through this server; OK lets their mail in without that", shared.Title)})
	}
	return v
}

// Labelled are the ranges of every source under its action.
func (l *List) Labelled() (sources []allowlist.Labelled) {
	for _, s := range l.Sources {
		sources = append(sources, allowlist.Labelled{Source: s.Source.Name, Action: s.Action, Ranges: s.Ranges})
	}
	return sources
}

// Snapshot has the ranges of every source that has some.
func (l *List) Snapshot() *allowlist.Snapshot {
	var all []allowlist.Resolved
	for _, s := range l.Sources {
		if !s.Time.IsZero() {
			all = append(all, s.Resolved)
		}
	}
	return allowlist.NewSnapshot(all)
}

// Refused is why the list must not be written, nil when it may: without the ranges of
// Barred it would let in the addresses that this source keeps out.
func (l *List) Refused() error {
	if l.Barred == "" {
		return nil
	}
	code := exit.Stale
	if slices.Contains(l.Codes(), exit.Held) {
		code = exit.Held
	}
	return exit.With(code, fmt.Errorf("nothing is written: nothing is known of source %q, which takes addresses away", l.Barred))
}

// Counts are how many sources have each status.
func (l *List) Counts() map[allowlist.Status]int {
	counts := map[allowlist.Status]int{}
	for _, s := range l.Sources {
		counts[s.Status]++
	}
	return counts
}

// Codes are the exit codes that the sources call for.
func (l *List) Codes() (codes []int) {
	for _, s := range l.Sources {
		switch s.Status {
		case allowlist.Held:
			codes = append(codes, exit.Held)
		case allowlist.Stale, allowlist.Missing:
			codes = append(codes, exit.Stale)
		}
	}
	return codes
}
