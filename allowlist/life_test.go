package allowlist

import (
	"testing"
	"time"
)

// A source is in the list to the last second of its last UTC day, wherever the host is.
func TestEnded(t *testing.T) {
	l := Life{Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}
	east, west := time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)
	for _, row := range []struct {
		now   time.Time
		ended bool
	}{
		{time.Date(2026, 12, 30, 12, 0, 0, 0, time.UTC), false},
		{time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), false},
		{time.Date(2026, 12, 31, 23, 59, 59, 999_999_999, time.UTC), false},
		{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(2027, 1, 1, 13, 59, 59, 0, east), false},
		{time.Date(2027, 1, 1, 14, 0, 0, 0, east), true},
		{time.Date(2026, 12, 31, 11, 59, 59, 0, west), false},
		{time.Date(2026, 12, 31, 12, 0, 0, 0, west), true},
	} {
		if got := l.Ended(row.now); got != row.ended {
			t.Errorf("%s: %v", row.now, got)
		}
	}
	if (Life{}).Ended(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Error("a source without an end has one")
	}
	for _, now := range []time.Time{
		time.Date(2026, 12, 17, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 17, 14, 0, 0, 0, east), time.Date(2026, 12, 16, 12, 0, 0, 0, west),
	} {
		if !l.EndsWithin(14*24*time.Hour, now) || l.EndsWithin(14*24*time.Hour, now.Add(-1)) {
			t.Errorf("the fortnight before the last day does not begin on %s", now)
		}
	}
	if (Life{}).EndsWithin(14*24*time.Hour, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Error("a source without an end ends soon")
	}
}

func TestLifeString(t *testing.T) {
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	for want, l := range map[string]Life{
		"": {}, "ticket 4711": {Reason: "ticket 4711"}, "owner postmaster": {Owner: "postmaster"}, "until 2026-12-31": {Until: until},
		"ticket 4711; owner postmaster; until 2026-12-31": {"ticket 4711", "postmaster", until},
	} {
		if got := l.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
