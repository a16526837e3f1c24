//go:build linux

package main

import (
	"encoding/json"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// TestFieldResolvConf lists a policy on hosts with a resolv.conf as people have it. Only the name server at 127.0.0.1 answers:
// a line that cannot be used stops nothing, and is told with its number.
func TestFieldResolvConf(t *testing.T) {
	island := host.NewIsland(t, `mail.test TXT "v=spf1 ip4:81.2.0.0/24 -all"`)
	program := fixtures.Mailallow(t)
	right, all := 0, 0
	for line := range strings.Lines(fixtures.ReadFile(t, fixtures.Path("field", "resolv.jsonl"))) {
		var c struct {
			ID, Body string
			Want     struct {
				Networks []netip.Prefix
				Told     []string
			}
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		all++
		if t.Run(c.ID, func(t *testing.T) {
			island.ResolvConf(c.Body)
			cmd := exec.Command(program, "spf", "mail.test")
			cmd.Dir = t.TempDir()
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := island.Run(cmd)
			var want strings.Builder
			for _, p := range c.Want.Networks {
				want.WriteString(p.String() + "\n")
			}
			if err != nil || stdout.String() != want.String() || (stderr.Len() > 0) != (len(c.Want.Told) > 0) {
				t.Errorf("%v, %q, want %q; stderr %q", err, &stdout, &want, &stderr)
			}
			for _, part := range c.Want.Told {
				if !strings.HasPrefix(stderr.String(), "warning: /etc/resolv.conf:2: nameserver ") || !strings.Contains(stderr.String(), part) {
					t.Errorf("stderr %q, want the line with %q", &stderr, part)
				}
			}
		}) {
			right++
		}
	}
	t.Logf("%d of %d", right, all)
}

// TestResolvConfTold: each command that asks the system's resolvers tells of a line that names none, once, and in its JSON.
func TestResolvConfTold(t *testing.T) {
	island := host.NewIsland(t, `mail.test TXT "v=spf1 ip4:81.2.0.0/24 -all"`, "mail.test A 81.2.0.1", "2.0.0.127.list.test A 127.0.0.2")
	program := fixtures.Mailallow(t)
	dir := t.TempDir()
	fixtures.WriteFile(t, dir+"/c.toml", "state_dir = \"state\"\n[[source]]\nname = \"provider\"\nspf = [\"mail.test\"]\naction = \"OK\"\n"+
		"[[target]]\nformat = \"cidr\"\npath = \"out.cidr\"\n")
	island.ResolvConf("nameserver 127.0.0.1\nnameserver 999.1.1.1\n")
	for _, arguments := range []string{
		"update", "diff", "fetch -o snapshot.json", "render json", "spf mail.test", "explain mail.test", "explain 81.2.0.1",
		"explain mail.test --snapshot snapshot.json", "dnsbl 81.2.0.1 --zone list.test", "providers --check",
	} {
		t.Run(arguments, func(t *testing.T) {
			const want = `/etc/resolv.conf:2: nameserver "999.1.1.1": not an address`
			cmd := exec.Command(program, append([]string{"-c", "c.toml", "--json"}, strings.Fields(arguments)...)...)
			cmd.Dir = dir
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := island.Run(cmd)
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 2 {
				t.Fatalf("%v: %s", err, &stderr)
			}
			if n := strings.Count(stderr.String(), "warning: "+want); n != 1 {
				t.Errorf("told %d times: %s", n, &stderr)
			}
			var document struct{ Problems []struct{ Kind, Text string } }
			if strings.HasPrefix(arguments, "render") || strings.Contains(arguments, "--snapshot") {
				return
			}
			if err := json.Unmarshal([]byte(stdout.String()), &document); err != nil || len(document.Problems) == 0 || document.Problems[0].Kind != "resolver" || document.Problems[0].Text != want {
				t.Errorf("%v, problems %v", err, document.Problems)
			}
		})
	}
	island.ResolvConf("nameserver 999.1.1.1\nnameserver 888.1.1.1\n")
	cmd := exec.Command(program, "spf", "mail.test")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	_ = island.Run(cmd) // the exit code is checked below
	const both = "mailallow: /etc/resolv.conf:1: nameserver \"999.1.1.1\": not an address\n/etc/resolv.conf:2: nameserver \"888.1.1.1\": not an address\n"
	if cmd.ProcessState.ExitCode() != 2 || stderr.String() != both {
		t.Errorf("exit code %d, stderr %q, want %q", cmd.ProcessState.ExitCode(), &stderr, both)
	}
}
