//go:build linux

package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestOpenSMTPD: the lines of consumers.md are a configuration to OpenSMTPD itself.
func TestOpenSMTPD(t *testing.T) {
	smtpd := filepath.Join(fixtures.PartsFolder(), "opensmtpd/usr/sbin/smtpd")
	if _, err := os.Stat(smtpd); err != nil || os.Getuid() != 0 {
		t.Skip("no OpenSMTPD here, which `make bench` fetches, or no root, which it wants to be started by")
	}
	dir := t.TempDir()
	for _, text := range readPage(t, "docs/consumers.md").of("text") {
		if !strings.Contains(text, "table mailallow file:") {
			continue
		}
		for _, name := range []string{"mailallow.cidr", "mailallow-relay.cidr"} {
			fixtures.WriteFile(t, filepath.Join(dir, name), "192.0.2.0/24\n2001:db8::/32\n")
		}
		config := filepath.Join(dir, "smtpd.conf")
		fixtures.WriteFile(t, config, strings.ReplaceAll(text, "/etc/mail", dir))
		if out, err := exec.Command(smtpd, "-n", "-f", config).CombinedOutput(); err != nil {
			t.Errorf("smtpd -n: %v\n%s\n%s", err, out, text)
		}
		return
	}
	t.Error("consumers.md has no lines for smtpd.conf")
}
