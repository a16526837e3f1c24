package block_test

import (
	"bytes"
	"fmt"
	"log"

	"mailallow/accessmap/block"
)

// A new list replaces the old one. The hand-written lines stay.
func Example() {
	text := "Connect:localhost\tRELAY\n" +
		"# BEGIN mailallow\n" +
		"Connect:192.0.2\tOK\n" +
		"# END mailallow\n" +
		"From:friend@example.org\tOK\n"
	file, err := block.Extract([]byte(text))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("old list: %q\n\n", file.Inside)
	var spliced bytes.Buffer
	file.WriteAbove(&spliced)
	spliced.WriteString("Connect:198.51.100\tOK\n")
	file.WriteBelow(&spliced)
	fmt.Print(&spliced)
	// Output:
	// old list: "Connect:192.0.2\tOK\n"
	//
	// Connect:localhost	RELAY
	// # BEGIN mailallow: the lines down to END are replaced by 'mailallow update'
	// Connect:198.51.100	OK
	// # END mailallow
	// From:friend@example.org	OK
}

// Extract reports every marker that is wrong, with its line.
func ExampleExtract() {
	_, err := block.Extract([]byte("# END mailallow\nConnect:192.0.2\tOK\n# BEGIN mailallow\n"))
	fmt.Println(err)
	// Output:
	// line 1: a block ends that never began
	// line 3: a block begins that never ends
	// there must be one line '# BEGIN mailallow' and one '# END mailallow' below it, or neither: mend the file by hand
}
