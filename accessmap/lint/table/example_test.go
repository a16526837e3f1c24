package table_test

import (
	"fmt"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
)

// Postfix skips these lines, with a warning in its log. Of the last one nobody knows whether the host is meant or its network, so
// it stays.
func ExampleCheck() {
	text := "74.125\tpermit\n" +
		"IPv6:2001:db8::/32\tpermit\n" +
		"192.0.2.7/24\tpermit\n"
	for _, f := range table.Check([]byte(text), format.UseSMTPD, rule.Options{}) {
		fmt.Printf("line %d: %s: %s\n", f.Line, f.Rule, f.Text)
	}
	fmt.Println("fixed:")
	fixed, _ := table.Fix([]byte(text), format.UseSMTPD, rule.Options{})
	fmt.Print(strings.ReplaceAll(string(fixed), "\t", " "))

	// Output:
	// line 1: access-syntax: 74.125: this is a key of Sendmail's access map: Postfix skips the line
	// line 2: access-syntax: IPv6:2001:db8::/32: this is a key of Sendmail's access map: Postfix skips the line
	// line 3: host-bits: 192.0.2.7/24: bits of the host are set: Postfix skips the line
	// fixed:
	// 74.125.0.0/16 permit
	// 2001:db8::/32 permit
	// 192.0.2.7/24 permit
}
