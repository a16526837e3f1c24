package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailallow/fixtures"

	"github.com/google/go-cmp/cmp"
)

// failures are what a disk refuses a call with.
var failures = []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EROFS, syscall.EACCES}

// temporary is the part of a name that no two runs have in common.
var temporary = regexp.MustCompile(`\.mailallow-[0-9a-f]{16}`)

func TestSoakDisk(t *testing.T) {
	program := fixtures.Mailallow(t)
	for _, story := range stories[:3] {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			s := newStruck(t, program)
			story.prepare(s)
			calls := s.traced(story.fate(0, fixtures.Nobody)).Calls
			s.update()
			want := s.now()
			story.prepare(s)
			outcomes := map[string]map[string]int{}
			runs := 0
			for n := 1; n <= len(calls); n++ {
				if !calls[n-1].Changes || calls[n-1].Name == "flock" {
					continue
				}
				for i, errno := range failures {
					if i != n%len(failures) {
						continue
					}
					for _, lasting := range []bool{false, true} {
						before := s.everything()
						var at fixtures.Call
						ended := s.traced(func(c fixtures.Call) fixtures.Fate {
							if c.N == n {
								at = c
							}
							if c.N == n || lasting && c.N > n && c.Changes {
								return fixtures.Fate{Errno: errno}
							}
							return fixtures.Fate{}
						})
						runs++
						after := s.everything()
						out := fmt.Sprintf("lasting %v: code %d", lasting, ended.Code)
						if maps.Equal(before, after) {
							out += " as it was"
						} else if cmp.Equal(s.now(), want) {
							out += " new"
						} else {
							out += " OTHER"
						}
						if strings.Contains(ended.Stderr, "nothing was changed") {
							out += " said nothing changed"
						}
						key := at.Name + " " + temporary.ReplaceAllString(strings.TrimPrefix(at.Path, s.dir), "TEMP") + fmt.Sprint(" child ", at.Child)
						if outcomes[key] == nil {
							outcomes[key] = map[string]int{}
						}
						outcomes[key][out+"\n        "+strings.ReplaceAll(temporary.ReplaceAllString(strings.TrimSpace(strings.ReplaceAll(ended.Stderr, s.dir, "DIR")), "TEMP"), "\n", "\n        ")]++
						s.whole(want)
						s.healed(want)
						if t.Failed() {
							t.Errorf("failed at %v, %v, lasting %v: %s", at, errno, lasting, ended.Stderr)
							return
						}
						story.prepare(s)
					}
				}
			}
			for _, key := range slices.Sorted(maps.Keys(outcomes)) {
				for out, n := range outcomes[key] {
					t.Logf("%s: %d x %s", key, n, out)
				}
			}
			t.Logf("%d runs in %v", runs, time.Since(start))
		})
	}
}
