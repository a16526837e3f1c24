package metrics

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// Each command replaces its own metrics, and keeps those of the other and nothing else.
func TestWrite(t *testing.T) {
	s := &config.Settings{MetricsFile: filepath.Join(t.TempDir(), "m.prom")}
	write := func(owner, name string) string {
		m := New()
		m.Gauge(name, "A test.", "label")(1, "x")
		m.Write(terminal.New(nil, nil, io.Discard, io.Discard), s, owner)
		text, err := os.ReadFile(s.MetricsFile)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			if name, _, found := strings.Cut(line, "{"); found && !strings.HasPrefix(line, "#") {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	}
	for _, step := range []struct{ owner, name, before, want string }{
		{Update, "mailallow_one", "", "mailallow_one"},
		{DNSBL, "mailallow_dnsbl_one", "", "mailallow_dnsbl_one mailallow_one"},
		{Update, "mailallow_two", "", "mailallow_two mailallow_dnsbl_one"},
		{DNSBL, "mailallow_dnsbl_two", "", "mailallow_dnsbl_two mailallow_two"},
		{DNSBL, "mailallow_dnsbl_one", "other{a=\"b\"} 1\nmailallow_three{a=\"b\"} 1\n", "mailallow_dnsbl_one mailallow_three"},
		{Update, "mailallow_one", "no metrics at all {", "mailallow_one"},
	} {
		if step.before != "" {
			if err := os.WriteFile(s.MetricsFile, []byte(step.before), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := write(step.owner, step.name); got != step.want {
			t.Errorf("after %s there are %q, want %q", step.name, got, step.want)
		}
	}
}

// A process that starts meanwhile has the locked directory open, too, until it executes its program, and the next command does not
// wait for that.
func TestNoLockStays(t *testing.T) {
	s := &config.Settings{StateDir: t.TempDir(), MetricsFile: filepath.Join(t.TempDir(), "m.prom")}
	dir, err := os.Open(s.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	fixtures.KeepForking(t)
	for range 300 {
		if err := New().write(s, Update); err != nil {
			t.Fatal(err)
		}
		if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			t.Fatalf("the lock stayed: %v", err)
		}
		if err := unix.Flock(int(dir.Fd()), unix.LOCK_UN); err != nil {
			t.Fatal(err)
		}
	}
}
