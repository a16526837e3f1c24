package run

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectSooner has the garbage collector run when the memory has grown by a third, and not when it has doubled: a mail
// server has more use for the memory than this program for the time. It begins at 8 MiB, twice what Go begins at: a run that
// has nothing to do needs hardly more, and would spend a third of its time on collecting. Whoever sets GOGC decides.
func collectSooner() {
	const begin, percent = 200, 33
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(begin)
		runtime.AddCleanup(new([16]byte), func(percent int) { debug.SetGCPercent(percent) }, percent) // after the first collection
	}
}
