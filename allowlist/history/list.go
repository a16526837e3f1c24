package history

import (
	"slices"
	"time"

	"mailallow/allowlist"
)

// Entries gives the entries from since on, zero for all, that keep reports true for, the newest first. One segment at a time is
// in memory, and all are read: where a clock went back, an older one has later times.
func (l Log) Entries(since time.Time, keep func(Entry) bool) (entries []Entry, problems []allowlist.Problem) {
	for i := len(l.Segments) - 1; i >= 0; i-- {
		var some []Entry
		var wrong []allowlist.Problem
		for m := range (Log{l.Segments[i : i+1]}).walkFrom(0, nil) {
			switch {
			case m.problem != nil:
				wrong = append(wrong, *m.problem)
			case m.base || m.Time.Before(since):
			default:
				if e := m.whole(); keep(e) {
					some = append(some, e)
				}
			}
		}
		slices.Reverse(some)
		entries, problems = append(entries, some...), append(problems, wrong...)
	}
	return entries, problems
}
