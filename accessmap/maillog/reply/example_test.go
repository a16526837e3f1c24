package reply_test

import (
	"fmt"
	"net/netip"

	"mailallow/accessmap/maillog/reply"
)

// Other servers refuse this host for its address, for the domain of the sender, or for something else.
func ExampleHost() {
	relay := netip.MustParseAddr("198.51.100.25") // the server that answered
	for _, text := range []string{
		"554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
		"550 5.7.1 Message rejected: the sender domain example.org is listed by dbl.spamhaus.org",
		"550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown",
	} {
		said := reply.Host(text, relay)
		fmt.Println(said.Blames, said.Listed, said.Zone)
	}

	// Output:
	// address true zen.spamhaus.org
	// domain true dbl.spamhaus.org
	// other false
}
