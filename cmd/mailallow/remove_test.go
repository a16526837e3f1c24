//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestRemoveAsked asks the real rulesets of Sendmail and the real postmap before an update, after it, and after remove: at the end
// they answer as at the beginning. An empty access file that nothing but the list was in keeps its map, for Sendmail answers 451
// without one.
func TestRemoveAsked(t *testing.T) {
	t.Parallel()
	dir := fixtures.SafeDir(t)
	access, table, own := filepath.Join(dir, "access"), filepath.Join(dir, "list.cidr"), filepath.Join(dir, "own")
	rules, ofOwn := fixtures.NewRules(t, fixtures.RulesOptions{Access: access}), fixtures.NewRules(t, fixtures.RulesOptions{Access: own})
	fixtures.MakeAccess(t, access, "Connect:198.51.100\tREJECT", "Connect:192.0.2.9\tREJECT")
	written := fixtures.ReadFile(t, access)
	config := filepath.Join(dir, "c.toml")
	fixtures.WriteFile(t, config, fmt.Sprintf(`state_dir = "state"
[[source]]
name = "own"
cidr = ["192.0.2.0/24"]
action = "RELAY"
[[target]]
format = "sendmail-access"
path = %[1]q
makemap = %[2]q
sendmail_cf = %[3]q
[[target]]
format = "sendmail-access"
path = %[4]q
makemap = %[2]q
sendmail_cf = %[5]q
[[target]]
format = "postfix-cidr"
path = %[6]q
`, access, fixtures.Makemap(t), rules.CF(), own, ofOwn.CF(), table))
	addrs := []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.7")}
	answers := func(r *fixtures.Rules) string {
		var all []string
		for _, v := range r.Ask(addrs) {
			all = append(all, fmt.Sprintf("%s %v", v.Relay, v.Relays))
		}
		return strings.Join(all, ", ")
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(fixtures.Mailallow(t), append([]string{"-c", config, "--quiet"}, args...)...)
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := rules.Run(cmd); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &out)
		}
	}
	before := answers(rules)
	run("update")
	if got := answers(rules); got != "RELAY true, REJECT false, REJECT false,  false" {
		t.Errorf("installed: %s", got)
	}
	if values, _ := fixtures.PostmapQuery(t, "cidr:"+table, addrs); len(values) != 2 {
		t.Errorf("installed: %v", values)
	}
	run("remove")
	if got := answers(rules); got != before || fixtures.ReadFile(t, access) != written {
		t.Errorf("removed: %s, want %s", got, before)
	}
	if got := answers(ofOwn); strings.Contains(got, "ERROR") || fixtures.ReadFile(t, own) != "" {
		t.Errorf("an empty file with its map: %s", got)
	}
	if values, warnings := fixtures.PostmapQuery(t, "cidr:"+table, addrs); len(values) > 0 || warnings != "" {
		t.Errorf("removed: %v, %s", values, warnings)
	}
	for _, path := range []string{own + ".db", table} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
