package refusals

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mailallow/fixtures"
)

// TestFiles: a log that has two of the usual names is read once.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	fixtures.WriteFile(t, path("maillog"), "x\n")
	fixtures.WriteFile(t, path("other"), "x\n")
	if err := errors.Join(os.Symlink("maillog", path("link")), os.Link(path("maillog"), path("hard"))); err != nil {
		t.Fatal(err)
	}
	if got, want := files([]string{path("none"), path("maillog"), path("link"), path("hard"), path("other")}), []string{path("maillog"), path("other")}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
