package hosts_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/hosts"
	"mailallow/fixtures"
)

const zone = `
a.test A 81.2.0.2
a.test A 81.2.0.1
a.test AAAA 2a01:4f8::1
four.test A 81.2.0.4
six.test AAAA 2a01:4f8::6
alias.test CNAME alias2.test
alias2.test CNAME a.test
broken.test CNAME gone.test
text.test TXT "v=spf1 -all"
mapped.test AAAA ::ffff:81.2.0.9
x.test MX 20 four.test
x.test MX 10 A.test.
null.test MX 0 .
dangling.test MX 10 a.test
dangling.test MX 20 gone.test
evil.test MX 10 a\027b\010.test
mxalias.test CNAME x.test
half.test A 81.2.0.5
`

// TestLookUp asks a server over loopback for names of each kind.
func TestLookUp(t *testing.T) {
	s := fixtures.DNS(t, zone, many("many.test A 81.3.%d.%d", 251), many("wide.test MX 10 m%d-%d.wide.test", 51))
	s.Fault("servfail.test", "", fixtures.ServFail)
	s.Fault("half.test", "AAAA", fixtures.ServFail)
	r, err := dnsq.New(dnsq.Config{Resolvers: []string{s.Addr()}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		names  string
		limits hosts.Limits
		want   string
	}{
		{"a.test", hosts.Limits{}, "a.test=81.2.0.1,81.2.0.2,2a01:4f8::1"},
		{"A.Test. four.test six.test", hosts.Limits{}, "a.test=81.2.0.1,81.2.0.2,2a01:4f8::1 four.test=81.2.0.4 six.test=2a01:4f8::6"},
		{"a.test", hosts.Limits{NoIPv6: true}, "a.test=81.2.0.1,81.2.0.2"},
		{"a.test", hosts.Limits{NoIPv4: true}, "a.test=2a01:4f8::1"},
		{"half.test", hosts.Limits{NoIPv6: true}, "half.test=81.2.0.5"},
		{"half.test", hosts.Limits{}, "half.test: AAAA half.test: SERVFAIL from ADDR"},
		{"six.test", hosts.Limits{NoIPv6: true}, "six.test: six.test has no address: no A"},
		{"alias.test", hosts.Limits{}, "alias.test=81.2.0.1,81.2.0.2,2a01:4f8::1"},
		{"broken.test", hosts.Limits{}, "broken.test: broken.test has no address: no A and no AAAA"},
		{"gone.test a.test text.test", hosts.Limits{}, "gone.test: gone.test has no address: no A and no AAAA a.test=81.2.0.1,81.2.0.2,2a01:4f8::1 text.test: text.test has no address: no A and no AAAA"},
		{"servfail.test", hosts.Limits{}, "servfail.test: A servfail.test: SERVFAIL from ADDR"},
		{"mapped.test", hosts.Limits{}, "mapped.test=::ffff:81.2.0.9"},
		{"mx:x.test", hosts.Limits{}, "mx:x.test > a.test=81.2.0.1,81.2.0.2,2a01:4f8::1 mx:x.test > four.test=81.2.0.4"},
		{"MX:X.test.", hosts.Limits{NoIPv6: true}, "mx:x.test > a.test=81.2.0.1,81.2.0.2 mx:x.test > four.test=81.2.0.4"},
		{"mx:mxalias.test", hosts.Limits{NoIPv6: true}, "mx:mxalias.test > a.test=81.2.0.1,81.2.0.2 mx:mxalias.test > four.test=81.2.0.4"},
		{"mx:a.test", hosts.Limits{}, "mx:a.test: mx:a.test: a.test has no MX: write a.test alone for its own address"},
		{"mx:null.test", hosts.Limits{}, "mx:null.test: mx:null.test: null.test has no MX: write null.test alone for its own address"},
		{"mx:servfail.test", hosts.Limits{}, "mx:servfail.test: mx:servfail.test: MX servfail.test: SERVFAIL from ADDR"},
		{"mx:dangling.test", hosts.Limits{NoIPv6: true}, "mx:dangling.test > a.test=81.2.0.1,81.2.0.2 mx:dangling.test > gone.test: mx:dangling.test: gone.test has no address: no A"},
		{"mx:evil.test", hosts.Limits{NoIPv6: true}, "mx:evil.test > a\\x1bb\\x0a.test: mx:evil.test: a\\x1bb\\x0a.test has no address: no A"},
		{"many.test", hosts.Limits{}, "many.test: many.test has 251 addresses, and a host may have 250"},
		{"mx:wide.test", hosts.Limits{}, "mx:wide.test: mx:wide.test: its MX has 51 hosts, and it may have 50"},
		{"a.test a.test", hosts.Limits{Hosts: 1}, "2 names, and a list may have 1"},
		{"a.test mx:x.test", hosts.Limits{Hosts: 2}, "the names lead to 3 hosts, and a list may have 2"},
	} {
		t.Run(row.names, func(t *testing.T) {
			var names []hosts.Name
			for item := range strings.FieldsSeq(row.names) {
				names = append(names, hosts.ParseName(item))
			}
			found, err := hosts.LookUp(t.Context(), r, names, row.limits)
			got := show(found)
			if err != nil {
				got = err.Error()
			}
			if want := strings.ReplaceAll(row.want, "ADDR", s.Addr()); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// many makes so many records of a text with two numbers.
func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i>>8, i&255)
	}
	return b.String()
}

func show(found []hosts.Host) string {
	var all []string
	for _, h := range found {
		if h.Err != nil {
			all = append(all, fmt.Sprintf("%s: %v", h.Path, h.Err))
			continue
		}
		var addrs []string
		for _, a := range h.Addrs {
			addrs = append(addrs, a.String())
		}
		all = append(all, fmt.Sprintf("%s=%s", h.Path, strings.Join(addrs, ",")))
	}
	return strings.Join(all, " ")
}

// known is a resolver that knows the names of an example.
type known map[string][]netip.Addr

func (k known) A(_ context.Context, name string) ([]netip.Addr, error) { return k[name], nil }
func (known) AAAA(context.Context, string) ([]netip.Addr, error)       { return nil, nil }
func (known) MX(_ context.Context, domain string) ([]string, error) {
	return []string{"mx1." + domain, "mx2." + domain}, nil
}

// A host without an address has an error: whoever keeps a list of hosts must not take it for a shorter list.
func ExampleLookUp() {
	resolver := known{
		"mail.example.org": {netip.MustParseAddr("192.0.2.7")},
		"mx1.example.net":  {netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")},
	}
	names := []hosts.Name{hosts.ParseName("mail.example.org"), hosts.ParseName("mx:example.net")}
	found, err := hosts.LookUp(context.Background(), resolver, names, hosts.Limits{})
	if err != nil {
		fmt.Println(err)
	}
	for _, host := range found {
		fmt.Println(host.Path, host.Addrs, host.Err)
	}
	// Output:
	// mail.example.org [192.0.2.7] <nil>
	// mx:example.net > mx1.example.net [198.51.100.1 198.51.100.2] <nil>
	// mx:example.net > mx2.example.net [] mx:example.net: mx2.example.net has no address: no A and no AAAA
}
