//go:build linux

package accessmap_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// eximHas asks a real Exim which addresses an item of a host list matches.
func eximHas(t *testing.T, island *host.Island, item string, addrs []netip.Addr) map[netip.Addr]bool {
	t.Helper()
	var questions strings.Builder
	for _, addr := range addrs {
		fmt.Fprintf(&questions, "${if match_ip{%s}{%s}{%[1]s}{}}\n", addr, item)
	}
	var stdout, stderr strings.Builder
	// No configuration: the expansion needs none, and Debian's is not there.
	cmd := exec.Command(fixtures.Need(t, "exim", fixtures.FindParts().Exim), "-C", "/dev/null", "-be")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(questions.String()), &stdout, &stderr
	if err := island.Run(cmd); err != nil || stderr.Len() > 0 {
		t.Fatalf("exim -be: %v\n%s", err, stderr.String())
	}
	has := map[netip.Addr]bool{}
	for line := range strings.Lines(stdout.String()) {
		if answer := strings.Trim(line, "> \n"); answer != "" {
			has[netip.MustParseAddr(answer)] = true
		}
	}
	return has
}

// TestEximAnswers asks the real Exim about addresses in and near every range of a list: as keys of net-iplsearch, and as a plain
// list of hosts.
func TestEximAnswers(t *testing.T) {
	t.Parallel()
	lists := append(realLists(t), list{name: "nothing", set: allowlist.Merge(nil)})
	for seed := range 25 {
		l := rapid.Custom(drawList).Example(seed)
		l.name = fmt.Sprintf("random %d", seed)
		lists = append(lists, l)
	}
	island := host.NewIsland(t)
	dir := t.TempDir()
	for _, l := range lists {
		for form, lookup := range map[string]string{"exim": "net-iplsearch;", "cidr": ""} {
			path := filepath.Join(dir, form)
			fixtures.WriteFile(t, path, string(l.mustWrite(t, form)))
			var addrs []netip.Addr
			for _, addr := range l.samples() {
				if !addr.Is4In6() { // Exim takes such a client for one of IPv4
					addrs = append(addrs, addr)
				}
			}
			has := eximHas(t, island, lookup+path, addrs)
			for _, addr := range addrs {
				if want := l.word(form, addr) != ""; has[addr] != want {
					t.Errorf("%s as %s: %s: %v, want %v", l.name, form, addr, has[addr], want)
				}
			}
		}
	}
}

// TestEximQuotes shows why the keys are quoted: the plain list as keys of net-iplsearch has no IPv6 network, without a word.
func TestEximQuotes(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	l := list{set: allowlist.Merge([]allowlist.Labelled{networks("a", allowlist.OK, "192.0.2.0/24", "2001:db8::/32")})}
	path := filepath.Join(t.TempDir(), "list")
	island := host.NewIsland(t)
	for form, want := range map[string][2]bool{"cidr": {true, false}, "exim": {true, true}} {
		if err := os.WriteFile(path, l.mustWrite(t, form), 0o644); err != nil {
			t.Fatal(err)
		}
		has := eximHas(t, island, "net-iplsearch;"+path, []netip.Addr{v4, v6})
		if got := [2]bool{has[v4], has[v6]}; got != want {
			t.Errorf("%s: %v, want %v", form, got, want)
		}
	}
}
