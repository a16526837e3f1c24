package guard_test

import (
	"fmt"
	"log"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// A source that loses half of its addresses keeps its last good ranges, until a
// person accepts the change.
func ExampleGuard_Check() {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	resolved := func(text string, age time.Duration) allowlist.Resolved {
		ranges, _, err := allowlist.ParseList([]byte(text), "provider.cidr")
		if err != nil {
			log.Fatal(err)
		}
		return allowlist.Resolved{Name: "provider", Definition: "sha256:1", Time: now.Add(-age), Ranges: ranges}
	}
	lastGood := resolved("74.125.0.0/24", 24*time.Hour)
	fetched := allowlist.Fetched{Resolved: resolved("74.125.0.0/25", 0)}

	for _, accepted := range []bool{false, true} {
		g := guard.Guard{Limits: allowlist.DefaultLimits(), Now: now, Accept: guard.Acceptance{Given: accepted}}
		verdict := g.Check(guard.Earlier{Last: &lastGood}, fetched)
		for p := range verdict.Ranges.Minimal() {
			fmt.Println(verdict.Status, p, "of", verdict.Time.Format(time.DateOnly))
		}
		for _, p := range verdict.Problems {
			fmt.Println(" ", p.Text)
		}
	}
	// Output:
	// held 74.125.0.0/24 of 2026-11-27
	//   IPv4: 128 of 256 addresses of the last good state are gone (50%), more than max_shrink = 30%; a list that was emptied or cut by mistake is often whole again within hours
	// fresh 74.125.0.0/25 of 2026-11-28
	//   IPv4: 128 of 256 addresses of the last good state are gone (50%), more than max_shrink = 30%; accepted
}
