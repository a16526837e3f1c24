package run

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// begin is the percentage until the first collection, which comes at 12 MiB then: a run that has nothing to do needs little
	// more, and would spend a third of its time on collecting.
	begin = 300
	// leastGarbage is what may gather before the garbage collector runs, in bytes: a small run collects a few times.
	leastGarbage = 3 << 20
	// leastPercent keeps the collector from running all the time beside a text of hundreds of megabytes.
	leastPercent = 5
)

// CollectSooner has the garbage collector run long before the memory has doubled: a mail server has more use for the memory than
// this program for the time. Whoever sets GOGC decides.
func CollectSooner() {
	if os.Getenv("GOGC") == "" {
		collectAt(begin)
	}
}

// collectAt sets how much garbage may gather until the next collection, and does so again after it.
func collectAt(percent int) {
	debug.SetGCPercent(percent)
	lost := &struct{ _ *byte }{} // nothing refers to it
	runtime.AddCleanup(lost, func(struct{}) { collectAt(paced(percent)) }, struct{}{})
}

// paced is the percentage by which the memory may grow, after one by which it could until now.
func paced(percent int) int {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	live := max(int(stats.NextGC)/(100+percent)*100, leastGarbage) // NextGC is what lives and its percentage
	return max(100*leastGarbage/live, leastPercent)
}
