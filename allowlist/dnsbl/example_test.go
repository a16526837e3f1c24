package dnsbl_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"mailallow/allowlist/dnsbl"
)

// memory is a Resolver for A records in memory.
type memory map[string]string

func (m memory) A(_ context.Context, name string) ([]netip.Addr, error) {
	if text, ok := m[name]; ok {
		return []netip.Addr{netip.MustParseAddr(text)}, nil
	}
	return nil, nil
}

func (memory) TXT(context.Context, string) ([]string, error) { return nil, nil }

// An answer is a code: a listing, a listing by policy, or the error of a list
// that does not answer this resolver. A list without its test entry is dead.
func ExampleCheck() {
	dns := memory{
		"2.0.0.127.zen.spamhaus.org":  "127.0.0.2", // its test entry
		"25.2.0.192.zen.spamhaus.org": "127.0.0.4",
		"26.2.0.192.zen.spamhaus.org": "127.0.0.10",
		"27.2.0.192.zen.spamhaus.org": "127.255.255.255",
		"25.2.0.192.old-list.example": "127.0.0.2",
	}
	addrs := []netip.Addr{
		netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("192.0.2.26"),
		netip.MustParseAddr("192.0.2.27"), netip.MustParseAddr("192.0.2.28"),
	}
	zone, err := dnsbl.ParseZone("zen.spamhaus.org", "")
	if err != nil {
		log.Fatal(err)
	}
	old, err := dnsbl.ParseZone("old-list.example", "")
	if err != nil {
		log.Fatal(err)
	}
	results := dnsbl.Check(context.Background(), []dnsbl.Resolver{dns}, addrs, []dnsbl.Zone{zone})
	results = append(results, dnsbl.Check(context.Background(), []dnsbl.Resolver{dns}, addrs[:1], []dnsbl.Zone{old})...)
	for _, res := range results {
		fmt.Println(res.Address, res.Zone.Name(), res.State, res.Codes)
		fmt.Println(" ", res.Meaning)
	}
	// Output:
	// 192.0.2.25 zen.spamhaus.org listed [127.0.0.4]
	//   XBL: an infected or hijacked host, or an open proxy
	// 192.0.2.26 zen.spamhaus.org listed [127.0.0.10]
	//   PBL, policy, no evidence of spam: its provider says that the address is not to send mail by itself
	// 192.0.2.27 zen.spamhaus.org error [127.255.255.255]
	//   answered 127.255.255.255, not a listing: too many queries come from this resolver
	// 192.0.2.28 zen.spamhaus.org clean []
	//   not listed
	// 192.0.2.25 old-list.example error [127.0.0.2]
	//   it does not list its test entry 127.0.0.2: it is dead, or its name is wrong, or it does not answer this resolver
}
