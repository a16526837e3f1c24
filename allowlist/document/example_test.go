package document_test

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/document"
	"mailallow/allowlist/notation"
)

// A reader takes the addresses that a text names, and reports a word that looks like one and is none.
func ExampleReader_Text() {
	r := document.Reader{Reader: notation.Reader{
		Name: "list.txt",
		Add: func(p netip.Prefix, line int) error {
			fmt.Println(p, "on line", line)
			return nil
		},
		Problem: func(kind string, text func() string) { fmt.Println(kind+":", text()) },
	}}
	if err := r.Text([]byte("# our relays\n192.0.2.0/24, 2001:db8::25\n10.0.0.0/33\n"), "text/plain"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 192.0.2.0/24 on line 2
	// 2001:db8::25/128 on line 2
	// skipped: list.txt:3: left out: 10.0.0.0/33 cannot be read as an address or a network
}
