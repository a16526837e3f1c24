// Package examples holds the files that people copy to run mailallow from a shell or from Puppet. The tests run the script as
// cron would, and have Debian's Puppet apply the manifest.
package examples

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

func TestRefresh(t *testing.T) {
	dns := fixtures.DNS(t, `mail.test TXT "v=spf1 ip4:74.125.4.0/23 -all"`)
	dir := t.TempDir()
	config := filepath.Join(dir, "mailallow.toml")
	list := filepath.Join(dir, "list.cidr")
	up := filepath.Join(dir, "up")
	fixtures.WriteFile(t, config, fmt.Sprintf(`state_dir = "state"
dns = {resolvers = [%q], timeout = "1m"}
source = [{name = "provider", spf = ["mail.test"], action = "OK", max_shrink = "60%%"}]
target = [{format = "cidr", path = "list.cidr", on_change = ["test", "-e", %q]}]
`, dns.Addr(), up))
	path := filepath.Dir(fixtures.Mailallow(t)) + ":" + os.Getenv("PATH")

	for _, run := range []struct {
		when           string
		before         func()
		code           int
		stdout, stderr string // parts of them; empty: there is no output
		installed      string
	}{
		{"first, with a server that is down", func() {}, 5, "+ 74.125.4.0/23", "it is run again by the next update", "74.125.4.0/23\n"},
		{"still down", func() {}, 5, "", "it is run again by the next update", "74.125.4.0/23\n"},
		{"up", func() { fixtures.WriteFile(t, up, "") }, 0, "", "", "74.125.4.0/23\n"},
		{"again", func() {}, 0, "", "", "74.125.4.0/23\n"},
		{"another policy", func() { dns.Set(`mail.test TXT "v=spf1 ip4:74.125.5.0/24 -all"`) },
			0, "- 74.125.4.0/24", "", "74.125.5.0/24\n"},
		{"no answer", func() { dns.Fault("mail.test", "TXT", fixtures.ServFail) },
			4, "no change", "source \"provider\" is stale", "74.125.5.0/24\n"},
		{"a target that cannot be written", func() { replaceByFolder(t, list) }, 5, "", "nothing was changed", ""},
		{"a broken configuration", func() { fixtures.WriteFile(t, config, "widest = 12\n") }, 2, "", "mailallow.toml:1: unknown key \"widest\"", ""},
	} {
		run.before()
		cmd := exec.Command("sh", "refresh.sh", config)
		cmd.Env = []string{"PATH=" + path}
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var ended *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != run.code {
			t.Errorf("%s: exit code %d, want %d", run.when, got, run.code)
		}
		wantPart(t, run.when+": stdout", stdout.String(), run.stdout)
		wantPart(t, run.when+": stderr", stderr.String(), run.stderr)
		if got, err := os.ReadFile(list); run.installed != "" && (err != nil || string(got) != run.installed) {
			t.Errorf("%s: installed is %q, want %q; %v", run.when, got, run.installed, err)
		}
	}
}

func TestShellcheck(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		fixtures.Missing(t, "no shellcheck here: `make parts` installs it")
	}
	if out, err := exec.Command(shellcheck, "refresh.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func wantPart(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) || part == "" && got != "" {
		t.Errorf("%s is %q, want %q in it", what, got, part)
	}
}

func replaceByFolder(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
}
