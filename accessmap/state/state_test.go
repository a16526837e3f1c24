package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestOwnLock keeps a file under a lock of its own.
func TestOwnLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	open := func() (*Dir, error) { return Open(t.Context(), dir, "kept.json.lock", 0, "kept.json") }
	k, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Write("kept.json", map[string]int{"version": 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(k.Path("kept.json")); string(got) != "{\n  \"version\": 1\n}\n" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(k.Path("kept.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var locked *LockedError
	if _, err := open(); !errors.As(err, &locked) {
		t.Errorf("a second one: %v", err)
	}
	update, err := Open(t.Context(), dir, LockFile, 0) // an update can still take its lock
	if err != nil {
		t.Fatal(err)
	}
	update.Close()
	k.Close()
	if k, err = open(); err != nil {
		t.Fatal(err)
	}
	k.Close()
}

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/s/lock": true, "/s/snapshot.json": true, "/s/history/00000001": true, "/s/dnsbl.json.lock": true,
		"/s": false, "/s/": false, "/s/history": false, "/s/list.json": false, "/s/below/lock": false, "/lock": false, "lock": false,
	} {
		for _, dir := range []string{"/s", "/s/"} {
			if got := Owns(dir, path); got != want {
				t.Errorf("%s in %s: %v, want %v", path, dir, got, want)
			}
		}
	}
}
