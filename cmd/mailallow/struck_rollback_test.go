//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// rollbackArgs are those of a rollback to before the last update.
func rollbackArgs() []string { return []string{"rollback", "--quiet"} }

// rolling makes a host with two updates behind it, whose second list is to be rolled back, and gives the two lists.
func rolling(s *struck) (before, after files) {
	s.t.Helper()
	s.args = nil
	s.check(errors.Join(os.RemoveAll(s.path("state"))))
	s.begin(true)
	before = s.now()
	s.write("offices", newNetworks)
	s.update()
	s.holds()
	return before, s.now()
}

// pinned reports whether a rollback has pinned a source.
func (s *struck) pinned() bool {
	s.t.Helper()
	text, err := os.ReadFile(s.path("state/pinned.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	s.check(err)
	return strings.Contains(string(text), `"offices"`)
}

// TestSoakRollbackKilled kills a rollback at its system calls on files. The lists are wholly those of before or of after, never
// restored without the pins, and the next update makes all of it one or the other, with the history whole and true.
func TestSoakRollbackKilled(t *testing.T) {
	t.Parallel()
	s := newStruck(t, fixtures.Mailallow(t))
	before, after := rolling(s)
	s.args = rollbackArgs()
	calls := s.traced(func(trace.Call) trace.Fate { return trace.Fate{} }).Calls
	if diff := cmp.Diff(before, s.now()); diff != "" || !s.pinned() {
		t.Fatalf("an untouched rollback (-want +got), pinned %v:\n%s", s.pinned(), diff)
	}
	random := fixtures.Random(t)
	restored := map[bool]int{}
	for n := 1; n <= len(calls); n++ {
		if fixtures.Rounds(1, 0) == 1 {
			n += random.IntN(2 * len(calls) / struckShort)
		}
		for n <= len(calls) && !calls[n-1].Changes {
			n++
		}
		rolling(s)
		s.args = rollbackArgs()
		s.traced(func(c trace.Call) trace.Fate {
			if c.N == n {
				return trace.Fate{Kill: trace.Everybody}
			}
			return trace.Fate{}
		})
		s.rolledBack(before, after)
		restored[s.pinned()]++
		if t.Failed() {
			t.Fatalf("killed at %d of %d", n, len(calls))
		}
	}
	t.Logf("killed at %d system calls: restored %d times", restored[true]+restored[false], restored[true])
}

// TestSoakRollbackFails has system calls of a rollback fail with a full disk. What could not be done is put back.
func TestSoakRollbackFails(t *testing.T) {
	t.Parallel()
	s := newStruck(t, fixtures.Mailallow(t))
	before, after := rolling(s)
	s.args = rollbackArgs()
	calls := s.traced(func(trace.Call) trace.Fate { return trace.Fate{} }).Calls
	random := fixtures.Random(t)
	for n := 1; n <= len(calls); n++ {
		if fixtures.Rounds(1, 0) == 1 {
			n += random.IntN(2 * len(calls) / struckShort)
		}
		for n <= len(calls) && (!calls[n-1].Changes || calls[n-1].Child) {
			n++
		}
		rolling(s)
		s.args = rollbackArgs()
		ended := s.traced(func(c trace.Call) trace.Fate {
			if c.N == n {
				return trace.Fate{Errno: syscall.ENOSPC}
			}
			return trace.Fate{}
		})
		if ended.Code != exit.Install && ended.Code != exit.Done {
			t.Errorf("exit code %d: %s", ended.Code, ended.Stderr)
		}
		if now := s.now(); ended.Code == exit.Install && !strings.Contains(ended.Stderr, "could not be put back") && !cmp.Equal(now, after) && !cmp.Equal(now, before) {
			t.Errorf("neither list: %v", now)
		}
		s.rolledBack(before, after)
		if t.Failed() {
			t.Fatalf("no space at %d of %d: %s", n, len(calls), ended.Stderr)
		}
	}
}

// rolledBack checks what a struck rollback leaves, and what the next update makes of it.
func (s *struck) rolledBack(before, after files) {
	s.t.Helper()
	now := s.now()
	for name, text := range now {
		if text != before[name] && text != after[name] {
			s.t.Errorf("%s is of neither list: %q", name, text)
		}
		if text == before[name] && !s.pinned() {
			s.t.Errorf("%s is restored, and not pinned", name)
		}
	}
	s.args = nil
	s.update()
	want, networks := after, newNetworks
	if s.pinned() {
		want, networks = before, oldNetworks
	}
	if diff := cmp.Diff(want, s.now()); diff != "" {
		s.t.Errorf("after the next update (-want +got), pinned %v:\n%s", s.pinned(), diff)
	}
	s.recorded(networks)
}
