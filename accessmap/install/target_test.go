package install

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailallow/fixtures"
)

// probeRig is a rig in a directory that Sendmail finds safe, with a sendmail.cf that names the access file.
func probeRig(t *testing.T) (r *rig, job func(text, key, value string) Job) {
	t.Helper()
	r = newRig(t)
	r.makemap = filepath.Join(fixtures.Programs(t, ""), "makemap") // beside a sendmail that answers at once
	r.dir = fixtures.SafeDir(t)
	r.path = filepath.Join(r.dir, "access")
	cf := fixtures.NewRules(t, fixtures.RulesOptions{Access: r.path}).CF()
	return r, func(text, key, value string) Job {
		j := r.job(text)
		j.SendmailCF, j.ProbeKey, j.ProbeValue = cf, key, value
		return j
	}
}

func TestInstallAsksSendmail(t *testing.T) {
	r, job := probeRig(t)
	if report := r.install(job("Connect:1.2.3\tOK\n", "Connect:1.2.3", "OK")); len(report.Warnings) > 0 {
		t.Errorf("warnings %q", report.Warnings)
	}
	r.holds("Connect:1.2.3\tOK\n")

	r.fails([]Job{job("Connect:1.2.3\tRELAY\n", "Connect:1.2.3", "OK")}, `/map access Connect:1.2.3 answers "RELAY" instead of "OK"`)
	r.fails([]Job{job("Connect:1.2.3\tRELAY\n", "Connect:9", "RELAY")}, `answers no match instead of "RELAY"`)
	r.holds("Connect:1.2.3\tOK\n")

	if err := os.Chmod(r.dir, 0o775); err != nil {
		t.Fatal(err)
	}
	r.fails([]Job{job("Connect:1.2.3\tRELAY\n", "", "")}, "group-writable directory", "chmod g-w")
}

// A map that Sendmail would call unsafe is found before anything is replaced.
func TestInstallMapOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "needs root to make a map another user's")
	}
	r, job := probeRig(t)
	r.install(job("a OK\n", "", ""))
	if err := os.Chown(r.path+".db", 12, 34); err != nil {
		t.Fatal(err)
	}
	r.fails([]Job{job("b OK\n", "", "")}, "access.db: a map with owner 12:34 and mode 0640 is unsafe to Sendmail")
}

// A Sendmail that cannot answer is a warning; one that answers wrongly is an error. Postfix's sendmail refuses -bt.
func TestInstallCannotAsk(t *testing.T) {
	r, job := probeRig(t)
	script := "#!/bin/sh\necho 'sendmail: fatal: unsupported: -bt' >&2\nexit 64\n"
	fixtures.Write(t, filepath.Join(filepath.Dir(r.makemap), "sendmail"), script, 0o755)
	report := r.install(job("a OK\n", "a", "RELAY"))
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "could not be asked") {
		t.Errorf("warnings %q", report.Warnings)
	}
	r.holds("a OK\n")
}

// unprivileged names the directory in which TestUnprivileged runs as nobody.
const unprivileged = "MAILALLOW_TEST_UNPRIVILEGED"

// A user who owns target and directory can install without root. For another file the error names it.
func TestUnprivileged(t *testing.T) {
	if dir := os.Getenv(unprivileged); dir != "" {
		asNobody(t, dir)
		return
	}
	if os.Geteuid() != 0 {
		asNobody(t, t.TempDir())
		return
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "mailallow-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "test")
	fixtures.WriteFile(t, program, string(binary))
	fixtures.WriteFile(t, filepath.Join(dir, "roots"), "a\n")
	// The user nobody may not be able to read the checkout, with the real makemap in it.
	parts := filepath.Join(dir, "parts", "sendmail", "usr", "libexec", "sendmail")
	for _, folder := range []string{filepath.Join(dir, "closed"), parts} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	makemap, err := os.ReadFile(fixtures.Makemap(t))
	if err != nil {
		t.Fatal(err)
	}
	fixtures.Write(t, filepath.Join(parts, "makemap"), string(makemap), 0o755)
	fixtures.WriteFile(t, filepath.Join(dir, "closed", "cidr"), "a\n")
	for path, mode := range map[string]os.FileMode{dir: 0o755, program: 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestUnprivileged$")
	cmd.Env = append(os.Environ(), unprivileged+"="+dir, "TMPDIR="+dir, "MAILALLOW_PARTS="+filepath.Join(dir, "parts"))
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func asNobody(t *testing.T, dir string) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	r.install(r.job("b OK\n"))
	r.holds("b OK\n")

	closed := filepath.Join(dir, "closed", "cidr")
	if _, err := os.Stat(closed); err != nil {
		return // not started by root
	}
	before := r.listing()
	jobs := []Job{r.job("c OK\n"), r.jobAt(closed, "", "b\n"), r.jobAt(filepath.Join(dir, "roots"), "", "b\n")}
	report, err := Install(t.Context(), r.state, jobs, nil)
	r.refused(before, report, err, closed+": ", "permission denied", "run it as root or as the user who owns the files and their directories",
		filepath.Join(dir, "roots")+": its owner 0:0 cannot be kept")
}
