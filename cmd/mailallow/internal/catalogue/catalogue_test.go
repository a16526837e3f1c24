package catalogue

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/fixtures"
)

// A provider has its fetched ranges or, if the fetch failed or found none, those in the program.
func TestFetchedBeforeEmbedded(t *testing.T) {
	var all []allowlist.Provider
	for _, name := range []string{"google", "microsoft", "mailgun"} {
		p, ok := allowlist.ProviderByName(name)
		if !ok {
			t.Fatalf("no provider %s", name)
		}
		all = append(all, p)
	}
	known, err := snapshot.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	fetched := []allowlist.Fetched{
		{Resolved: allowlist.Resolved{Name: "google", Time: now, Ranges: ranges("192.0.2.0/24", "192.0.2.128/25")}},
		{Resolved: allowlist.Resolved{Name: "microsoft", Time: now, Ranges: ranges("198.51.100.0/24")}, Err: errors.New("SERVFAIL")},
		{Resolved: allowlist.Resolved{Name: "mailgun", Time: now}},
	}
	c, err := newCatalogue(all, fetched)
	if err != nil {
		t.Fatal(err)
	}
	if found := c.Holding(netip.MustParseAddr("192.0.2.200")); len(found) != 1 || found[0].Source != "google" || found[0].Prefix.Bits() != 25 {
		t.Errorf("the fetched address is held by %v, want google once, by its longest prefix", found)
	}
	if found := c.Holding(netip.MustParseAddr("198.51.100.1")); len(found) > 0 {
		t.Errorf("the range of a failed fetch is held by %v", found)
	}
	if !c.Time("google").Equal(now) {
		t.Errorf("the ranges of google are of %v", c.Time("google"))
	}
	for name, fromProgram := range map[string]bool{"google": false, "microsoft": true, "mailgun": true} {
		embedded, _ := known.Find(name)
		if c.Time(name).Equal(embedded.Time) != fromProgram {
			t.Errorf("%s: the ranges are of %v, those in the program of %v", name, c.Time(name), embedded.Time)
		}
		holds := false
		for r := range embedded.Ranges.All() {
			for _, found := range c.Holding(r.Prefix.Addr()) {
				holds = holds || found.Source == name
			}
		}
		if holds != fromProgram {
			t.Errorf("%s: ranges in the program are used: %v", name, holds)
		}
	}
}

// Within finds a provider for a network beside its ranges, inside one of them, and around one of them.
func TestWithin(t *testing.T) {
	google, _ := allowlist.ProviderByName("google")
	c, err := newCatalogue([]allowlist.Provider{google}, []allowlist.Fetched{{Resolved: allowlist.Resolved{Ranges: ranges("192.0.2.0/25")}}})
	if err != nil {
		t.Fatal(err)
	}
	for network, want := range map[string]string{
		"192.0.2.0/25":   google.Title,
		"192.0.2.64/26":  google.Title,
		"192.0.0.0/16":   google.Title,
		"192.0.2.128/25": "",
		"2001:db8::/32":  "",
	} {
		if got := c.within(netip.MustParsePrefix(network)); got != want {
			t.Errorf("%s: %q, want %q", network, got, want)
		}
	}
}

// TestSharedKnowsOldLists finds the provider of every network of the list that blogs copy, most of which its policy has no more.
func TestSharedKnowsOldLists(t *testing.T) {
	for line := range strings.Lines(fixtures.ReadFile(t, fixtures.Path("lint", "seed-gmail.access"))) {
		network := netip.MustParsePrefix(strings.Fields(line)[0])
		if google, _ := allowlist.ProviderByName("google"); Shared(network) != google.Title {
			t.Errorf("%s: %q", network, Shared(network))
		}
	}
	if got := Shared(netip.MustParsePrefix("64.19.0.0/20")); got != "" {
		t.Errorf("a network of nobody's: %q", got)
	}
}

func ranges(prefixes ...string) (all allowlist.Ranges) {
	for _, p := range prefixes {
		all.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(p)})
	}
	return all
}
