package ascii

import "fmt"

// Count is a number as people read it, with a comma between thousands: 458,752.
func Count[T ~int | ~int64 | ~uint64](n T) string { return Grouped(fmt.Sprint(n)) }

// Grouped puts a comma between thousands of a number that is not negative.
func Grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
