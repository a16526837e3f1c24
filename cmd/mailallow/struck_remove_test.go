//go:build linux

package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// newRemoval makes a host with an installed list beside a hand-written line, and the command that takes it out. The table becomes
// empty where stays is true, because there is no main.cf; else it goes, because there is one that does not name it.
func newRemoval(t *testing.T, stays bool) *struck {
	t.Helper()
	s := newStruck(t, fixtures.Mailallow(t))
	s.args = []string{"remove", "--quiet"}
	if !stays {
		s.check(os.MkdirAll(s.path("etc/postfix"), 0o755))
		s.write("etc/postfix/main.cf", "")
		s.args = append(s.args, "--root", s.dir)
	}
	s.installed()
	return s
}

// installed installs the list, and notes the files.
func (s *struck) installed() {
	s.t.Helper()
	args := s.args
	s.args = nil
	s.begin(true)
	s.args = args
}

// removedFiles are the files without the list.
var removedFiles = files{struckText: "Connect:localhost\tRELAY\n", struckMap: "connect:localhost\tRELAY\n", struckTable: ""}

// removed wants the next remove to take out everything that is left of the list, and to leave no other file.
func (s *struck) removed() {
	s.t.Helper()
	s.update() // of s.args
	if got := s.now(); !maps.Equal(got, removedFiles) {
		s.t.Errorf("removed: %q, want %q", got, removedFiles)
	}
	if _, err := os.Lstat(s.path(struckTable)); slices.Contains(s.args, "--root") != errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("the table: %v", err)
	}
	for _, name := range []string{"mail", "postfix", "state"} {
		out, err := exec.Command("find", s.path(name), "-name", ".*").Output()
		s.check(err)
		if len(out) > 0 {
			s.t.Errorf("there are temporary files:\n%s", out)
		}
	}
	s.touched()
}

// TestSoakRemoveKilled kills remove at its first change of a file, at its second, and so on until it ends. After that every file
// is wholly as it was or without the list, and the next remove, or the next update, finishes its own work.
func TestSoakRemoveKilled(t *testing.T) {
	t.Parallel()
	for _, stays := range []bool{true, false} {
		s := newRemoval(t, stays)
		calls := s.traced(func(trace.Call) trace.Fate { return trace.Fate{} }).Calls
		s.removed()
		s.installed()
		want := maps.Clone(s.old)
		s.killedAt(calls, func(changed int) {
			s.whole(removedFiles)
			if changed%2 == 0 {
				s.removed()
				s.installed()
				return
			}
			args := s.args
			s.args = nil
			s.healed(want)
			s.args = args
			s.holds()
		})
	}
}

// TestSoakRemoveFails makes each change of a file that remove does fail: everything is as it was, remove says so and ends with 5, or
// the list is out.
func TestSoakRemoveFails(t *testing.T) {
	t.Parallel()
	for _, stays := range []bool{true, false} {
		s := newRemoval(t, stays)
		skip := fixtures.Rounds(40, 1)
		for n := 1 + fixtures.Random(t).IntN(skip); ; n += skip {
			changes := 0
			errno := failures[n%len(failures)]
			ended := s.traced(func(c trace.Call) trace.Fate {
				if isChange(c) {
					if changes++; changes == n {
						return trace.Fate{Errno: errno}
					}
				}
				return trace.Fate{}
			})
			if changes < n {
				break
			}
			switch now := s.now(); {
			case maps.Equal(now, s.old):
				why := strings.Contains(strings.ToLower(ended.Stderr), errno.Error()) || strings.Contains(ended.Stderr, s.makemap) // which can crash
				if ended.Code != exit.Install || !why || !strings.Contains(ended.Stderr, "nothing was changed") {
					t.Fatalf("change %d: exit code %d: %s", n, ended.Code, ended.Stderr)
				}
			case !maps.Equal(now, removedFiles):
				t.Fatalf("change %d: %q\n%s", n, now, ended.Stderr)
			}
			s.removed()
			s.installed()
		}
	}
}

// Several at once, and an update beside them: each waits for the others or says that another is at work, and every file is
// wholly old or new.
func TestRemoveTogether(t *testing.T) {
	t.Parallel()
	for _, timeout := range []string{"1h", "0s"} {
		s := newRemoval(t, false)
		s.args = append(s.args, "--lock-timeout", timeout)
		var all sync.WaitGroup
		for n := range 4 {
			cmd := s.command()
			if n == 3 {
				cmd.Args[slices.Index(cmd.Args, "remove")] = "update"
			}
			all.Go(func() {
				out, err := cmd.CombinedOutput()
				if err != nil && !(timeout == "0s" && strings.Contains(string(out), "locked by ")) {
					t.Errorf("--lock-timeout %s: %v\n%s", timeout, err, out)
				}
			})
		}
		all.Wait()
		s.whole(removedFiles)
		s.removed()
	}
}
