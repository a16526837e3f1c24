package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/fixtures"
)

func mustWrite(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// wantFiles wants a directory to hold these files and no others.
func wantFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if known, ok := want[e.Name()]; err != nil || !ok || string(text) != known {
			t.Errorf("%s holds %q, %v", e.Name(), text, err)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("%d files, want %d", len(entries), len(want))
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != want {
		t.Errorf("%s: mode %v, %v; want %v", path, info.Mode(), err, want)
	}
}

// Write follows a link and keeps the mode of the file behind it.
func TestWriteFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	mustWrite(t, file, "old", 0o600)
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), link, text("new")); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, dir, map[string]string{"file": "new", "link": "new"})
	wantMode(t, file, 0o600)
	wantMode(t, link, 0o777|os.ModeSymlink)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), link, text("new")); !fixtures.ErrorContains(err, "a symbolic link to nothing") {
		t.Errorf("a link to nothing: %v", err)
	}
	wantMode(t, link, 0o777|os.ModeSymlink)
}

// Root's copy of a file stays its owner's, who may be the only one to read it.
func TestWriteKeepsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: the file has no other owner")
		return
	}
	path := filepath.Join(t.TempDir(), "file")
	mustWrite(t, path, "old", 0o600)
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), path, text("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 65534 || info.Sys().(*syscall.Stat_t).Gid != 65534 {
		t.Errorf("%+v, %v", info, err)
	}
	wantMode(t, path, 0o600)
}

// For root, Write follows no link that another user has made in a directory for all.
func TestWriteFollowsNoStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user's link can be made")
	}
	const somebody = 12345
	dir := t.TempDir()
	open, secret := filepath.Join(dir, "open"), filepath.Join(dir, "secret")
	link := filepath.Join(open, "link")
	mustWrite(t, secret, "old", 0o600)
	err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777|os.ModeSticky), os.Symlink(secret, link), os.Lchown(link, somebody, somebody))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), link, text("new")); !fixtures.ErrorContains(err, "a symbolic link leads elsewhere") || !fixtures.ErrorContains(err, open) {
		t.Errorf("error %v", err)
	}
	wantFiles(t, open, map[string]string{"link": "old"})
	if err := os.Lchown(link, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), link, text("new")); err != nil {
		t.Error(err)
	}
}

// Nor does it follow one to a folder, in which it would make a file.
func TestWriteFollowsNoStrangerToFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user's link can be made")
	}
	const somebody = 12345
	dir := t.TempDir()
	open, folder := filepath.Join(dir, "open"), filepath.Join(dir, "folder")
	link := filepath.Join(open, "link")
	err := errors.Join(os.Mkdir(folder, 0o700), os.Mkdir(open, 0o700), os.Chmod(open, 0o777|os.ModeSticky), os.Symlink(folder, link), os.Lchown(link, somebody, somebody))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), filepath.Join(link, "file"), text("new")); !fixtures.ErrorContains(err, "a symbolic link leads elsewhere") {
		t.Errorf("error %v", err)
	}
	wantFiles(t, folder, nil)
	if err := os.Lchown(link, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), filepath.Join(link, "file"), text("new")); err != nil {
		t.Error(err)
	}
	wantFiles(t, folder, map[string]string{"file": "new"})
}

// Write writes into a device, which stays one.
func TestWriteIntoDevice(t *testing.T) {
	if err := Write(t.Context(), os.DevNull, text("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(os.DevNull)
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// Write writes into the pipe that it found, and not through a link that another user puts in its place.
func TestWriteIntoTheSamePipe(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: links of others are followed")
	}
	dir, open := t.TempDir(), t.TempDir()
	secret, pipe, path, next := filepath.Join(dir, "secret"), filepath.Join(dir, "pipe"), filepath.Join(open, "path"), filepath.Join(open, "next")
	mustWrite(t, secret, "old", 0o600)
	err := errors.Join(unix.Mkfifo(pipe, 0o600), os.Chown(open, 12345, 12345))
	reader, opens := os.OpenFile(pipe, os.O_RDWR, 0)
	if err := errors.Join(err, opens); err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	put := func(make func(old, new string) error, what string) {
		if err := errors.Join(make(what, next), os.Rename(next, path)); err != nil {
			t.Error(err)
		}
	}
	for range 300 {
		os.Remove(path)
		put(os.Link, pipe)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range 50 {
				put(os.Symlink, secret)
				put(os.Link, pipe)
			}
		}()
		Write(t.Context(), path, text("new")) // most are refused
		<-ended
		if got := fixtures.ReadFile(t, secret); got != "old" {
			t.Fatalf("the file behind the link is %q", got)
		}
	}
}

// Replace puts a file of its own in the place of a link, so that another user who may
// write to the directory cannot make it write to another file.
func TestReplaceFollowsNoLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	path, target := filepath.Join(dir, "m.prom"), filepath.Join(elsewhere, "file")
	mustWrite(t, target, "old", 0o600)
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, elsewhere, map[string]string{"file": "old"})
	wantFiles(t, dir, map[string]string{"m.prom": "new"})
	wantMode(t, path, 0o644)
}

// Replace removes the file that a killed run staged, and no other file with a similar name.
func TestReplaceSweeps(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := t.TempDir()
	path := filepath.Join(dir, "m.prom")
	mustWrite(t, path, "old", 0o600)
	mustWrite(t, filepath.Join(dir, ".m.prom8371"), "half", 0o600)
	others := map[string]string{".m.prom": "a", ".m.prom8371x": "b", "m.prom8371": "c", ".m.prom.1": "d"}
	for name, text := range others {
		mustWrite(t, filepath.Join(dir, name), text, 0o600)
	}
	if err := Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	others["m.prom"] = "new"
	wantFiles(t, dir, others)
	wantMode(t, path, 0o644)
}

// A failure leaves the old file, and nothing staged.
func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		"Write":   func() error { return Write(t.Context(), path, text("new")) },
		"Replace": func() error { return Replace(path, []byte("new")) },
	} {
		if err := write(); err == nil {
			t.Errorf("%s replaced a directory", name)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("%s left %v, %v", name, entries, err)
		}
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}
