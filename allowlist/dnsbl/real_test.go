//go:build linux

package dnsbl_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures/host"
)

// The server that many lists run on, with test entries in one zone, without them in another, and one that lists everything.
func TestRealList(t *testing.T) {
	server := host.Rbldnsd(t, map[string]string{
		"v4":   ":127.0.0.2:listed, see https://bl.test/$\n127.0.0.2\n192.0.2.0/28\n!192.0.2.7\n198.51.100.4 :127.0.0.10:end-user space: $\n",
		"v6":   ":127.0.0.3:IPv6 $\n::ffff:127.0.0.2\n2001:db8:25::/48\n",
		"bare": ":127.0.0.2:x\n192.0.2.0/28\n",
		"all":  ":127.0.0.2:x\n127.0.0.0/8\n192.0.0.0/8\n198.0.0.0/8\n",
	}, "bl.test:ip4set:v4", "bl.test:ip6trie:v6", "bare.test:ip4set:bare", "all.test:ip4set:all")
	q, err := dnsq.New(dnsq.Config{Resolvers: []string{server.Addr()}, Timeout: patient, Attempts: 1, Concurrency: 256})
	if err != nil {
		t.Fatal(err)
	}
	var addrs []netip.Addr
	for _, a := range []string{"192.0.2.7", "192.0.2.8", "198.51.100.4", "2001:db8:25::1", "2001:db8:26::1"} {
		addrs = append(addrs, addr(a))
	}
	var zones []dnsbl.Zone
	for _, name := range []string{"bl.test", "bare.test", "all.test", "elsewhere.test"} {
		zones = append(zones, zone(t, name, ""))
	}
	var got []string
	for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{q}, addrs, zones) {
		row := res.Address.String() + " " + res.Zone.Written + " " + string(res.State)
		for _, code := range res.Codes {
			row += " " + code.String()
		}
		got = append(got, strings.Join(append([]string{row}, res.Text...), " | "))
	}
	want := []string{
		"192.0.2.7 bl.test clean",
		"192.0.2.7 bare.test error 127.0.0.2",
		"192.0.2.7 all.test error 127.0.0.2",
		"192.0.2.7 elsewhere.test unknown",
		"192.0.2.8 bl.test listed 127.0.0.2 | listed, see https://bl.test/192.0.2.8",
		"192.0.2.8 bare.test error 127.0.0.2",
		"192.0.2.8 all.test error 127.0.0.2",
		"192.0.2.8 elsewhere.test unknown",
		"198.51.100.4 bl.test listed 127.0.0.10 | end-user space: 198.51.100.4",
		"198.51.100.4 bare.test error",
		"198.51.100.4 all.test error 127.0.0.2",
		"198.51.100.4 elsewhere.test unknown",
		"2001:db8:25::1 bl.test listed 127.0.0.3 | IPv6 2001:db8:25::1",
		"2001:db8:25::1 bare.test error",
		"2001:db8:25::1 all.test error",
		"2001:db8:25::1 elsewhere.test unknown",
		"2001:db8:26::1 bl.test clean",
		"2001:db8:26::1 bare.test error",
		"2001:db8:26::1 all.test error",
		"2001:db8:26::1 elsewhere.test unknown",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
