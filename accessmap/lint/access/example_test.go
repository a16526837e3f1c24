package access_test

import (
	"fmt"
	"strings"

	"mailallow/accessmap/lint/access"
)

// Three lines of the list of Gmail's networks that blogs tell people to paste into /etc/mail/access. None of these keys
// matches a client.
func ExampleCheck() {
	text := "74.125.0.0/16\tRELAY\n" +
		"173.194.0.0/16\tRELAY # Gmail\n" +
		"108.177.8.0/21\tRELAY\n"
	for _, f := range access.Check([]byte(text), access.Options{}) {
		fmt.Printf("line %d: %s: %s\n", f.Line, f.Rule, f.Text)
	}
	fmt.Println("fixed:")
	fixed, _ := access.Fix([]byte(text), access.Options{})
	fmt.Print(strings.ReplaceAll(string(fixed), "\t", " "))

	// Output:
	// line 1: cidr: 74.125.0.0/16: an access map knows no networks: this key never matches
	// line 2: cidr: 173.194.0.0/16: an access map knows no networks: this key never matches
	// line 2: value-comment: 173.194.0.0/16: an access map has no comments after a value: this is an error reply, and refuses
	// line 3: cidr: 108.177.8.0/21: an access map knows no networks: this key never matches; it takes 8 keys
	// fixed:
	// Connect:74.125 RELAY
	// # Gmail
	// Connect:173.194 RELAY
	// Connect:108.177.8 RELAY
	// Connect:108.177.9 RELAY
	// Connect:108.177.10 RELAY
	// Connect:108.177.11 RELAY
	// Connect:108.177.12 RELAY
	// Connect:108.177.13 RELAY
	// Connect:108.177.14 RELAY
	// Connect:108.177.15 RELAY
}
