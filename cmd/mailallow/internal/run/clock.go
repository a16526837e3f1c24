package run

import (
	"fmt"
	"time"

	"mailallow/accessmap/state"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
)

// clockSlack is how far in the future a time may be before a clock is wrong: the clocks of two hosts differ by minutes.
const clockSlack = time.Hour

// believed gives the time that a run goes by, and says why the computer's clock is wrong; empty: it is not known to be. A
// clock that is before the newest known time has stopped or was never set; where the known time is that of the state
// alone, the clock may have been ahead when the state was written.
func believed(now time.Time, lastGood *snapshot.Snapshot, memory *guard.Memory) (_ time.Time, wrong string) {
	const unknown = "so no age is known, and nothing expires"
	embedded := snapshot.EmbeddedTime()
	source, newest := lastGood.Newest()
	what := fmt.Sprintf("the last good state of source %q is", source)
	if m := memory.Newest(); m.After(newest) {
		newest, what = m, "the newest state in "+state.MemoryFile+" is"
	}
	switch {
	case now.Before(embedded):
		if newest.After(embedded) {
			embedded = newest
		}
		return embedded, fmt.Sprintf("the clock says %s, and this mailallow holds ranges of %s: it is wrong, %s: set it",
			date(now), date(snapshot.EmbeddedTime()), unknown)
	case newest.After(now.Add(clockSlack)):
		return now, fmt.Sprintf("the clock says %s, and %s of %s: it is wrong now, or was then, %s: set it; if it is right, the next good fetch mends the state",
			date(now), what, date(newest), unknown)
	}
	return now, ""
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
