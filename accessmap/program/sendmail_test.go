package program

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mailallow/fixtures"
)

// TestOfSendmail finds Sendmail's own programs among those of others, as systems lay them out.
func TestOfSendmail(t *testing.T) {
	for _, row := range []struct {
		name  string
		files []string          // programs
		links map[string]string // to what
		dirs  []string
		want  string // of the search for makemap; empty: none
	}{
		{"alone", []string{"sbin/makemap"}, nil, []string{"sbin"}, "sbin/makemap"},
		{"the first folder counts", []string{"a/makemap", "b/makemap"}, nil, []string{"a", "b"}, "a/makemap"},
		{"Enterprise Linux with Sendmail", []string{"sbin/makemap.sendmail"}, map[string]string{"sbin/makemap": "alternatives/makemap", "alternatives/makemap": "sbin/makemap.sendmail"},
			[]string{"sbin"}, "sbin/makemap.sendmail"},
		{"Enterprise Linux with OpenSMTPD chosen", []string{"sbin/makemap.sendmail", "sbin/makemap.opensmtpd"},
			map[string]string{"sbin/makemap": "alternatives/makemap", "alternatives/makemap": "sbin/makemap.opensmtpd"}, []string{"sbin"}, "sbin/makemap.sendmail"},
		{"OpenSMTPD", []string{"sbin/smtpctl"}, map[string]string{"sbin/makemap": "sbin/smtpctl"}, []string{"sbin"}, ""},
		{"OpenBSD with the port", []string{"sbin/mailwrapper", "local/libexec/sendmail/makemap"}, map[string]string{"sbin/makemap": "sbin/mailwrapper"},
			[]string{"sbin", "local/libexec/sendmail"}, "local/libexec/sendmail/makemap"},
		{"Debian", []string{"libexec/makemap"}, map[string]string{"sbin/makemap": "libexec/makemap"}, []string{"sbin"}, "sbin/makemap"},
		{"a link to nothing", nil, map[string]string{"sbin/makemap": "gone/makemap"}, []string{"sbin"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			t.Setenv("PATH", "relative")
			at := func(path string) string { return filepath.Join(root, path) }
			for _, file := range row.files {
				if err := os.MkdirAll(filepath.Dir(at(file)), 0o755); err != nil {
					t.Fatal(err)
				}
				fixtures.WriteFile(t, at(file), "#!/bin/sh\n")
				if err := os.Chmod(at(file), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for from, to := range row.links {
				if err := errors.Join(os.MkdirAll(filepath.Dir(at(from)), 0o755), os.Symlink(at(to), at(from))); err != nil {
					t.Fatal(err)
				}
			}
			var dirs []string
			for _, dir := range row.dirs {
				dirs = append(dirs, at(dir))
			}
			got, err := findOfSendmail("makemap", append(dirs, SearchPath()...))
			switch {
			case row.want == "" && !errors.Is(err, exec.ErrNotFound):
				t.Errorf("%q, %v", got, err)
			case row.want != "" && got != at(row.want):
				t.Errorf("%q, %v; want %s", got, err, row.want)
			}
		})
	}
}
