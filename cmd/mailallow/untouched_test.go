//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// TestNothingTouched follows the system calls of runs that have nothing to do, with all providers: they start no program, and change
// no file but the locks of an update, which tell a later run whose they are.
func TestNothingTouched(t *testing.T) {
	program := fixtures.Mailallow(t)
	config, snapshot := everyProvider(t)
	dir := filepath.Dir(config)
	lock, shared := filepath.Join(dir, "state", "lock"), "/run/mailallow/"
	for _, command := range []string{"update", "diff"} {
		t.Run(command, func(t *testing.T) {
			read := map[string]bool{}
			ended := trace.Run(t, exec.Command(program, command, "-c", config, "--snapshot", snapshot), []string{dir, "/usr", "/run", fixtures.PartsFolder()}, func(c trace.Call) trace.Fate {
				read[c.Path] = read[c.Path] || c.Name == "read"
				switch locks := c.Path == lock || strings.HasPrefix(c.Path, shared) || c.Path+"/" == shared; {
				case c.Name == "execve" || c.Child:
					t.Errorf("starts %s", c.Path)
				case c.Changes && !(locks && command == "update"):
					t.Errorf("%s %s", c.Name, c.Path)
				}
				return trace.Fate{}
			})
			if ended.Code != 0 || !read[filepath.Join(dir, "access")] || !read[filepath.Join(dir, "mailallow.cidr")] {
				t.Errorf("exit code %d, stderr %q, read %v", ended.Code, ended.Stderr, read)
			}
		})
	}
}
