//go:build linux

package main

import (
	"bytes"
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

// Somebody edits a file after the list was taken out of it, so that it cannot be put back and no new plan can be made: remove says which
// file is changed, and not that nothing is. The edit must come before the other files have changed, so it may take several tries.
func TestRemoveEditedLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, access := filepath.Join(dir, "c.toml"), filepath.Join(dir, "access")
	text := "state_dir = \"state\"\n[[source]]\nname = \"own\"\ncidr = [\"192.0.2.0/24\"]\naction = \"OK\"\n" +
		"[[target]]\nformat = \"sendmail-access\"\nmap = \"none\"\npath = \"access\"\n"
	for n := range 20 {
		text += fmt.Sprintf("[[target]]\nformat = \"cidr\"\npath = \"list%d.cidr\"\n", n)
	}
	fixtures.WriteFile(t, config, text)
	run := func(command string) string {
		out, _ := exec.Command(fixtures.Mailallow(t), "-c", config, command).CombinedOutput()
		return string(out)
	}
	for range 100 {
		fixtures.WriteFile(t, access, "")
		if said := run("update"); !strings.Contains(fixtures.ReadFile(t, access), "192.0.2") {
			t.Fatal(said)
		}
		edited := make(chan error, 1)
		go func() {
			for {
				if now, err := os.ReadFile(access); err != nil || !bytes.Contains(now, []byte("192.0.2")) {
					edited <- os.WriteFile(access, []byte("# BEGIN mailallow\n"), 0o644)
					return
				}
			}
		}()
		said := run("remove")
		if err := <-edited; err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, "list taken out in part") {
			continue
		}
		for _, want := range []string{access + ": could not be put back: edited after it was replaced", "a block begins that never ends"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s\nwithout %q", said, want)
			}
		}
		if strings.Contains(said, "nothing was changed") {
			t.Error(said)
		}
		return
	}
	t.Error("the edit never came in time")
}
