//go:build linux

package packaging

import (
	"strings"
	"testing"

	"mailallow/fixtures"
)

// rpm runs Debian's rpm, which knows no package of this host, so that nothing can be required.
func (h packageHost) rpm(args ...string) string {
	h.t.Helper()
	return h.Run(append([]string{"rpm", "--force-debian", "--nodeps"}, args...)...)
}

// TestRPM is the life of an rpm: installed, upgraded with a configuration that was written, and removed.
func TestRPM(t *testing.T) {
	t.Parallel()
	h := newServer(t)
	if _, err := h.Try("rpm", "--version"); err != nil {
		fixtures.Missing(t, "no rpm here: `make parts` fetches it")
	}
	h.Write("/root/now.rpm", read(t, build(t, "rpm", "VERSION=1.0.0")), 0o644)
	h.Write("/etc/systemd/system-preset/99-default-disable.preset", "disable *\n", 0o644) // as on Fedora and Enterprise Linux

	h.rpm("-i", "/root/now.rpm")
	h.is("", "rpm", "--verify", "--nodeps", "mailallow")
	h.is("/bin/sh", "rpm", "--query", "--requires", "mailallow")
	h.is("", "rpm", "--query", "--configfiles", "mailallow")
	h.is("/usr/share/licenses/mailallow/LICENSE", "rpm", "--query", "--licensefiles", "mailallow")
	h.is("mailallow-1.0.0-1.x86_64", "rpm", "--query", "--file", "/usr/share/zsh/site-functions/_mailallow")
	h.is("mailallow-1.0.0-1.x86_64", "rpm", "--query", "--file", "/usr/lib/systemd/system/mailallow.timer")
	h.is("mailallow-1.0.0-1.x86_64", "rpm", "--query", "--file", "/usr/share/doc/mailallow/examples/mailallow.toml")
	h.is("", "systemd-analyze", "verify", "mailallow.timer", "mailallow.service", "mailallow-fetch.service")
	h.timer("disabled inactive")
	h.gone("/etc/mailallow/mailallow.toml", "/etc/cron.d/mailallow", "/var/lib/mailallow")

	h.Write("/etc/mailallow/mailallow.toml", config, 0o644)
	h.is("file /etc/mailallow/mailallow.toml is not owned by any package", "rpm", "--query", "--file", "/etc/mailallow/mailallow.toml")
	h.Run("systemctl", "enable", "--now", "mailallow.timer")
	h.Run("systemctl", "start", "mailallow.service")
	access, state := h.Read("/etc/mail/access"), h.Read("/var/lib/mailallow/maps.json")
	if !strings.Contains(access, "Connect:192.0.2\tRELAY\n") {
		t.Errorf("installed was:\n%s", access)
	}
	kept := func(what string) {
		t.Helper()
		if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/var/lib/mailallow/maps.json") != state || h.Read("/etc/mail/access") != access {
			t.Errorf("the %s has changed the configuration, the state or the list", what)
		}
	}
	fixtures.All(t)

	since := []string{"systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", "mailallow.timer"}
	before := h.Run(since...)
	h.Write("/root/next.rpm", read(t, build(t, "rpm", "VERSION=1.0.1")), 0o644)
	h.rpm("-U", "/root/next.rpm")
	h.is("mailallow-1.0.1-1.x86_64", "rpm", "--query", "mailallow")
	h.timer("enabled active")
	if h.Run(since...) == before {
		t.Error("the timer was not restarted, and would keep its old times")
	}
	kept("upgrade")

	h.fetching()
	h.says(h.rpm("-e", "mailallow"), "install the package again and run 'mailallow remove'; or delete the lines")
	h.gone("/usr/bin/mailallow", "/usr/lib/systemd/system/mailallow.service", "/usr/share/doc/mailallow", "/usr/share/licenses/mailallow",
		"/etc/systemd/system/timers.target.wants/mailallow.timer")
	h.quiet()
	kept("removal")
	h.is("", "systemctl", "list-units", "--state=failed", "--no-legend")

	h.rpm("-i", "/root/now.rpm")
	h.timer("disabled inactive")
	kept("new installation")
	h.Run("mailallow", "remove")
	if strings.Contains(h.Read("/etc/mail/access"), "BEGIN mailallow") {
		t.Error("remove has left the list")
	}

	if h.Read("/root/now.rpm") != read(t, build(t, "rpm", "VERSION=1.0.0")) {
		t.Error("two builds of one commit differ")
	}
}
