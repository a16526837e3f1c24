//go:build linux

package main

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// story is the situation before an update.
type story struct {
	name    string
	prepare func(*struck)
	fault   func() failing // fails besides; nil: nothing does
	reads   bool           // strike calls that only read, too: a kill before a read is the same as one before the next change
}

// failing gives the errno that a call fails with, in the order of the calls of one run; 0: it does not fail.
type failing func(trace.Call) syscall.Errno

var stories = []story{
	{name: "first install", reads: true, prepare: func(s *struck) { s.begin(false) }},
	{name: "change", prepare: func(s *struck) { s.begin(true); s.write("offices", newNetworks) }},
	{name: "heal", prepare: func(s *struck) {
		s.begin(true)
		build := exec.Command(s.makemap, "-C", "/dev/null", "hash", s.path(struckText))
		build.Stdin = strings.NewReader("Connect:203.0.113\tRELAY\n")
		s.check(build.Run())
		s.holds()
	}},
	{name: "put back", prepare: func(s *struck) { s.begin(true); s.write("offices", newNetworks) },
		fault: failsToRename("snapshot.json", syscall.EIO)},
	{name: "no exchange of names", prepare: func(s *struck) { s.begin(true); s.write("offices", newNetworks) },
		fault: func() failing {
			calls, refusals := 0, []syscall.Errno{syscall.EPERM, syscall.EINVAL} // of a container's filter, and of a file system
			return func(c trace.Call) syscall.Errno {
				if c.Name == "renameat2" {
					calls++
					return refusals[calls%2]
				}
				return 0
			}
		}},
	{name: "killed before", prepare: func(s *struck) {
		s.begin(true)
		s.write("offices", newNetworks)
		dies := failsToRename("snapshot.json", syscall.EIO)()
		s.traced(func(c trace.Call) trace.Fate {
			if dies(c) != 0 {
				return trace.Fate{Kill: trace.Everybody}
			}
			return trace.Fate{}
		})
	}},
}

// failsToRename is a fault of the first call that renames something to that file.
func failsToRename(file string, errno syscall.Errno) func() failing {
	return func() failing {
		failed := false
		return func(c trace.Call) syscall.Errno {
			if failed || !isRename(c) || !strings.HasSuffix(c.Path, "/"+file) {
				return 0
			}
			failed = true
			return errno
		}
	}
}

// struckShort is the number of calls of a story at which an ordinary run strikes; a long one strikes at each.
const struckShort = 3

// TestSoakKilled kills an update at its first system call that changes a file, at its second, and so on until it ends: together with
// the programs that it runs; at a call of makemap or of an on_change command, also the update alone and that program alone. After
// that every file is wholly old or wholly new, and the next update repairs everything and leaves no other file.
func TestSoakKilled(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	for _, story := range stories[:fixtures.Rounds(3, len(stories))] {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			s := newStruck(t, program)
			story.prepare(s)
			calls := s.traced(story.fate(0, trace.Nobody)).Calls
			s.update()
			want := s.now()
			story.prepare(s)
			struck := counts{}
			random := fixtures.Random(t)
			for n := 1; ; n++ {
				if fixtures.Rounds(1, 0) == 1 {
					n += random.IntN(2 * len(calls) / struckShort)
				}
				for !story.reads && n <= len(calls) && !calls[n-1].Changes {
					n++
				}
				forms := []trace.Victims{trace.Everybody}
				if n <= len(calls) && calls[n-1].Child {
					forms = append(forms, trace.Program, trace.Children)
				}
				for _, victims := range forms {
					before := s.everything()
					ended := s.traced(story.fate(n, victims))
					if len(ended.Calls) < n {
						if ended.Code != 0 && story.fault == nil {
							t.Errorf("untouched: exit code %d: %s", ended.Code, ended.Stderr)
						}
						t.Logf("killed at each of %d system calls in %v, runs %v", len(calls), time.Since(start).Round(time.Second), struck)
						return
					}
					call := ended.Calls[n-1]
					struck[call.Name]++
					if victims != trace.Children && maps.Equal(before, s.everything()) {
						continue // no file has changed yet
					}
					s.whole(want)
					if victims == trace.Children && call.Child && ended.Code != exit.Install && ended.Code != exit.Done {
						t.Errorf("exit code %d without its child: %s", ended.Code, ended.Stderr)
					}
					s.healed(want)
					if t.Failed() {
						t.Fatalf("killed (%v) at %v", victims, call)
					}
					story.prepare(s)
				}
			}
		})
	}
}

// fate is the fate of the calls of the story, with a kill at the nth.
func (story story) fate(n int, victims trace.Victims) func(trace.Call) trace.Fate {
	fails := failing(func(trace.Call) syscall.Errno { return 0 })
	if story.fault != nil {
		fails = story.fault()
	}
	return func(c trace.Call) trace.Fate {
		if c.N == n {
			return trace.Fate{Kill: victims}
		}
		return trace.Fate{Errno: fails(c)}
	}
}

// killedShort is the number of changes of a file at which an ordinary run kills a command; a long one kills it at each.
const killedShort = 5

// killedAt runs the command, which made these calls, again and again, and kills it at one change of a file after the other. check
// gets the number of kills that left a change; it makes the host as it was.
func (s *struck) killedAt(calls []trace.Call, check func(changed int)) {
	s.t.Helper()
	calls = slices.DeleteFunc(slices.Clone(calls), func(c trace.Call) bool { return !isChange(c) })
	skip, changed := fixtures.Rounds(len(calls)/killedShort, 1), 0
	for n := 1 + fixtures.Random(s.t).IntN(skip); n <= len(calls); n += skip {
		before, changes := s.everything(), 0
		s.traced(func(c trace.Call) trace.Fate {
			if isChange(c) {
				if changes++; changes == n {
					return trace.Fate{Kill: trace.Everybody}
				}
			}
			return trace.Fate{}
		})
		if maps.Equal(before, s.everything()) {
			continue
		}
		changed++
		check(changed)
		if s.t.Failed() {
			s.t.Fatalf("killed at %v", calls[n-1])
		}
	}
	if changed < 3 {
		s.t.Errorf("%d kills changed a file", changed)
	}
	s.t.Logf("of %d changes of a file, every %d killed: %d left a change", len(calls), skip, changed)
}
