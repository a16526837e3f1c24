//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// TestAgreeSystemResolvers runs on a host whose /etc/resolv.conf names one resolver, with agree = 2 and no resolvers in the
// configuration. A command that asks the DNS says where the one is written; a command that asks nothing works.
func TestAgreeSystemResolvers(t *testing.T) {
	island := host.NewIsland(t, `mail.test TXT "v=spf1 ip4:74.125.4.0/23 -all"`)
	program := fixtures.Mailallow(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"one.toml": "", "two.toml": "[dns]\nagree = 2\n",
	} {
		text += "[[source]]\nname = \"provider\"\nspf = [\"mail.test\"]\naction = \"OK\"\n" +
			"[[target]]\nformat = \"cidr\"\npath = \"out.cidr\"\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte("state_dir = \"state\"\n"+text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const few = "mailallow: two.toml:3: agree = 2 needs two resolvers, and /etc/resolv.conf gives only 127.0.0.1:53: " +
		"name another that shares no cache with it\n"
	for _, row := range []struct {
		command string
		code    int
		stderr  string
	}{
		{"-c one.toml fetch -q -o snapshot.json", exit.Done, ""},
		{"-c two.toml update", exit.Usage, few},
		{"-c two.toml diff", exit.Usage, few},
		{"-c two.toml fetch -o other.json", exit.Usage, few},
		{"-c two.toml spf mail.test", exit.Usage, few},
		{"-c two.toml dnsbl 192.0.2.25", exit.Usage, few},
		{"-c two.toml -q update --snapshot snapshot.json", exit.Done, ""},
		{"-c two.toml render cidr --snapshot snapshot.json", exit.Done, ""},
	} {
		t.Run(row.command, func(t *testing.T) {
			cmd := exec.Command(program, strings.Fields(row.command)...)
			cmd.Dir = dir
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := island.Run(cmd)
			if cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != row.code || !strings.HasPrefix(stderr.String(), row.stderr) || row.stderr == "" && stderr.Len() > 0 {
				t.Errorf("exit code %d, want %d; stderr %q, want %q", got, row.code, &stderr, row.stderr)
			}
		})
	}
}
