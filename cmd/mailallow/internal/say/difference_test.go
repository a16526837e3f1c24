package say

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/run"
)

// Every change has its source and action above it, and its networks are counted.
func TestChanges(t *testing.T) {
	networks := func(all ...string) (n plan.Networks) {
		for _, p := range all {
			n.Add(netip.MustParsePrefix(p), 0)
		}
		return n
	}
	d := plan.Difference{
		{Source: "b", Action: allowlist.OK, Added: networks("192.0.2.0/25", "192.0.2.128/25"), Removed: networks("203.0.113.8/32")},
		{Source: "b", Action: allowlist.Relay, Added: networks("2001:db8::/32")},
		{Action: allowlist.OK, Removed: networks("203.0.113.7/32")},
	}
	list := &run.List{Sources: []run.Source{{Source: allowlist.Source{Name: "b", Life: allowlist.Life{Reason: "ticket 4711"}}}}}
	var got []string
	for _, g := range Changes(list, &plan.Plan{Content: plan.Content{Compare: func() plan.Difference { return d }}}) {
		got = append(got, fmt.Sprint(g.Title, ": ", g.Counts(), slices.Collect(g.Added.Networks()), slices.Collect(g.Removed.Networks()), g.About))
	}
	want := []string{
		"b OK: 2 came (256 IPv4 addresses), 1 went (1 IPv4 address)[192.0.2.0/25 192.0.2.128/25] [203.0.113.8/32]ticket 4711",
		"b RELAY: 1 came (1 IPv6 network)[2001:db8::/32] []ticket 4711",
		"all sources: 1 went (1 IPv4 address)[] [203.0.113.7/32]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
