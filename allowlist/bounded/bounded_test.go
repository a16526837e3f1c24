package bounded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFile(t *testing.T) {
	dir := t.TempDir()
	write := func(path string) error { return os.WriteFile(path, []byte("text"), 0o600) }
	for _, row := range []struct {
		name  string
		make  func(path string) error
		limit int64
		err   string
	}{
		{"whole", write, 4, ""},
		{"larger", write, 3, "larger than 3 bytes"},
		{"endless", func(path string) error { return os.Symlink("/dev/zero", path) }, 3, "it is not a regular file"},
		{"a link", func(path string) error { return os.Symlink("whole", path) }, 4, ""},
		{"a FIFO", func(path string) error { return unix.Mkfifo(path, 0o600) }, 4, "it is not a regular file"},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o700) }, 4, "it is not a regular file"},
		{"missing", func(string) error { return nil }, 4, "no such file or directory"},
	} {
		path := filepath.Join(dir, row.name)
		if err := row.make(path); err != nil {
			t.Fatal(err)
		}
		text, err := File(path, row.limit)
		check(t, row.name, string(text), err, row.err)
	}
}

// Nobody waits for the next line of a file that has no end, and says that it is regular.
func TestOpenWaits(t *testing.T) {
	f, err := open("/proc/kmsg", time.Millisecond)
	if err != nil {
		t.Skip(err) // a container may have none, and nothing else behaves like it
	}
	defer f.Close()
	done := make(chan error, 1)
	go func() { // it would wait for ever
		_, err := io.Copy(io.Discard, f)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits")
	}
}

// A file that a person names may be a pipe, and may be endless.
func TestStream(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	text, err := Stream(t.Context(), fmt.Sprintf("/proc/self/fd/%d", r.Fd()), 4)
	check(t, "a pipe", string(text), err, "")
	text, err = Stream(t.Context(), "/dev/zero", 4)
	check(t, "endless", string(text), err, "larger than 4 bytes")
	text, err = Stream(t.Context(), t.TempDir(), 4)
	check(t, "a directory", string(text), err, "is a directory")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	ended := errors.New("ended")
	end(ended)
	if text, err := Stream(ctx, fifo, 4); text != nil || err != ended {
		t.Errorf("a FIFO without a writer: %q, %v", text, err)
	}
}

func check(t *testing.T, name, text string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && (err != nil || text != "text"):
		t.Errorf("%s: %q, %v", name, text, err)
	case want != "" && (err == nil || !strings.HasSuffix(err.Error(), ": "+want) || !errors.As(err, new(*fs.PathError))):
		t.Errorf("%s: %q, %v; want %q", name, text, err, want)
	}
}

func TestHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	text := strings.Repeat("0123456789", 20_000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, want string
		holds      bool
	}{
		{"the same", text, true},
		{"a byte less", text[:len(text)-1], false},
		{"a byte more", text + "0", false},
		{"another byte at the end", text[:len(text)-1] + "0", false},
		{"nothing", "", false},
	} {
		if holds, err := Holds(path, []byte(row.want)); holds != row.holds || err != nil {
			t.Errorf("%s: %v, %v", row.name, holds, err)
		}
	}
	if _, err := Holds(path+"x", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := unix.Mkfifo(path+"fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Holds(path+"fifo", nil)
	check(t, "a FIFO", "", err, "it is not a regular file")
}
