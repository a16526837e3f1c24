package list_test

import (
	"fmt"

	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
)

// A list that grew by hand, for a program that reads one network a line.
func ExampleCheck() {
	text := "# partners\n" +
		"74.125.0.0 - 74.125.0.127\n" +
		"74.125.0.128/255.255.255.128\n" +
		"74.125.0.7\n"
	for _, f := range list.Check([]byte(text), rule.Options{}) {
		fmt.Printf("line %d: %s: %s\n", f.Line, f.Rule, f.Text)
	}
	fmt.Println("shortest:")
	shortest, _ := list.Fix([]byte(text), rule.Options{})
	fmt.Print(string(shortest))

	// Output:
	// line 2: no-network: 74.125.0.0 - 74.125.0.127: programs read one network a line, as 192.0.2.0/24
	// line 3: no-network: 74.125.0.128/255.255.255.128: programs read one network a line, as 192.0.2.0/24
	// line 4: redundant: 74.125.0.7: line 2 has 74.125.0.0 - 74.125.0.127, which covers it
	// shortest:
	// # partners
	// 74.125.0.0/24
}
