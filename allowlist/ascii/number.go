package ascii

import (
	"fmt"
	"strings"
	"time"
)

// Count is a number as people read it, with a comma between thousands: 458,752.
func Count[T ~int | ~int64 | ~uint64](n T) string { return Grouped(fmt.Sprint(n)) }

// Grouped puts a comma between thousands of a number that is not negative.
func Grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Duration is a duration as people write it into a configuration: 400d, 36h, 1h30m, 2s.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, none := range [...]string{"m0s", "h0m"} { // units that are written though there is nothing of them
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}
