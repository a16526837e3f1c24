package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestKeptFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	k, err := Keep(t.Context(), dir, "kept.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Read(100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first write: %v", err)
	}
	if err := k.Write(map[string]int{"version": 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Read(100); string(got) != "{\n  \"version\": 1\n}\n" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(k.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var locked *LockedError
	if _, err := Keep(t.Context(), dir, "kept.json"); !errors.As(err, &locked) {
		t.Errorf("a second one: %v", err)
	}
	update, err := Open(t.Context(), dir, LockFile, 0) // an update can still take its lock
	if err != nil {
		t.Fatal(err)
	}
	update.Close()
	k.Close()
	if k, err = Keep(t.Context(), dir, "kept.json"); err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, row := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"larger", func(path string) error { return os.WriteFile(path, make([]byte, 101), 0o600) }, "larger than 100 bytes"},
		{"FIFO", func(path string) error { return syscall.Mkfifo(path, 0o600) }, "it is not a regular file"},
		{"directory", func(path string) error { return os.Mkdir(path, 0o700) }, "it is not a regular file"},
	} {
		if err := errors.Join(os.RemoveAll(k.Path()), row.make(k.Path())); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Read(100); err == nil || !strings.HasSuffix(err.Error(), ": "+row.want) {
			t.Errorf("%s: %v, want %s", row.name, err, row.want)
		}
	}
}
