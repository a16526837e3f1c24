package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/accessmap/state"
)

// FuzzJournal has a run find any journal (owed.json). The run removes only files with temporary names beside a target, and
// returns an error for a journal that it cannot read. DIR is a directory with a target and another file.
func FuzzJournal(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"files":[{"kind":"text","live":"DIR/access","temp":"DIR/.mailallow-1"}]}`,
		`{"version":1,"swapping":true,"files":[{"kind":"map","live":"DIR/access","temp":"DIR/other","inode":1}]}`,
		`{"version":1,"swapping":true,"files":[{"kind":"text","live":"DIR/.mailallow-1","temp":"DIR/../.mailallow-x","old":"y"}],"on_change":[{"path":"DIR/access","due":true}]}`,
		`{"version":2}`, `{`, ``, `null`,
	} {
		f.Add(text)
	}
	dir := f.TempDir()
	s := &state.Dir{Name: filepath.Join(dir, "state")}
	if err := os.Mkdir(s.Name, 0o700); err != nil {
		f.Fatal(err)
	}
	kept := map[string]string{"access": "by hand", "other": "not a target", "sub/.mailallow-1": "below"}
	f.Fuzz(func(t *testing.T, text string) {
		for name, content := range kept {
			setFile(t, filepath.Join(dir, name), content)
		}
		setFile(t, filepath.Join(dir, tempPrefix+"1"), "left")
		setFile(t, s.Path(state.OwedFile), strings.ReplaceAll(text, "DIR", dir))
		due, err := finishInterrupted(s, exchange)
		for name, content := range kept {
			got, readErr := os.ReadFile(filepath.Join(dir, name))
			if string(got) != content && !(name == "access" && string(got) == "left") { // an edit that goes back
				t.Fatalf("%s: %q, %v", name, got, readErr)
			}
		}
		if err != nil && len(due) > 0 {
			t.Fatal("an error, and commands")
		}
		setFile(t, s.Path(state.MapsFile), strings.ReplaceAll(text, "DIR", dir))
		if records := readRecords(s.Name); records.Version != 1 {
			t.Fatalf("%+v", records)
		}
	})
}

func setFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
