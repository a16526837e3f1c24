package run

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"mailallow/accessmap/plan"
	"mailallow/allowlist"
)

// Every change is in the group of its source and action, in its order; the groups are in the order of their first change.
func TestChanges(t *testing.T) {
	change := func(prefix, source string, action allowlist.Action) plan.Change {
		return plan.Change{Prefix: netip.MustParsePrefix(prefix), Source: source, Action: action}
	}
	d := plan.Difference{
		Added: []plan.Change{
			change("192.0.2.0/25", "b", allowlist.OK), change("198.51.100.0/24", "a", allowlist.Relay),
			change("192.0.2.128/25", "b", allowlist.OK), change("2001:db8::/32", "b", allowlist.Relay),
		},
		Removed: []plan.Change{change("203.0.113.7/32", "c", allowlist.OK), change("203.0.113.8/32", "b", allowlist.OK)},
	}
	var got []string
	for _, g := range (&Result{List: &List{}}).Changes(plan.Plan{Content: plan.Content{Difference: d}}) {
		got = append(got, g.Title+": "+g.Counts()+fmt.Sprint(prefixesOf(g.Added), prefixesOf(g.Removed)))
	}
	want := []string{
		"b OK: 2 came (256 IPv4 addresses), 1 went (1 IPv4 address)[192.0.2.0/25 192.0.2.128/25] [203.0.113.8/32]",
		"a RELAY: 1 came (256 IPv4 addresses)[198.51.100.0/24] []",
		"b RELAY: 1 came (1 IPv6 network)[2001:db8::/32] []",
		"c OK: 1 went (1 IPv4 address)[] [203.0.113.7/32]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func prefixesOf(changes []plan.Change) (all []netip.Prefix) {
	for _, c := range changes {
		all = append(all, c.Prefix)
	}
	return all
}
