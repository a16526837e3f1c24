package makemap_test

import (
	"fmt"

	"mailallow/accessmap/makemap"
)

// makemap would load the two entries and refuse the other lines. Build refuses the whole text instead.
func ExampleReadText() {
	text := makemap.ReadText([]byte("Connect:192.0.2\tOK\n" +
		"  # an indented comment\n" +
		"Connect:198.51.100\tRELAY\n" +
		"connect:192.0.2\tREJECT\n"))
	for e := range text.All() {
		fmt.Printf("line %d: %s is %s\n", e.Line, e.Key, e.Value)
	}
	fmt.Println(&makemap.TextError{Problems: text.Problems})
	// Output:
	// line 1: connect:192.0.2 is OK
	// line 3: connect:198.51.100 is RELAY
	// makemap refuses this text; correct or remove these hand-written lines:
	//   line 2: begins with a blank (blank lines must be empty, comments begin in the first column): "  # an indented comment"
	//   line 4: key "connect:192.0.2" is on line 1 already (keys are compared in lower case): "connect:192.0.2\tREJECT"
}
