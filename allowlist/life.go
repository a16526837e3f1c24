package allowlist

import (
	"strings"
	"time"
)

// Life is what its owner wrote about a source for those who come later: why it is in the list, who answers for it, and how
// long it is wanted.
type Life struct {
	Reason string    // empty: not said
	Owner  string    // empty: not said
	Until  time.Time // the beginning of the last UTC day that it is wanted; zero: it has no end
}

// Ended reports whether the last day is over at now.
func (l Life) Ended(now time.Time) bool { return !l.Until.IsZero() && !now.Before(l.end()) }

// EndsWithin reports whether the last day is over at now, or begins within d.
func (l Life) EndsWithin(d time.Duration, now time.Time) bool {
	return !l.Until.IsZero() && !now.Add(d).Before(l.Until)
}

// end is the moment from which the source is out of the list: the UTC day after the last one. A UTC day has 24 hours.
func (l Life) end() time.Time { return l.Until.Add(24 * time.Hour) }

// UntilText is the last day as 2026-12-31; empty: there is no end.
func (l Life) UntilText() string {
	if l.Until.IsZero() {
		return ""
	}
	return l.Until.Format(time.DateOnly)
}

// String gives the reason, the owner and the last day as people read them; empty: nothing is said.
func (l Life) String() string {
	var parts []string
	for _, part := range []struct{ label, text string }{{"", l.Reason}, {"owner ", l.Owner}, {"until ", l.UntilText()}} {
		if part.text != "" {
			parts = append(parts, part.label+part.text)
		}
	}
	return strings.Join(parts, "; ")
}
