package dnsbl_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// TestField asks the lists of fixtures/field/dnsbl.json: welcome lists, scores and dead lists whose zones answer are no listings.
func TestField(t *testing.T) {
	var field struct {
		Zones  map[string][]struct{ Type, Value string }
		Groups []struct {
			ID, Address string
			Exit        int
			Want        map[string][]dnsbl.State
		}
	}
	if err := json.Unmarshal([]byte(fixtures.ReadFile(t, fixtures.Path("field", "dnsbl.json"))), &field); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for owner, records := range field.Zones {
		for _, r := range records {
			format := "%s %s %s\n"
			if r.Type == "TXT" {
				format = "%s %s %q\n"
			}
			fmt.Fprintf(&text, format, owner, r.Type, r.Value)
		}
	}
	server := fixtures.DNS(t, text.String())
	q := client(t, server, dnsq.Config{})
	for _, group := range field.Groups {
		t.Run(group.ID, func(t *testing.T) {
			var zones []dnsbl.Zone
			for _, name := range slices.Sorted(maps.Keys(group.Want)) {
				zones = append(zones, zone(t, name, ""))
			}
			listed := 0
			for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{q}, []netip.Addr{addr(group.Address)}, zones) {
				if !slices.Contains(group.Want[res.Zone.Written], res.State) {
					t.Errorf("%s is %s (%s), want %v", res.Zone.Written, res.State, res.Meaning, group.Want[res.Zone.Written])
				}
				if res.State == dnsbl.Listed {
					listed = 1
				}
			}
			if listed != group.Exit {
				t.Errorf("exit code %d, want %d", listed, group.Exit)
			}
		})
	}
}
