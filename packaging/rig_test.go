//go:build linux

// Package packaging holds the units, the examples and what the packages are made of. The tests here build the packages and the
// archives, and install, upgrade and remove the packages on a host with a real systemd.
package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// build makes a package as people do and returns its path.
func build(t *testing.T, target string, variables ...string) string {
	t.Helper()
	dist := makes(t, target, variables...)
	packages, err := filepath.Glob(filepath.Join(dist, "*"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("make %s left %q", target, packages)
	}
	return packages[0]
}

// makes runs make and returns the folder of what it made.
func makes(t *testing.T, target string, variables ...string) (dist string) {
	t.Helper()
	fixtures.Sources(t)
	dist = t.TempDir()
	cmd := exec.Command("make", append([]string{"-C", "..", target, "DIST=" + dist}, variables...)...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "go install") {
			fixtures.Missing(t, "no nfpm here, and it could not be fetched:\n"+string(out))
		}
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
	return dist
}

// shared is the Debian package of the tests that do not build it themselves.
var shared struct {
	sync.Mutex
	deb string
}

// deb gives the Debian package, which is built once.
func deb(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.deb == "" {
		shared.deb = read(t, build(t, "deb"))
	}
	return shared.deb
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

// packageHost is a host on which packages are installed.
type packageHost struct {
	*host.Host
	t *testing.T
}

func newHost(t *testing.T) packageHost {
	h := packageHost{host.New(t), t}
	h.Run("rm", "-f", "/var/lib/man-db/auto-update") // no test needs an index of all manuals
	return h
}

// newServer is a host with Sendmail.
func newServer(t *testing.T) packageHost {
	h := newHost(t)
	h.Sendmail()
	h.Write("/etc/mail/access", "Connect:127.0.0.1\tRELAY\n", 0o640)
	return h
}

// is compares the output of a program with the one it must have.
func (h packageHost) is(want string, argv ...string) {
	h.t.Helper()
	out, _ := h.Try(argv...)
	if got := strings.Join(strings.Fields(out), " "); got != want {
		h.t.Errorf("%s: %q, want %q", strings.Join(argv, " "), got, want)
	}
}

// says wants the output of a removal to name the file in which the list stays, and the way to take it out.
func (h packageHost) says(output, way string) {
	h.t.Helper()
	for _, want := range []string{"mailallow: the list stays in force in these files, which the mail server reads:\n/etc/mail/access\n", way} {
		if !strings.Contains(output, want) {
			h.t.Errorf("it does not say %q:\n%s", want, output)
		}
	}
}

func (h packageHost) timer(want string) {
	h.t.Helper()
	h.is(want, "sh", "-c", "systemctl is-enabled mailallow.timer; systemctl is-active mailallow.timer")
}

func (h packageHost) gone(paths ...string) {
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

// fetching starts a run that waits for its fetch, as for a resolver that does not answer.
func (h packageHost) fetching() {
	h.t.Helper()
	h.Write("/etc/systemd/system/mailallow-fetch.service.d/wait.conf", "[Service]\nExecStart=\nExecStart=sleep infinity\n", 0o644)
	h.Run("systemctl", "daemon-reload")
	h.Run("systemctl", "start", "--no-block", "mailallow.service")
	h.Run("sh", "-c", "until [ $(systemctl is-active mailallow-fetch.service) = activating ]; do sleep 0.1; done")
}

// quiet checks that no unit of the package is at work any more.
func (h packageHost) quiet() {
	h.t.Helper()
	h.is("", "systemctl", "list-units", "--state=active,activating,failed", "--no-legend", "mailallow*")
	h.Run("rm", "-r", "/etc/systemd/system/mailallow-fetch.service.d")
	h.Run("systemctl", "daemon-reload")
}
