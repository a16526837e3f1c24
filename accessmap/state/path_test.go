package state

import (
	"os"
	"path/filepath"
	"testing"

	"mailallow/fixtures"
)

// A circle of symbolic links is an error.
func TestCheckPathCircle(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("round", filepath.Join(dir, "round")); err != nil {
		t.Fatal(err)
	}
	if err := CheckPath(filepath.Join(dir, "round", "access")); !fixtures.ErrorContains(err, "too many levels of symbolic links") {
		t.Errorf("error %v", err)
	}
}
