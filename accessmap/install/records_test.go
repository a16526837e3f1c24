package install

import (
	"testing"
	"time"
)

// A file time within one tick of the clock cannot rule out a later write.
func TestRacy(t *testing.T) {
	at := time.Unix(1_800_000_000, 123_456_789)
	whole := time.Unix(1_800_000_000, 0)
	for _, row := range []struct {
		modified, now time.Time
		want          bool
	}{
		{at, at, true},
		{at, at.Add(clockTick - 1), true},
		{at, at.Add(clockTick), false},
		{at.Add(time.Hour), at, true},
		{whole, whole.Add(time.Second), true},
		{whole, whole.Add(coarseTick), false},
	} {
		if got := racy(row.modified, row.now); got != row.want {
			t.Errorf("modified %v before: %v", row.now.Sub(row.modified), got)
		}
	}
}
