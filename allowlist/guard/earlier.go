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
}

// Past is a state that was in force from From to To. It is written as its difference from the state before it, the first
// one from nothing: a long list that changes a little every day needs little more room than one state.
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
	return Past{From: from, To: to, Came: networks.Minus(before), Gone: before.Minus(networks)}
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
// an hour, and a list that changes every minute fills no disk. A state that was replaced longer than window ago goes.
func (e Earlier) After(v Verdict, window time.Duration, now time.Time) Earlier {
	if v.Status != Fresh {
		return e
	}
	now = now.UTC().Truncate(time.Second)
	if e.Last == nil || e.Last.Definition != v.Definition || v.Accepted {
		return Earlier{Last: &v.Resolved, Since: now}
	}
	next := Earlier{Last: &v.Resolved, Since: e.began(now), Past: e.Past, Lost: e.Lost}
	if e.Whole(window, now) {
		next.Lost = time.Time{}
	}
	if replaced := e.Last.Ranges.Fewest(); !prefixes.Equal(replaced, v.Ranges.Fewest()) {
		to := latest(now, next.Since) // the clock may have gone back
		if midnight := to.Truncate(24 * time.Hour); len(e.Past) == 0 || !next.Since.After(midnight) {
			next.Past = append(slices.Clip(e.Past), pastOf(next.Since, to, replaced, newest(e.Past)))
		}
		next.Since = to
	}
	next.Past = kept(next.Past, func(_ int, p Past) bool { return now.Sub(p.To) <= window })
	return next
}

// began gives Since, or now if Since is in the future because the clock was wrong then; never before the end of the state
// before it.
func (e Earlier) began(now time.Time) time.Time {
	if !e.Since.After(now) {
		return e.Since
	}
	if n := len(e.Past); n > 0 {
		now = latest(now, e.Past[n-1].To)
	}
	return now
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

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
