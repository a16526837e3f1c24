//go:build linux

// Package debian holds the files of the Debian package. The tests build it, and install, upgrade, remove and purge it on a
// host with a real systemd.
package debian

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// build makes the package as people do and returns its path.
func build(t *testing.T) string {
	t.Helper()
	fixtures.Sources(t)
	dist := t.TempDir()
	cmd := exec.Command("make", "-C", "../..", "deb", "DIST="+dist)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "go install") {
			fixtures.Missing(t, "no nfpm here, and it could not be fetched:\n"+string(out))
		}
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(dist, "*"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("make deb left %q", packages)
	}
	return packages[0]
}

const config = `
[[source]]
name = "offices"
cidr = ["192.0.2.0/24"]
action = "RELAY"

[[target]]
format = "sendmail-access"
path = "/etc/mail/access"
makemap = "/usr/libexec/sendmail/makemap"
`

// debianHost is a host with the package, and a later version of it.
type debianHost struct {
	*host.Host
	t *testing.T
}

func newHost(t *testing.T) debianHost {
	h := debianHost{host.New(t), t}
	h.Sendmail()
	h.Write("/etc/mail/access", "Connect:127.0.0.1\tRELAY\n", 0o640)
	h.Write("/root/now.deb", read(t, build(t)), 0o644)
	h.Run("rm", "-f", "/var/lib/man-db/auto-update") // the test needs no index of all manuals
	return h
}

// next makes the package of a later version, with another example and another timer.
func (h debianHost) next() {
	h.t.Helper()
	h.Run("dpkg-deb", "-R", "/root/now.deb", "/root/next")
	for path, edit := range map[string][2]string{
		"/root/next/DEBIAN/control":                         {"Version: ", "Version: 1:"},
		"/root/next/etc/mailallow/mailallow.toml":           {"# mailallow:", "# A new mailallow:"},
		"/root/next/usr/lib/systemd/system/mailallow.timer": {"OnCalendar=hourly", "OnCalendar=daily"},
	} {
		h.Write(path, strings.Replace(h.Read(path), edit[0], edit[1], 1), 0o644)
	}
	h.Run("dpkg-deb", "-Znone", "-b", "/root/next", "/root/next.deb")
}

// is compares the output of a program with the one it must have.
func (h debianHost) is(want string, argv ...string) {
	h.t.Helper()
	out, _ := h.Try(argv...)
	if got := strings.Join(strings.Fields(out), " "); got != want {
		h.t.Errorf("%s: %q, want %q", strings.Join(argv, " "), got, want)
	}
}

func (h debianHost) timer(want string) {
	h.t.Helper()
	h.is(want, "sh", "-c", "systemctl is-enabled mailallow.timer; systemctl is-active mailallow.timer")
}

func (h debianHost) gone(paths ...string) {
	h.t.Helper()
	for _, path := range paths {
		if _, err := os.Lstat(h.Path(path)); err == nil {
			h.t.Errorf("%s is still there", path)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPackage is the life of a package, and at the end a second build of it, which must give the same bytes.
func TestPackage(t *testing.T) {
	h := newHost(t)

	h.Run("dpkg", "-i", "/root/now.deb")
	h.is("", "dpkg", "--verify", "mailallow")
	h.is("/usr/share/man/man1/mailallow.1.gz /usr/share/man/man5/mailallow.toml.5.gz", "man", "-w", "mailallow", "mailallow.toml")
	h.is("", "systemd-analyze", "verify", "mailallow.timer", "mailallow.service", "mailallow-fetch.service")
	h.timer("disabled inactive")
	h.is("mailallow: /etc/mailallow/mailallow.toml: there is no [[target]] to write to: add one, or take the comment signs off one",
		"mailallow", "update")
	h.gone("/var/lib/mailallow")

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

	h.next()
	h.Run("dpkg", "--force-confdef", "--force-confold", "-i", "/root/next.deb")
	h.timer("enabled active")
	h.is("{ OnCalendar=*-*-* 00:00:00 ;", "sh", "-c", "systemctl show --value -p TimersCalendar mailallow.timer | sed 's/ next_elapse.*//'")
	if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/var/lib/mailallow/maps.json") != state {
		t.Error("the upgrade has changed the configuration or the state")
	}

	h.Run("dpkg", "-r", "mailallow")
	h.gone("/usr/bin/mailallow", "/usr/lib/systemd/system/mailallow.service")
	if h.Read("/etc/mailallow/mailallow.toml") != config || h.Read("/var/lib/mailallow/maps.json") != state {
		t.Error("the removal has changed the configuration or the state")
	}
	h.is("inactive", "systemctl", "is-active", "mailallow.timer")

	h.Run("dpkg", "--force-confold", "-i", "/root/next.deb")
	h.is("enabled", "systemctl", "is-enabled", "mailallow.timer")

	h.Run("dpkg", "-P", "mailallow")
	h.gone("/etc/mailallow", "/etc/cron.d/mailallow", "/var/lib/mailallow", "/var/lib/systemd/timers/stamp-mailallow.timer",
		"/etc/systemd/system/timers.target.wants/mailallow.timer", "/etc/systemd/system/mailallow.timer")
	if h.Read("/etc/mail/access") != access {
		t.Error("the purge has changed the access file")
	}
	h.is("", "systemctl", "list-units", "--state=failed", "--no-legend")

	if h.Read("/root/now.deb") != read(t, build(t)) {
		t.Error("two builds of one commit differ")
	}
}

// testCron runs the line of the cron file as cron does, with systemd on the host and without.
func (h debianHost) testCron() {
	h.t.Helper()
	file := h.Read("/etc/cron.d/mailallow")
	line := regexp.MustCompile(`(?m)^#(?:\S+ ){5}root (.*)$`).FindStringSubmatch(file)
	path := regexp.MustCompile(`(?m)^PATH=(.*)$`).FindStringSubmatch(file)
	if line == nil || path == nil || regexp.MustCompile(`(?m)^[^#P\n]`).MatchString(file) {
		h.t.Fatalf("the cron file has a line at work, or none to take the # off:\n%s", file)
	}
	h.Write("/root/line", line[1]+"\n", 0o644)
	h.Write("/root/bin/sleep", "#!/bin/sh\necho \"$1\" >/root/slept\n", 0o755)
	run := []string{"env", "-i", "PATH=/root/bin:" + path[1], "sh", "/root/line"}
	h.Write("/etc/mail/access", strings.ReplaceAll(h.Read("/etc/mail/access"), "Connect:192.0.2\t", "Connect:192.0.3\t"), 0o640)
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
