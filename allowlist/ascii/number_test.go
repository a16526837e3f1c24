package ascii

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		400 * day: "400d", 2 * day: "2d", day: "1d", 23 * time.Hour: "23h", 36 * time.Hour: "36h", 50*time.Hour + 5*time.Minute: "50h5m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		5 * time.Minute: "5m", 65 * time.Second: "1m5s", time.Hour + 10*time.Second: "1h0m10s", 2 * time.Second: "2s", 500 * time.Millisecond: "500ms", 10 * time.Second: "10s",
		10 * time.Minute: "10m", 0: "0s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
