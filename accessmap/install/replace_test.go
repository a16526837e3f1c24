package install

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

func TestReplaceText(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "access"), filepath.Join(dir, "link")
	fixtures.WriteFile(t, path, "old\n")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("access", link); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, filepath.Join(t.TempDir(), "access")); err != nil {
		t.Fatal(err)
	}
	lock, err := TakeLock(t.Context(), filepath.Join(t.TempDir(), "state"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	warnings, err := lock.ReplaceText(t.Context(), link, []byte("old\n"), []byte("new\n"))
	if want := []string{path + " has 1 more name (hard link): it keeps the old content"}; !slices.Equal(warnings, want) || err != nil {
		t.Fatalf("%q, %v; want %q", warnings, err, want)
	}
	if got := fixtures.ReadFile(t, path); got != "new\n" || fixtures.Stat(t, path).Mode().Perm() != 0o640 {
		t.Errorf("%q, %v", got, fixtures.Stat(t, path).Mode())
	}
	_, err = lock.ReplaceText(t.Context(), path, []byte("old\n"), []byte("newer\n"))
	if err == nil || !strings.Contains(err.Error(), ErrChanged.Error()) || fixtures.ReadFile(t, path) != "new\n" {
		t.Errorf("%v, and the file holds %q", err, fixtures.ReadFile(t, path))
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%v", files)
	}
}

// TestReplaceTextOwesNothing: what an installation owes, and knows of maps, is the same after a text was replaced.
func TestReplaceTextOwesNothing(t *testing.T) {
	r := newRig(t)
	failing := r.job("Connect:192.0.2\tOK\n")
	failing.OnChange = []string{"false"}
	if _, err := Install(t.Context(), r.state, []Job{failing}, nil); err == nil {
		t.Fatal("its on_change has not failed")
	}
	other := filepath.Join(r.dir, "other")
	fixtures.WriteFile(t, other, "old\n")
	before := fixtures.ReadFile(t, filepath.Join(r.state, state.OwedFile)) + fixtures.ReadFile(t, filepath.Join(r.state, state.MapsFile))
	lock, err := TakeLock(t.Context(), r.state, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.ReplaceText(t.Context(), other, []byte("old\n"), []byte("new\n")); err != nil {
		t.Fatal(err)
	}
	lock.Release()
	if after := fixtures.ReadFile(t, filepath.Join(r.state, state.OwedFile)) + fixtures.ReadFile(t, filepath.Join(r.state, state.MapsFile)); after != before {
		t.Errorf("%s became %s", before, after)
	}
}
