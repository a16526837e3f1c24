//go:build linux

package packaging

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestAnsible plays the example of the role on a host with systemd and Postfix, as it is and with a package, a reviewed snapshot and
// the timer: in check mode, for real, a second time, and then as the timer does.
func TestAnsible(t *testing.T) {
	fixtures.All(t)
	if err := exec.Command("/usr/bin/python3", "-c", "import apt").Run(); err != nil {
		fixtures.Missing(t, "no python3-apt here: `make parts` installs it")
	}
	h := newServer(t)
	h.Postfix()
	h.Run("postconf", "-e", "smtpd_client_restrictions = check_client_access cidr:/etc/postfix/mailallow.cidr")
	h.Write("/root/mailallow.deb", read(t, build(t, "deb")), 0o644)
	h.Write("/root/mailallow", read(t, fixtures.Mailallow(t)), 0o755)
	h.playbook()

	check := h.play("--check", "--diff")
	for _, part := range []string{"mailallow is not on the host yet", `+provider = "google"`, `+url = "snapshot.json"`} {
		if !strings.Contains(check, part) {
			t.Errorf("check mode shows no %q\n%s", part, check)
		}
	}
	h.gone("/etc/mailallow/mailallow.toml", "/etc/postfix/mailallow.cidr", "/usr/bin/mailallow")

	h.changes("the first run", true)
	h.timer("enabled active")
	cidr := h.Read("/etc/postfix/mailallow.cidr")
	if !strings.Contains(cidr, "74.125.0.0/16\tpermit") || !strings.Contains(h.Read("/etc/mail/access"), "Connect:192.0.2.0\tRELAY\n") {
		t.Errorf("the list was not installed:\n%s", cidr)
	}
	if log := h.Run("journalctl", "--no-pager"); !strings.Contains(log, "refreshing the Postfix mail system") {
		t.Error("on_change did not reload Postfix")
	}
	h.changes("the second run", false)
	if out := h.play("--check"); !strings.Contains(out, "changed=0 ") {
		t.Errorf("check mode after it:\n%s", out)
	}
	h.Run("sed", "-i", "/permit/d", "/etc/postfix/mailallow.cidr")
	h.Run("systemctl", "start", "mailallow.service")
	if got := h.Read("/etc/postfix/mailallow.cidr"); got != cidr {
		t.Errorf("the timer's run has installed something else than the snapshot:\n%s", got)
	}
}

// playbook lays the role and the example out as the page says, with an inventory of this host, and fetches the snapshot. Then the DNS
// has other ranges.
func (h packageHost) playbook() {
	h.t.Helper()
	if err := os.CopyFS(h.Path("/root/roles"), os.DirFS("ansible/roles")); err != nil {
		h.t.Fatal(err)
	}
	h.Write("/root/site.yml", read(h.t, "ansible/example.yml"), 0o644)
	h.Write("/root/inventory", "[mailservers]\nmx1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n", 0o644)
	h.Write("/root/fetch.toml", "[[source]]\nname = \"google\"\nprovider = \"google\"\naction = \"OK\"\n", 0o644)
	dns := h.DNS("google-2026.zone")
	h.Run("/root/mailallow", "fetch", "-c", "/root/fetch.toml", "-o", "/root/reviewed.json")
	dns.Set(`_spf.google.com TXT "v=spf1 ip4:192.0.2.0/24 -all"`)
}

// play runs the example with a package, a snapshot and the timer.
func (h packageHost) play(flags ...string) (output string) {
	h.t.Helper()
	return h.Run(append([]string{"env", "ANSIBLE_NOCOLOR=1", "HOME=/root", "ansible-playbook", "-i", "/root/inventory", "/root/site.yml",
		"-e", "mailallow_deb=/root/mailallow.deb", "-e", "mailallow_snapshot=/root/reviewed.json", "-e", `{"mailallow_timer": true}`}, flags...)...)
}

func (h packageHost) changes(when string, want bool) {
	h.t.Helper()
	out := h.play()
	if changed := !regexp.MustCompile(`changed=0 `).MatchString(out); changed != want {
		h.t.Errorf("%s: changed %v, want %v\n%s", when, changed, want, out)
	}
}
