package document_test

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist/document"
	"mailallow/allowlist/provenance"
)

// A reader takes the addresses that a text names, and reports a word that looks like one and is none.
func ExampleReader_Text() {
	r := document.Reader{
		Name: "list.txt",
		Add: func(p netip.Prefix, path *provenance.Path) error {
			fmt.Println(p, "at", path)
			return nil
		},
		Problem: func(kind string, text func() string) { fmt.Println(kind+":", text()) },
	}
	if err := r.Text([]byte("# our relays\n192.0.2.0/24, 2001:db8::25\n10.0.0.0/33\n"), "text/plain"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 192.0.2.0/24 at list.txt:2
	// 2001:db8::25/128 at list.txt:2
	// skipped: list.txt:3: left out: 10.0.0.0/33 cannot be read as an address or a network
}
