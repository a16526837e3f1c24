package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// debianCF gives the sendmail.cf that Debian makes of the sendmail.mc in its package.
func debianCF(t *testing.T) string {
	t.Helper()
	return stockCF(t, filepath.Join(fixtures.Need(t, "sendmail-cf", fixtures.FindParts().CF), "debian/sendmail.mc"))
}

// stockCF makes a sendmail.cf of a sendmail.mc with m4, as the system does on which the file is. It takes the .cf sources from
// Debian's package, whose files name each other by the path at which they are installed.
func stockCF(t *testing.T, mc string) string {
	t.Helper()
	m4, err := exec.LookPath("m4")
	if err != nil {
		fixtures.Missing(t, "no m4 here: `make parts` installs it")
	}
	from, dir := fixtures.Need(t, "sendmail-cf", fixtures.FindParts().CF), t.TempDir()+"/"
	// What update_sendmail writes into /etc/mail/m4 at the installation is empty on a host without a dial-up line.
	here := strings.NewReplacer("/usr/share/sendmail/cf/", dir, "include(`/etc/mail/m4/", "sinclude(`/etc/mail/m4/")
	err = fs.WalkDir(os.DirFS(from), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), []byte(here.Replace(fixtures.ReadFile(t, filepath.Join(from, name)))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(m4, "-D_CF_DIR_="+dir, "-")
	cmd.Stdin = strings.NewReader(here.Replace(fixtures.ReadFile(t, mc)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cf, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("m4 %s: %v\n%s", mc, err, stderr.Bytes())
	}
	return string(cf)
}
