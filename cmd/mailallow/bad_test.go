package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// TestBad runs mailallow on every bad input of fixtures/bad. NAME.want begins with the command and the exit code it ends
// with; the rest is stderr, with DIR for the folder and makemap for its path. Beside NAME.toml are the files that it names:
// NAME.access, NAME.list. Nothing on disk may change, except for the lock in the state directory. With MAILALLOW_UPDATE set
// the test writes NAME.want, all but the command.
func TestBad(t *testing.T) {
	wants, err := filepath.Glob(fixtures.Path("bad", "*.want"))
	if err != nil || len(wants) == 0 {
		t.Fatalf("%d cases: %v", len(wants), err)
	}
	for _, want := range wants {
		name := strings.TrimSuffix(filepath.Base(want), ".want")
		t.Run(name, func(t *testing.T) { runBad(t, name, want) })
	}
}

func runBad(t *testing.T, name, wantPath string) {
	text, err := os.ReadFile(wantPath)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	first, _, _ := strings.Cut(want, "\n")
	command, ok := strings.CutPrefix(first, "$ mailallow ")
	if !ok {
		t.Fatalf("%s begins with %q, not with a command", wantPath, first)
	}
	names := copyCase(t, name)
	before := standing(t)

	var stdout, stderr bytes.Buffer
	code := execute(context.Background(), strings.Fields(command), strings.NewReader(""), &stdout, &stderr)
	said := regexp.MustCompile(`\.mailallow-[0-9a-f]+`).ReplaceAllString(names.Replace(stderr.String()), ".mailallow-TEMP")
	got := fmt.Sprintf("$ mailallow %s\nexit %d\n%s", command, code, said)

	if os.Getenv("MAILALLOW_UPDATE") != "" {
		if err := os.WriteFile(wantPath, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want - and got + differ:\n%s", diff)
	}
	if code == exit.Usage && stdout.Len() > 0 {
		t.Errorf("stdout is not empty:\n%s", &stdout)
	}
	if after := standing(t); !maps.Equal(before, after) {
		t.Errorf("files changed:\n%s", cmp.Diff(before, after))
	}
}

// copyCase puts the files of a case into a folder of its own and changes to it. The returned replacer takes paths that
// differ from host to host out of messages.
func copyCase(t *testing.T, name string) *strings.Replacer {
	dir := t.TempDir()
	t.Chdir(dir)
	files, err := filepath.Glob(fixtures.Path("bad", name+".*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden := []string{dir, "DIR"}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("sendmail-access")) && filepath.Ext(path) == ".toml" {
			makemap := fixtures.PlainMakemap(t)
			t.Setenv("PATH", filepath.Dir(makemap)+string(filepath.ListSeparator)+os.Getenv("PATH"))
			hidden = append(hidden, makemap, "makemap")
		}
		if err := os.WriteFile(filepath.Base(path), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return strings.NewReplacer(hidden...)
}

// standing gives everything below the working directory but the lock, with the properties that a change of a file changes.
func standing(t *testing.T) map[string]string {
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == "state/lock" {
			return err
		}
		info, err := d.Info()
		if err == nil {
			found[path] = fmt.Sprint(info.Size(), info.Mode(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
