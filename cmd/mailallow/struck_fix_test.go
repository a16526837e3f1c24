//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// fixable is a hand-written line that lint --fix puts right, and the lines that it becomes.
const fixable, put = "192.0.3.0/31\tOK\n", "Connect:192.0.3.0\tOK\nConnect:192.0.3.1\tOK\n"

// newFix makes a host with an installed list and a line to put right before it, and gives the command and the text after it.
func newFix(t *testing.T) (s *struck, want string) {
	t.Helper()
	s = newStruck(t, fixtures.Mailallow(t))
	s.args = []string{"lint", "--fix", s.path(struckText)}
	return s, s.unfixed()
}

// unfixed writes the line to put right, and gives the text after it.
func (s *struck) unfixed() (want string) {
	s.t.Helper()
	args := s.args
	s.args = nil
	s.begin(true)
	s.args = args
	text := s.now()[struckText]
	s.write(struckText, fixable+text)
	s.holds()
	return put + text
}

// fixed wants the file put right by the next lint --fix, and no other file beside it and in the state directory.
func (s *struck) fixed(want string) {
	s.t.Helper()
	out, err := s.command().CombinedOutput()
	var ended *exec.ExitError
	if err != nil && (!errors.As(err, &ended) || ended.ExitCode() != exit.Finding) { // the map is older than its text now
		s.t.Errorf("lint --fix: %v\n%s", err, out)
	}
	if got := s.now(); got[struckText] != want || got[struckMap] != s.old[struckMap] {
		s.t.Errorf("fixed: %q, want %q", got[struckText], want)
	}
	s.nothingElse()
}

// TestSoakFixKilled kills lint --fix at its first change of a file, at its second, and so on until it ends. After that the text
// is wholly old or wholly new, and the next lint --fix, or update, finishes its work and leaves no other file.
func TestSoakFixKilled(t *testing.T) {
	t.Parallel()
	s, want := newFix(t)
	calls := s.traced(func(trace.Call) trace.Fate { return trace.Fate{} }).Calls
	s.fixed(want)
	s.unfixed()
	s.killedAt(calls, func(changed int) {
		if text := s.now()[struckText]; text != want && text != s.old[struckText] {
			t.Errorf("neither old nor new: %q", text)
		}
		if changed%2 == 0 {
			s.fixed(want)
		} else {
			text := s.now()[struckText]
			args := s.args
			s.args = nil
			s.update()
			s.args = args
			if got := s.now()[struckText]; got != text {
				t.Errorf("the update made %q of %q", got, text)
			}
			s.nothingElse()
		}
		s.unfixed()
	})
}

// TestSoakFixFails makes each change of a file that lint --fix does fail: the text is as it was, lint says so and ends with 5, or it is
// put right.
func TestSoakFixFails(t *testing.T) {
	t.Parallel()
	s, want := newFix(t)
	skip := fixtures.Rounds(6, 1)
	for n := 1 + fixtures.Random(t).IntN(skip); ; n += skip {
		changes := 0
		ended := s.traced(func(c trace.Call) trace.Fate {
			if isChange(c) {
				if changes++; changes == n {
					return trace.Fate{Errno: syscall.ENOSPC}
				}
			}
			return trace.Fate{}
		})
		if changes < n {
			break
		}
		switch text := s.now()[struckText]; {
		case text == s.old[struckText]:
			if ended.Code != exit.Install || !strings.Contains(ended.Stderr, "nothing was changed") || !strings.Contains(ended.Stderr, "no space left on device") {
				t.Fatalf("change %d: exit code %d: %s", n, ended.Code, ended.Stderr)
			}
		case text != want:
			t.Fatalf("change %d: %q", n, text)
		}
		s.fixed(want)
		s.unfixed()
	}
}

// Several at once: each waits for the others, or says that another is at work, and the file is put right once.
func TestFixTogether(t *testing.T) {
	t.Parallel()
	for _, timeout := range []string{"1h", "0s"} {
		s, want := newFix(t)
		s.args = slices.Insert(s.args, 2, "--lock-timeout", timeout)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				out, err := s.command().CombinedOutput()
				var ended *exec.ExitError
				switch {
				case !errors.As(err, &ended): // done
				case ended.ExitCode() == exit.Finding: // the map is older than its text
				case timeout == "0s" && ended.ExitCode() == exit.Install && strings.Contains(string(out), "locked by "):
				default:
					t.Errorf("--lock-timeout %s: %v\n%s", timeout, err, out)
				}
			})
		}
		all.Wait()
		s.fixed(want)
	}
}

// A user who may not write to the state directory keeps journal and lock in one of their own.
func TestFixAsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "the user of the test is not root; run the tests as root")
	}
	const user = 64982
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(dir, "home")
	path := filepath.Join(home, "access")
	if err := errors.Join(os.Mkdir(home, 0o755), os.WriteFile(path, []byte(fixable), 0o644), os.Chown(home, user, user), os.Chown(path, user, user)); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "mailallow")
	if out, err := exec.Command("cp", fixtures.Mailallow(t), program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fix := func(env ...string) (string, error) {
		cmd := exec.Command(program, "lint", "--fix", path)
		cmd.Env = append(env, "PATH=/usr/bin:/bin")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := fix(); err == nil || !strings.Contains(out, "/var/lib/mailallow") || !strings.Contains(out, "permission denied") || fixtures.ReadFile(t, path) != fixable {
		t.Errorf("without a home: %v: %s", err, out)
	}
	if out, err := fix("HOME=" + home); err != nil || fixtures.ReadFile(t, path) != put {
		t.Errorf("%v: %s", err, out)
	}
	if entries, err := os.ReadDir(filepath.Join(home, ".local/state/mailallow")); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v: want lock and maps.json", entries, err)
	}
}
