//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// failures are the errors with which a disk refuses a call.
var failures = []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EROFS, syscall.EACCES}

// liveFiles are the files of the mail server, and the state.
var liveFiles = []string{struckText, struckMap, struckTable, "state/targets.json", "state/window.json", "state/snapshot.json"}

// always are the calls that fail in each of these ways; the others take turns.
var always = regexp.MustCompile("write|sync|rename")

func isChange(c trace.Call) bool { return c.Changes && c.Name != "flock" }

// TestSoakDisk makes an update's first write, sync, rename or other change of a file fail, then its second, and so on, in each
// way in which a disk fails: that change alone, or it and all later ones.
//
// Up to the sync that makes the last replaced file durable, the update ends with 5, names the file and the remedy, and leaves
// everything as it was; if the disk still fails, it may be unable to remove its temporary files or to put files back. After
// that sync everything is installed: the update reports a later failure (a touch, a removal, the journal, the last good
// state, the metrics), and the next one makes up for it. makemap itself survives some failures. No file is ever half.
func TestSoakDisk(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	for _, story := range stories[:3] {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			d := &disk{struck: newStruck(t, program), met: counts{}, ends: counts{}}
			story.prepare(d.struck)
			changes := slices.DeleteFunc(d.traced(story.fate(0, trace.Nobody)).Calls, func(c trace.Call) bool { return !isChange(c) })
			d.want = d.now()
			d.stale = true
			random := fixtures.Random(t)
			skip := fixtures.Rounds(90, 1)
			for n := 1 + random.IntN(skip); ; n += skip {
				for i, errno := range failures {
					turn := i == n%len(failures)
					if alone := fixtures.Rounds(0, 1) == 1 && n <= len(changes) && always.MatchString(changes[n-1].Name); !turn && !alone {
						continue
					}
					for _, lasting := range []bool{false, true} {
						if lasting && !turn {
							continue
						}
						if d.stale {
							story.prepare(d.struck)
							d.stale = false
						}
						if !d.fails(n, errno, lasting) {
							t.Logf("failed at each of %d changes of a file, in %v: %v\n%v", n-1, time.Since(start).Round(time.Second), d.met, d.ends)
							return
						}
					}
				}
			}
		})
	}
}

type disk struct {
	*struck
	want      files
	stale     bool // the files are not those that the story begins with
	met, ends counts
}

// fails makes the nth change fail; false: there are fewer.
func (d *disk) fails(n int, errno syscall.Errno, lasting bool) bool {
	d.t.Helper()
	before := d.everything()
	changes := 0
	var at trace.Call
	last := 0 // the change that replaces the last file
	ended := d.traced(func(c trace.Call) trace.Fate {
		if !isChange(c) {
			return trace.Fate{}
		}
		changes++
		if slices.ContainsFunc(liveFiles, func(name string) bool { return gives(c, d.path(name)) }) {
			last = changes + 1 // the sync of its folder
		}
		if changes == n {
			at = c
		}
		if changes == n || lasting && changes > n {
			return trace.Fate{Errno: errno}
		}
		return trace.Fate{}
	})
	if changes < n {
		d.stale = true
		return false
	}
	d.met[at.Name]++
	after := d.everything()
	same := true
	for _, name := range liveFiles {
		same = same && before[name] == after[name]
	}
	done := cmp.Equal(d.now(), d.want)
	end := fmt.Sprintf("exit code %d, %s", ended.Code, map[bool]string{true: "as it was", false: "new"}[same])
	fail := func(format string, args ...any) {
		d.t.Helper()
		d.t.Fatalf("%v at %v (lasting: %v): %s: %s\n%s", errno, at, lasting, end, fmt.Sprintf(format, args...), ended.Stderr)
	}
	d.whole(d.want)
	switch {
	case ended.Code == exit.Install && same:
		for _, want := range []string{"nothing was changed", filepath.Base(filepath.Dir(at.Path)) + "/"} {
			if !strings.Contains(ended.Stderr, want) {
				fail("it does not say %q", want)
			}
		}
		if !strings.Contains(strings.ToLower(ended.Stderr), errno.Error()) && !at.Child { // makemap can crash
			fail("it does not say why")
		}
		if !lasting && !maps.Equal(before, after) {
			fail("not everything is as it was:\n%s", cmp.Diff(before, after))
		}
	case strings.Contains(ended.Stderr, "nothing was changed"):
		fail("it says that nothing was changed")
	case done && at.Child && ended.Code == exit.Done: // makemap has another way, and the update has read its map back
	case done && (last == 0 || n <= last) && !lasting:
		fail("a failure before the last file was in")
	case done && errno == syscall.EROFS && strings.HasPrefix(at.Name, "unlink") && isMissing(at.Path): // there was nothing to remove
	case done && !strings.Contains(strings.ToLower(ended.Stderr), errno.Error()):
		fail("nothing is said of it")
	case !done && !lasting:
		fail("neither as it was nor new")
	case !done:
		end = fmt.Sprintf("exit code %d, some files new and some as they were", ended.Code)
		if ended.Code != exit.Install {
			fail("not all is installed")
		}
	}
	d.ends[end]++
	if maps.Equal(before, after) {
		return true
	}
	d.stale = true
	d.healed(d.want)
	if d.t.Failed() {
		fail("and then")
	}
	return true
}

func isMissing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
