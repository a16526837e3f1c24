package run

import (
	"os"
	"runtime"
	"runtime/debug"
)

// collectSooner has the garbage collector run when the memory has grown by a third, and not when it has doubled: a mail
// server has more use for the memory than this program for the time. The first collection comes at the 4 MB at which Go
// begins, which most runs do not reach: a third of that would be collected ten times in a run of some milliseconds. Whoever
// sets GOGC decides.
func collectSooner() {
	const percent = 33
	if os.Getenv("GOGC") == "" {
		unused := new([1]*byte)
		runtime.AddCleanup(unused, func(percent int) { debug.SetGCPercent(percent) }, percent) // after the first collection
	}
}
