package key_test

import (
	"fmt"
	"net/netip"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
)

// Sendmail never matches an address against CIDR, leading zeros or "::".
func ExampleParse() {
	for _, text := range []string{"192.0.2", "IPv6:2001:DB8", "192.0.2.0/24", "192.0.02", "IPv6:2001:db8::"} {
		network, ok := key.Parse(text)
		if !ok {
			fmt.Printf("%-16s matches nothing\n", text)
			continue
		}
		fmt.Printf("%-16s matches %s\n", text, network)
	}
	// Output:
	// 192.0.2          matches 192.0.2.0/24
	// IPv6:2001:DB8    matches 2001:db8::/32
	// 192.0.2.0/24     matches nothing
	// 192.0.02         matches nothing
	// IPv6:2001:db8::  matches nothing
}

// A /22 takes four keys, because a key ends at an octet.
func ExampleOf() {
	first, count := key.Of(netip.MustParsePrefix("198.51.100.0/22"))
	for i := range count {
		fmt.Printf("%s%s\n", key.Connect, key.Append(nil, key.Nth(first, i)))
	}
	// Output:
	// Connect:198.51.100
	// Connect:198.51.101
	// Connect:198.51.102
	// Connect:198.51.103
}

// Two keys say that a /16 is allowed except for one /24: the longer key wins, so that 255 keys of three octets are not
// needed.
func ExampleWalk() {
	ranges := func(prefix string) (r allowlist.Ranges) {
		r.Add(allowlist.Range{Prefix: netip.MustParsePrefix(prefix)})
		return r
	}
	set := allowlist.Merge([]allowlist.Labelled{
		{Source: "partner", Action: allowlist.OK, Ranges: ranges("203.0.0.0/16")},
		{Source: "never", Action: allowlist.Reject, Ranges: ranges("203.0.113.0/24")},
	})
	key.Walk(set.Spans(), nil, func(run key.Run) bool {
		for i := range run.Count {
			fmt.Printf("%s%s\t%s\n", key.Connect, key.Append(nil, key.Nth(run.First, i)), run.Action)
		}
		return true
	})
	// Output:
	// Connect:203.0	OK
	// Connect:203.0.113	REJECT
}
