package guard

import (
	"slices"
	"time"
)

// oneStep is the time up to which a run that comes late is no sign that somebody has set the clock.
const oneStep = 24 * time.Hour

// at gives the states as a run at now sees them, with no time in the future. A time that is later than now says that the clock is
// wrong, or was wrong when the state was written: nobody knows which. So such a state counts as if it had ended now, and leaves
// the window like others. If it is the one in force, it counts among the past states, too, because it was seen.
//
// Later somebody sets the clock right. The next jump forward of more than a day is taken for that: all times move with the clock,
// so that the jump makes no state older than by a day.
func (e Earlier) at(now time.Time) Earlier {
	now = now.UTC().Truncate(time.Second)
	seen := latest(e.Last.Time, latest(e.Since, e.Lost))
	switch jump := now.Sub(seen) - oneStep; {
	case seen.After(now):
		inForce := e.Since.After(now)
		e = e.moved(func(t time.Time) time.Time { return earliest(t, now) })
		if inForce {
			e.Past = append(e.Past, pastOf(now, now, e.Last.Ranges.Fewest(), newest(e.Past)))
		}
		e.ClockWrong = true
	case e.ClockWrong && jump > 0:
		e = e.moved(func(t time.Time) time.Time { return t.Add(jump) })
		e.ClockWrong = false
	}
	return e
}

// moved gives the states with other times.
func (e Earlier) moved(move func(time.Time) time.Time) Earlier {
	e.Since, e.Past = move(e.Since), slices.Clone(e.Past)
	for i, p := range e.Past {
		e.Past[i].From, e.Past[i].To = move(p.From), move(p.To)
	}
	if !e.Lost.IsZero() {
		e.Lost = move(e.Lost)
	}
	return e
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
