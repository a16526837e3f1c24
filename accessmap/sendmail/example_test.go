package sendmail_test

import (
	"fmt"
	"net/netip"

	"mailallow/accessmap/sendmail"
)

// The block allows a provider's network. Above it a person refused one address of the network, and wrote a key for a name.
func ExampleText_Rule() {
	text := sendmail.NewText([]byte(`Connect:192.0.2.66	REJECT
Connect:partner.example	RELAY
# BEGIN mailallow
# 192.0.2.0/24 OK provider: _spf.provider.example
Connect:192.0.2	OK
# END mailallow
`), false)
	for _, c := range []sendmail.Client{
		{Addr: netip.MustParseAddr("192.0.2.1")},
		{Addr: netip.MustParseAddr("192.0.2.66")},
		{Addr: netip.MustParseAddr("192.0.2.66"), Name: "mail.partner.example"},
		{Addr: netip.MustParseAddr("198.51.100.1"), Name: sendmail.UnnamedClient},
	} {
		r := text.Rule(c, true)
		fmt.Printf("%s %s: %s, relays: %t", c.Addr, c.Name, r.Relay, r.Relays)
		if r.By != nil {
			fmt.Printf(" (line %d: %s %s, by hand: %t)", r.By.Line, r.By.Key, r.By.Value, r.By.ByHand)
		}
		fmt.Println()
	}
	// Output:
	// 192.0.2.1 : accepted, relays: false (line 5: connect:192.0.2 OK, by hand: false)
	// 192.0.2.66 : refused, relays: false (line 1: connect:192.0.2.66 REJECT, by hand: true)
	// 192.0.2.66 mail.partner.example: accepted, relays: true (line 2: connect:partner.example RELAY, by hand: true)
	// 198.51.100.1 []: undecided, relays: false
}
