package run

import (
	"fmt"
	"time"

	"mailallow/cmd/mailallow/internal/config"
)

// ParseTime reads a time as people write it: a duration before now (36h, 7d), or a time. One without a zone is of this host,
// and a date is its first moment.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if d, err := config.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range [...]string{time.DateOnly, time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: write a duration (36h, 7d) or a time (2026-11-01, 2026-11-01T22:00:00Z)", text)
}
