package guard

import (
	"iter"
	"slices"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
)

// Earlier holds the states of one source from before this run. Its times are in UTC and whole seconds.
type Earlier struct {
	Last  *allowlist.Resolved // the last good state; nil: there is none
	Since time.Time           // the networks of Last are in force since then
	Past  []Past              // the states before Last, of its definition, in the order of time
	Lost  time.Time           // when older states were found to be lost; zero: none are
	// ClockWrong: the clock was wrong in a run, or before it, and has not been set since. See at.
	ClockWrong bool
}

// Past is a state that was in force from From to To. It is written as its difference from the state before it, the first
// one from nothing: a long list that changes a little every day needs little more room than one state. Where the difference is
// longer than both, all came and all went.
type Past struct {
	From, To   time.Time
	Came, Gone prefixes.List // the fewest networks
}

// after gives the networks of the state, from those of the state before it.
func (p Past) after(before prefixes.List) prefixes.List {
	return prefixes.Join(before.Minus(p.Gone), p.Came).Fewest()
}

// pastOf is the inverse of after.
func pastOf(from, to time.Time, networks, before prefixes.List) Past {
	both := networks.Len() + before.Len()
	came, fewCame := networks.MinusUpTo(before, both)
	gone, fewGone := before.MinusUpTo(networks, both)
	if !fewCame || !fewGone {
		came, gone = networks, before
	}
	return Past{From: from, To: to, Came: came, Gone: gone}
}

// state is an earlier state to compare with.
type state struct {
	networks prefixes.List
	from     time.Time // zero: it is the last good one
}

func (s state) when() string {
	if s.from.IsZero() {
		return "the last good state"
	}
	return "the state of " + s.from.Format(time.DateOnly)
}

// inForce yields the states that were in force at any time in the window before now, the last good one at the end. One
// at a time is in memory.
func (e Earlier) inForce(window time.Duration, now time.Time) iter.Seq[state] {
	return func(yield func(state) bool) {
		var networks prefixes.List
		for _, p := range e.Past {
			networks = p.after(networks)
			if now.Sub(p.To) <= window && !yield(state{networks, p.From}) {
				return
			}
		}
		yield(state{networks: e.Last.Ranges.Fewest()})
	}
}

// Whole reports whether every state of the window before now is known.
func (e Earlier) Whole(window time.Duration, now time.Time) bool {
	return e.Lost.IsZero() || now.Sub(e.Lost) > window
}

// After gives the earlier states for the next run, from the verdict of this one. Of the states that were replaced it keeps
// the first of all, and those that were in force when a UTC day began: one a day, so that a list cannot be worn away a bit
// an hour, and a list that changes every minute fills no disk. A state that was replaced longer than a window ago goes.
func (g Guard) After(e Earlier, v Verdict) Earlier {
	if !v.Taken {
		return e
	}
	now, window := g.Now.UTC().Truncate(time.Second), g.Limits.Window
	next := Earlier{Last: &v.Resolved, Since: now, ClockWrong: e.ClockWrong || g.ClockWrong}
	if e.Last == nil || e.Last.Definition != v.Definition || v.Accepted {
		return next
	}
	next.Since, next.Past = e.Since, e.Past
	if !e.Whole(window, now) {
		next.Lost = e.Lost
	}
	if replaced := e.Last.Ranges.Fewest(); !prefixes.Equal(replaced, v.Ranges.Fewest()) {
		if midnight := now.Truncate(24 * time.Hour); len(e.Past) == 0 || !e.Since.After(midnight) {
			next.Past = append(slices.Clip(e.Past), pastOf(e.Since, now, replaced, newest(e.Past)))
		}
		next.Since = now
	}
	next.Past = kept(next.Past, func(_ int, p Past) bool { return now.Sub(p.To) <= window })
	return next
}

// newest gives the networks of the newest of past states.
func newest(past []Past) (networks prefixes.List) {
	for _, p := range past {
		networks = p.after(networks)
	}
	return networks
}

// kept gives the past states that keep reports true for.
func kept(past []Past, keep func(i int, p Past) bool) []Past {
	all := true
	for i, p := range past {
		all = all && keep(i, p)
	}
	if all {
		return past
	}
	var some []Past
	var networks, before prefixes.List
	for i, p := range past {
		networks = p.after(networks)
		if keep(i, p) {
			some = append(some, pastOf(p.From, p.To, networks, before))
			before = networks
		}
	}
	return some
}
