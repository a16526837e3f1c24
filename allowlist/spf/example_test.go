package spf_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"

	"mailallow/allowlist/spf"
)

// records is a Resolver for TXT and A records in memory. A name that it does not
// have has no records.
type records struct {
	txt map[string]string
	a   map[string]string
}

func (r records) TXT(_ context.Context, name string) ([]string, error) {
	if text, ok := r.txt[name]; ok {
		return []string{text}, nil
	}
	return nil, nil
}

func (r records) A(_ context.Context, name string) ([]netip.Addr, error) {
	if text, ok := r.a[name]; ok {
		return []netip.Addr{netip.MustParseAddr(text)}, nil
	}
	return nil, nil
}

func (r records) AAAA(context.Context, string) ([]netip.Addr, error) { return nil, nil }

func (r records) MX(context.Context, string) ([]string, error) { return nil, nil }

// Walk lists the addresses that a policy passes, with the terms that pass them.
func ExampleWalk() {
	dns := records{
		txt: map[string]string{
			"example.com":      "v=spf1 -ip4:192.0.2.0/26 ip4:192.0.2.0/24 include:_spf.example.net ptr -all",
			"_spf.example.net": "v=spf1 a:mail.example.net ip6:2001:db8::/32 -all",
		},
		a: map[string]string{"mail.example.net": "198.51.100.7"},
	}
	result := spf.Walk(context.Background(), dns, "example.com", spf.DefaultLimits())
	for _, r := range result.Ranges {
		fmt.Println(r.Prefixes, "by", r.Path)
	}
	for _, p := range result.Problems {
		fmt.Println(p)
	}
	// Output:
	// [192.0.2.64/26 192.0.2.128/25] by example.com > ip4:192.0.2.0/24
	// [198.51.100.7/32] by example.com > include:_spf.example.net > a:mail.example.net
	// [2001:db8::/32] by example.com > include:_spf.example.net > ip6:2001:db8::/32
	// example.com: ptr: the addresses it passes depend on the sender and cannot be listed: they are left out
}

// The tree shows the effect of each term of a policy.
func ExampleNode_Write() {
	dns := records{txt: map[string]string{"example.com": "v=spf1 -ip4:192.0.2.0/26 ip4:192.0.2.0/24 -all ip4:203.0.113.0/24"}}
	_, policy := spf.Draw(context.Background(), dns, "example.com", spf.DefaultLimits())
	policy.Write(os.Stdout)
	// Output:
	// example.com
	//   -ip4:192.0.2.0/26                     fails 64 IPv4 addresses
	//   ip4:192.0.2.0/24                      passes 192 IPv4 addresses
	//   -all                                  fails all that is left
	//   ip4:203.0.113.0/24                    not reached
}
