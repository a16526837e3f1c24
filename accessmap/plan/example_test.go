package plan_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// A Postfix table holds the list of last week. The new list has another network of the provider, and rejects half of the
// present one.
func ExampleDifference() {
	dir, err := os.MkdirTemp("", "plan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mailallow.cidr")
	const table = "# 192.0.2.0/24 OK provider: _spf.provider.example\n" +
		"192.0.2.0/24\tpermit\n"
	if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
		log.Fatal(err)
	}

	postfix, err := format.ByName("postfix-cidr")
	if err != nil {
		log.Fatal(err)
	}
	list := allowlist.Merge([]allowlist.Labelled{
		{Source: "provider", Action: allowlist.OK, Ranges: ranges("_spf.provider.example", "192.0.2.0/24", "198.51.100.0/24")},
		{Source: "abuse", Action: allowlist.Reject, Ranges: ranges("abuse.list", "192.0.2.128/25")},
	})
	plans, err := plan.Planner{}.All(context.Background(), []plan.Target{{Format: postfix, Path: path}}, list)
	if err != nil {
		log.Fatal(err)
	}

	for _, c := range plans[0].Difference() {
		for p := range c.Added.Networks() {
			fmt.Printf("+ %s %s  %s (%s)\n", p, c.Action, c.Source, c.Added.Path(p))
		}
		for p := range c.Removed.Networks() {
			fmt.Printf("- %s %s  %s (%s)\n", p, c.Action, c.Source, c.Removed.Path(p))
		}
	}
	fmt.Print(string(plans[0].Text()))
	// Output:
	// + 198.51.100.0/24 OK  provider (_spf.provider.example)
	// - 192.0.2.128/25 OK  provider (_spf.provider.example)
	// + 192.0.2.128/25 REJECT  abuse (abuse.list)
	// # Written by mailallow: change its configuration, not this file.
	// # 192.0.2.0/24 OK provider: _spf.provider.example
	// 192.0.2.0/25	permit
	// # 192.0.2.128/25 REJECT abuse: abuse.list
	// 192.0.2.128/25	REJECT
	// # 198.51.100.0/24 OK provider: _spf.provider.example
	// 198.51.100.0/24	permit
}

func ranges(path string, prefixes ...string) (r allowlist.Ranges) {
	for _, p := range prefixes {
		r.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(path)})
	}
	return r
}
