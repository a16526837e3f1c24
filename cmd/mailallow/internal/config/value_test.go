package config

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		text string
		want time.Duration // zero: an error
	}{
		{"30d", 30 * day}, {"1d12h", 36 * time.Hour}, {"400d", 400 * day}, {"100000d", 100000 * day}, {"72h", 72 * time.Hour}, {"500ms", 500 * time.Millisecond},
		{"100001d", 0}, {"-1d", 0}, {"1.5d", 0}, {"d", 0}, {"1d1d", 0}, {"1dd", 0}, {"2d-1h", 0}, {"1d 1h", 0}, {"30", 0}, {"3 days", 0},
	} {
		got, err := ParseDuration(row.text)
		if got != row.want && row.want != 0 || (err != nil) != (row.want == 0) {
			t.Errorf("%q: %v, %v; want %v", row.text, got, err, row.want)
		}
	}
}
