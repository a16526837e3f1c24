package dnsbl

import (
	"net/netip"
	"strings"
	"testing"
)

// TestRead reads codes as Check does, and asks nothing.
func TestRead(t *testing.T) {
	for _, row := range []struct {
		zone, codes string
		want        State
	}{
		{"zen.spamhaus.org", "127.0.0.2 127.0.0.10", Listed},
		{"zen.spamhaus.org", "127.255.255.254", Error},
		{"zen.spamhaus.org", "", Clean},
		{"list.dnswl.org", "127.0.5.1", Clean},
		{"unknown.example", "127.0.0.9", Listed},
	} {
		zone, err := ParseZone(row.zone, "")
		if err != nil {
			t.Fatal(err)
		}
		var codes []netip.Addr
		for _, code := range strings.Fields(row.codes) {
			codes = append(codes, netip.MustParseAddr(code))
		}
		if got, meaning := zone.Read(codes); got != row.want || meaning == "" {
			t.Errorf("%s %s: %s, %q; want %s", row.zone, row.codes, got, meaning, row.want)
		}
	}
}
