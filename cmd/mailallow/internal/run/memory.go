package run

import (
	"os"
	"runtime/debug"
)

// collectSooner has the garbage collector run when the memory has grown by a third, and not when it has doubled: a mail
// server has more use for the memory than this program for the time. Whoever sets GOGC decides.
func collectSooner() {
	const percent = 33
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
