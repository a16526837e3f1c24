//go:build linux

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// targetFiles are the files that an update installs; ownFiles are the guard's memory, the last good state, and the two files
// that tell the next update how far this one came.
var (
	targetFiles = []string{struckText, struckMap, struckTable}
	ownFiles    = []string{"state/window.json", "state/snapshot.json", "state/owed.json", "state/maps.json", "state/history/00000001"}
)

// TestDurable follows the system calls of an update. A file gets its name only when its content is on the disk, and no other
// file is replaced, and none removed, before the directory with that name is on the disk too: rename(2) promises neither.
func TestDurable(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	all := slices.Concat(targetFiles, ownFiles)
	for name, row := range map[string]struct {
		files []string // that are renamed
		code  int
	}{
		"first install": {all, exit.Done}, "change": {all, exit.Done}, "no exchange of names": {all, exit.Done},
		"put back": {targetFiles, exit.Install},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story := stories[slices.IndexFunc(stories, func(s story) bool { return s.name == name })]
			s := newStruck(t, program)
			story.prepare(s)
			fate := story.fate(0, trace.Nobody)
			var made []trace.Call
			ended := s.traced(func(c trace.Call) trace.Fate {
				is := fate(c)
				if is == (trace.Fate{}) {
					made = append(made, c)
				}
				return is
			})
			if ended.Code != row.code {
				t.Fatalf("exit code %d, want %d: %s", ended.Code, row.code, ended.Stderr)
			}
			for _, file := range row.files {
				s.durable(made, s.path(file))
			}
			s.forgotten(made)
		})
	}
}

// TestDurableEdit: an edit that a killed update swapped out is back at its name on the disk before the journal forgets it.
func TestDurableEdit(t *testing.T) {
	t.Parallel()
	s := newStruck(t, fixtures.Mailallow(t))
	s.begin(true)
	s.write("offices", newNetworks)
	edit, edited := fixtures.ReadFile(t, s.path(struckText))+"example.com\tREJECT\n", false
	s.traced(func(c trace.Call) trace.Fate {
		if edited {
			return trace.Fate{Kill: trace.Everybody}
		}
		if edited = gives(c, s.path(struckText)); edited {
			s.write(struckText, edit)
		}
		return trace.Fate{}
	})
	calls := s.traced(func(trace.Call) trace.Fate { return trace.Fate{} }).Calls
	s.forgotten(calls)
	back := slices.IndexFunc(calls, func(c trace.Call) bool { return gives(c, s.path(struckText)) })
	if back < 0 || !strings.Contains(fixtures.ReadFile(t, s.path(struckText)), "example.com") {
		t.Fatal("no edit went back")
	}
	if !nameSynced(calls[back+1:], s.path("mail"), calls[back].From) {
		t.Errorf("%v: its directory was not synced before the next file was renamed or removed", calls[back])
	}
}

// durable wants every rename to path to come after the sync of the renamed file, and before the sync of the directory.
func (s *struck) durable(calls []trace.Call, path string) {
	s.t.Helper()
	renamed := false
	for i, c := range calls {
		if !gives(c, path) {
			continue
		}
		renamed = true
		if !contentSynced(calls[:i], c.From) {
			s.t.Errorf("%v: %s was written to after its last sync, or never synced", c, filepath.Base(c.From))
		}
		if !nameSynced(calls[i+1:], filepath.Dir(path), c.From) {
			s.t.Errorf("%v: its directory was not synced before the next file was renamed or removed", c)
		}
	}
	if !renamed {
		s.t.Errorf("nothing was renamed to %s", path)
	}
}

// forgotten wants every removal of a temporary file to be on the disk before the journal, which names the file, is written anew.
func (s *struck) forgotten(calls []trace.Call) {
	s.t.Helper()
	removed := map[string]trace.Call{} // by directory
	for _, c := range calls {
		switch {
		case strings.HasPrefix(c.Name, "unlink") && strings.HasPrefix(filepath.Base(c.Path), ".mailallow-"):
			removed[filepath.Dir(c.Path)] = c
		case isSync(c):
			delete(removed, c.Path)
		case gives(c, s.path("state/owed.json")):
			for _, before := range removed {
				s.t.Errorf("%v: its directory was not synced before the journal forgot it", before)
			}
		}
	}
}

// contentSynced reports whether the last call on the content of a file was a sync.
func contentSynced(calls []trace.Call, file string) (synced bool) {
	for _, c := range calls {
		if c.Path == file && c.Changes && !isRename(c) {
			synced = isSync(c)
		}
	}
	return synced
}

// nameSynced reports whether a directory is synced before the next file is renamed or removed. Where names cannot be
// exchanged, a second rename, of the old file's other name, belongs to the first, and a removal of the new file's to its link.
func nameSynced(calls []trace.Call, dir, temp string) bool {
	for _, c := range calls {
		switch {
		case isSync(c) && c.Path == dir:
			return true
		case isRename(c) && !strings.HasSuffix(c.From, ".old"), strings.HasPrefix(c.Name, "unlink") && c.Path != temp:
			return false
		}
	}
	return false
}

func isSync(c trace.Call) bool { return c.Name == "fsync" || c.Name == "fdatasync" }

func isRename(c trace.Call) bool { return strings.HasPrefix(c.Name, "rename") }

// gives reports whether a call gives a file that name.
func gives(c trace.Call, path string) bool {
	return (isRename(c) || c.Name == "linkat") && c.Path == path
}
