package postfix_test

import (
	"fmt"

	"mailallow/accessmap/postfix"
)

// In a table of type cidr Postfix reads less than people write, and skips what it does not read.
func ExampleParsePattern() {
	for _, pattern := range []string{"192.0.2.0/24", "[2001:db8::]/32", "2001:db8::1", "192.0.2.7/24", "192.0.2"} {
		switch p, ok := postfix.ParsePattern(pattern); {
		case !ok:
			fmt.Println(pattern, "is no pattern")
		case p != p.Masked():
			fmt.Println(pattern, "has host bits, and is skipped, too")
		default:
			fmt.Println(pattern, "is", p)
		}
	}

	// Output:
	// 192.0.2.0/24 is 192.0.2.0/24
	// [2001:db8::]/32 is 2001:db8::/32
	// 2001:db8::1 is 2001:db8::1/128
	// 192.0.2.7/24 has host bits, and is skipped, too
	// 192.0.2 is no pattern
}
