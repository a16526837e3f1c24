//go:build linux

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

// The exit codes of `puppet apply --detailed-exitcodes`.
const (
	nothingChanged = 0
	changed        = 2
	failed         = 4
)

// catalog is a host whose Puppet applies the class with a configuration.
type catalog struct {
	t   *testing.T
	dir string
	ns  *fixtures.Namespace // without a network, where Puppet looks for those of clouds
}

// apply applies the class, and wants an exit code.
func (c catalog) apply(when, config string, want int, flags ...string) (output string) {
	c.t.Helper()
	parts := fixtures.FindParts()
	puppet := fixtures.Need(c.t, "puppet", parts.Puppet)
	class, err := os.ReadFile("mailallow.pp")
	if err != nil {
		c.t.Fatal(err)
	}
	content := filepath.Join(c.dir, "content")
	fixtures.WriteFile(c.t, content, config)
	site := filepath.Join(c.dir, "site.pp")
	fixtures.WriteFile(c.t, site, fmt.Sprintf("%s\nclass { 'mailallow':\n  content => file('%s'),\n  program => '%s',\n  folder  => '%s',\n}\n",
		class, content, filepath.Join(c.dir, "mailallow"), filepath.Join(c.dir, "etc")))
	cmd := exec.Command(puppet, append([]string{"apply", "--detailed-exitcodes", "--color=false", "--confdir", filepath.Join(c.dir, "conf"),
		"--vardir", filepath.Join(c.dir, "var"), "--ssldir", filepath.Join(c.dir, "ssl"), "--publicdir", filepath.Join(c.dir, "public"), "--logdest", "console", site}, flags...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "LC_ALL=C.UTF-8", "RUBYLIB=" + parts.PuppetLib}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	var ended *exec.ExitError
	if err := c.ns.Run(cmd); err != nil && !errors.As(err, &ended) {
		c.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		c.t.Fatalf("%s: puppet ends with %d, want %d\n%s", when, got, want, out.String())
	}
	return out.String()
}

// TestPuppet applies the class with Debian's Puppet: first as --noop shows it, for real, again, with another policy, with a source that
// does not answer, and with a mistake in the configuration.
func TestPuppet(t *testing.T) {
	fixtures.All(t)
	dns := fixtures.DNS(t, `mail.test TXT "v=spf1 ip4:74.125.4.0/23 -all"`)
	c := catalog{t: t, dir: t.TempDir(), ns: fixtures.NewNamespace(t, t.TempDir(), nil)}
	c.ns.Serve(t, dns)
	if err := os.Rename(fixtures.Mailallow(t), filepath.Join(c.dir, "mailallow")); err != nil {
		t.Fatal(err)
	}
	const config = `state_dir = "state"
dns = {resolvers = ["127.0.0.1:53"], timeout = "1m"}
source = [{name = "provider", spf = ["mail.test"], action = "OK", max_shrink = "60%"}]
target = [{format = "cidr", path = "list.cidr"}]
`
	list := filepath.Join(c.dir, "etc", "list.cidr")
	installed := func(want string) {
		t.Helper()
		if text, _ := os.ReadFile(list); string(text) != want { // "" where there is none
			t.Errorf("installed is %q, want %q", text, want)
		}
	}
	c.apply("noop", config, nothingChanged, "--noop")
	installed("")
	c.apply("first", config, changed)
	installed("74.125.4.0/23\n")
	c.apply("again", config, nothingChanged)
	dns.Set(`mail.test TXT "v=spf1 ip4:74.125.5.0/24 -all"`)
	c.apply("another policy", config, changed)
	installed("74.125.5.0/24\n")
	dns.Fault("mail.test", "TXT", fixtures.ServFail)
	if out := c.apply("no answer", config, changed); !strings.Contains(out, `source "provider" is stale`) {
		t.Errorf("the report does not say that the source is stale:\n%s", out)
	}
	installed("74.125.5.0/24\n")
	dns.Fault("mail.test", "TXT", 0)
	if out := c.apply("a mistake", config+"widest = 12\n", changed|failed); !strings.Contains(out, `unknown key "widest"`) {
		t.Errorf("the report does not name the mistake:\n%s", out)
	}
	installed("74.125.5.0/24\n")
}
