package format_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// An access map has no networks: keys end at an octet or a group, and the longest key that matches decides. A CIDR list has
// networks, and neither actions nor sources.
func ExampleFormat_Write() {
	ranges := func(path string, prefixes ...string) (r allowlist.Ranges) {
		for _, p := range prefixes {
			r.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(path)})
		}
		return r
	}
	set := allowlist.Merge([]allowlist.Labelled{
		{Source: "provider", Action: allowlist.OK, Ranges: ranges("_spf.provider.example", "192.0.2.0/23", "2001:db8:a::/47")},
		{Source: "office", Action: allowlist.Relay, Ranges: ranges("office.list", "192.0.3.128/31")},
	})
	for _, name := range []string{"sendmail-access", "cidr"} {
		f, err := format.ByName(name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s:\n", name)
		if _, err := f.Write(os.Stdout, set.Spans(), format.Selection{}); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// sendmail-access:
	// # 192.0.2.0/23 OK provider: _spf.provider.example
	// Connect:192.0.2	OK
	// Connect:192.0.3	OK
	// # 192.0.3.128/31 RELAY office: office.list
	// Connect:192.0.3.128	RELAY
	// Connect:192.0.3.129	RELAY
	// # 2001:db8:a::/47 OK provider: _spf.provider.example
	// Connect:IPv6:2001:db8:a	OK
	// Connect:IPv6:2001:db8:b	OK
	// cidr:
	// 192.0.2.0/23
	// 2001:db8:a::/47
}
