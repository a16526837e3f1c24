//go:build linux

package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// next makes the package of a later version, with another example and another timer.
func (h packageHost) nextDeb() {
	h.t.Helper()
	h.Run("dpkg-deb", "-R", "/root/now.deb", "/root/next")
	for path, edit := range map[string][2]string{
		"/root/next/DEBIAN/control":                                  {"Version: ", "Version: 1:"},
		"/root/next/usr/share/doc/mailallow/examples/mailallow.toml": {"# mailallow:", "# A new mailallow:"},
		"/root/next/usr/share/doc/mailallow/examples/cron/mailallow": {"# Keeps", "# It keeps"},
		"/root/next/usr/lib/systemd/system/mailallow.timer":          {"OnCalendar=hourly", "OnCalendar=daily"},
	} {
		h.Write(path, strings.Replace(h.Read(path), edit[0], edit[1], 1), 0o644)
	}
	h.Run("rm", "/root/next/DEBIAN/conffiles") // nfpm writes an empty line, which dpkg passes over and dpkg-deb refuses
	h.Run("dpkg-deb", "-Znone", "-b", "/root/next", "/root/next.deb")
}

// TestDeb is the life of a Debian package, and at the end a second build of it, which must give the same bytes.
func TestDeb(t *testing.T) {
	t.Parallel()
	h := newServer(t)
	h.Write("/root/now.deb", deb(t), 0o644)

	h.Run("dpkg", "-i", "/root/now.deb")
	h.is("", "dpkg", "--verify", "mailallow")
	h.is("/usr/share/man/man1/mailallow.1.gz /usr/share/man/man5/mailallow.toml.5.gz", "man", "-w", "mailallow", "mailallow.toml")
	h.is("", "systemd-analyze", "verify", "mailallow.timer", "mailallow.service", "mailallow-fetch.service")
	h.timer("disabled inactive")
	h.gone("/etc/mailallow/mailallow.toml", "/etc/cron.d/mailallow", "/var/lib/mailallow")
	h.is("", "sh", "-c", "dpkg-query -W -f '${Conffiles}' mailallow")
	h.Run("systemctl", "start", "mailallow.service") // does nothing without a configuration

	h.Write("/etc/mailallow/mailallow.toml", config, 0o644)
	h.Run("systemctl", "enable", "--now", "mailallow.timer")
	h.Run("systemctl", "start", "mailallow.service")
	h.timer("enabled active")
	access := h.Read("/etc/mail/access")
	if !strings.Contains(access, "Connect:192.0.2\tRELAY\n") {
		t.Errorf("installed was:\n%s", access)
	}
	fixtures.All(t)

	h.testCron()
	state := h.Read("/var/lib/mailallow/maps.json")

	h.nextDeb()
	h.Run("dpkg", "-i", "/root/next.deb") // nobody answers a question
	h.timer("enabled active")
	h.is("{ OnCalendar=*-*-* 00:00:00 ;", "sh", "-c", "systemctl show --value -p TimersCalendar mailallow.timer | sed 's/ next_elapse.*//'")
	if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/var/lib/mailallow/maps.json") != state {
		t.Error("the upgrade has changed the configuration or the state")
	}

	h.fetching()
	h.says(h.Run("dpkg", "-r", "mailallow"), "install the package again and run 'mailallow remove'; or delete the lines")
	h.gone("/usr/bin/mailallow", "/usr/lib/systemd/system/mailallow.service")
	if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/var/lib/mailallow/maps.json") != state {
		t.Error("the removal has changed the configuration or the state")
	}
	h.quiet()

	h.Run("dpkg", "-i", "/root/next.deb")
	h.timer("enabled inactive")

	h.says(h.Run("dpkg", "-P", "mailallow"), "To take it out: delete the lines from '# BEGIN mailallow' to '# END mailallow'")
	h.gone("/etc/mailallow", "/etc/cron.d/mailallow", "/var/lib/mailallow", "/var/lib/systemd/timers/stamp-mailallow.timer",
		"/etc/systemd/system/timers.target.wants/mailallow.timer", "/etc/systemd/system/mailallow.timer")
	if h.Read("/etc/mail/access") != access {
		t.Error("the purge has changed the access file")
	}
	h.is("", "systemctl", "list-units", "--state=failed", "--no-legend")

	if h.Read("/root/now.deb") != read(t, build(t, "deb")) {
		t.Error("two builds of one commit differ")
	}
}

// testCron runs the line of the cron file as cron does, with systemd on the host and without.
func (h packageHost) testCron() {
	h.t.Helper()
	h.Run("cp", "/usr/share/doc/mailallow/examples/cron/mailallow", "/etc/cron.d")
	file := h.Read("/etc/cron.d/mailallow")
	line := regexp.MustCompile(`(?m)^#(?:\S+ ){5}root (.*)$`).FindStringSubmatch(file)
	path := regexp.MustCompile(`(?m)^PATH=(.*)$`).FindStringSubmatch(file)
	if line == nil || path == nil || regexp.MustCompile(`(?m)^[^#P\n]`).MatchString(file) {
		h.t.Fatalf("the cron file has a line at work, or none to take the # off:\n%s", file)
	}
	h.Write("/root/line", line[1]+"\n", 0o644)
	h.Write("/root/bin/sleep", "#!/bin/sh\necho \"$1\" >/root/slept\n", 0o755)
	h.Run("rm", "-f", "/usr/bin/shuf") // FreeBSD has none
	run := []string{"env", "-i", "PATH=/root/bin:" + path[1], "sh", "/root/line"}
	h.Write("/etc/mail/access", strings.ReplaceAll(h.Read("/etc/mail/access"), "Connect:192.0.2\tRELAY\n", ""), 0o640)
	before := h.Read("/etc/mail/access")
	h.is("", run...)
	if h.Read("/etc/mail/access") != before {
		h.t.Error("cron's line is at work although systemd runs")
	}
	h.is("", append([]string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs none /run/systemd && "$@"`, "sh"}, run...)...)
	if !strings.Contains(h.Read("/etc/mail/access"), "Connect:192.0.2\t") {
		h.t.Error("cron's line has not put the list right")
	}
	if slept, err := strconv.Atoi(strings.TrimSpace(h.Read("/root/slept"))); err != nil || slept < 0 || slept > 1800 {
		h.t.Errorf("it waited %q seconds", h.Read("/root/slept"))
	}
}

// ownsConfig is the commit whose package owned the configuration and the cron file as conffiles.
const ownsConfig = "e7bb499"

// TestDebUpgradesFromConffiles installs over the package of that commit, whose files were edited. dpkg asks nothing, and both
// files stay.
func TestDebUpgradesFromConffiles(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	old := t.TempDir()
	if out, err := exec.Command("sh", "-c", "git -C .. archive "+ownsConfig+" | tar -x -C "+old).CombinedOutput(); err != nil {
		t.Skipf("this checkout has no commit %s: %v\n%s", ownsConfig, err, out)
	}
	nfpm, err := filepath.Glob("../bin/nfpm-*")
	if err != nil || len(nfpm) == 0 {
		fixtures.Missing(t, "no nfpm in bin: `make deb` fetches it")
	}
	tool, err := filepath.Abs(nfpm[0])
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(old, "packaging/debian/build.sh"), tool, "0.0.1", filepath.Join(old, "dist"))
	command.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("the package of %s: %v\n%s", ownsConfig, err, out)
	}
	packages, err := filepath.Glob(filepath.Join(old, "dist/*.deb"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages %q", packages)
	}
	h := newServer(t)
	h.Write("/root/old.deb", read(t, packages[0]), 0o644)
	h.Write("/root/now.deb", read(t, build(t, "deb")), 0o644)
	h.Run("dpkg", "-i", "/root/old.deb")
	cron := strings.Replace(h.Read("/etc/cron.d/mailallow"), "\n#17 ", "\n23 ", 1)
	h.Write("/etc/cron.d/mailallow", cron, 0o644)
	h.Write("/etc/mailallow/mailallow.toml", config, 0o644)
	h.Run("systemctl", "enable", "--now", "mailallow.timer")

	out := h.Run("dpkg", "-i", "/root/now.deb")
	if strings.Contains(out, "Configuration file") {
		t.Errorf("dpkg asks:\n%s", out)
	}
	if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/etc/cron.d/mailallow") != cron || !strings.Contains(cron, "\n23 ") {
		t.Error("the upgrade has changed what the administrator wrote")
	}
	h.gone("/etc/mailallow/mailallow.toml.dpkg-old", "/etc/mailallow/mailallow.toml.dpkg-dist", "/etc/mailallow/mailallow.toml.dpkg-bak")
	h.timer("enabled active")
	h.Run("systemctl", "start", "mailallow.service")
	if access := h.Read("/etc/mail/access"); !strings.Contains(access, "Connect:192.0.2\tRELAY\n") {
		t.Errorf("installed was:\n%s", access)
	}
	h.Run("dpkg", "-P", "mailallow")
	h.gone("/etc/mailallow", "/etc/cron.d/mailallow")
}
