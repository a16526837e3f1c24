// Package state keeps the state directory: its lock with the name of the holder, small JSON files that are replaced whole, and
// the rule that nobody but root and the running user can make a path lead elsewhere. It does not know what the files say.
package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// LockFile is the file that runs lock, with a text that says who holds it.
const LockFile = "lock"

// MaxFile bounds each of them, in bytes: ten thousand targets make less.
const MaxFile = 16 << 20

// Dir is a state directory, held by this run alone until close.
type Dir struct {
	Name string
	lock *os.File
}

// Open creates the directory when it is missing, 0700, takes a lock in it, waiting for it as long as patience, and
// removes what a killed run has left half-written of the files that are under the lock.
// What is in it decides what is removed from the target's directories, so one that somebody else could write is refused.
func Open(ctx context.Context, dir, lock string, patience time.Duration, names ...string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := CheckPrivate("state directory", dir); err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.IsAbs(dir) && real != filepath.Clean(dir) {
		if err := CheckPath(dir); err != nil {
			return nil, fmt.Errorf("state directory %s: a symbolic link leads to %s: %w", dir, real, err)
		}
	}
	f, err := OpenLock(filepath.Join(dir, lock))
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := Hold(ctx, f, patience); err != nil {
		f.Close()
		return nil, err
	}
	s := &Dir{Name: dir, lock: f}
	if err := s.sweep(names); err != nil {
		s.Close()
		return nil, fmt.Errorf("state directory: %w", err)
	}
	return s, nil
}

// CheckPrivate is nil for a directory that nobody can write to but its owner, who is root or the running user. role is the word
// for it in an error.
func CheckPrivate(role, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	if owner, is := OfSomebodyElse(info); is {
		return fmt.Errorf("%s %s belongs to user %d: chown it to who runs mailallow", role, dir, owner)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s %s can be written by others: chmod 0700", role, dir)
	}
	return nil
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

func (s *Dir) Close() { s.lock.Close() }

func (s *Dir) Path(name string) string { return filepath.Join(s.Name, name) }

// Write replaces one of our own files, whole and durable, if its content differs.
func (s *Dir) Write(name string, content any) error {
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	path := s.Path(name)
	if is, err := os.ReadFile(path); err == nil && bytes.Equal(is, b) {
		return nil
	}
	if err := renameio.WriteFile(path, b, 0o600, renameio.WithTempDir(s.Name), renameio.WithStaticPermissions(0o600)); err != nil {
		return err
	}
	return SyncDir(s.Name)
}

// sweep removes what a killed run has left half-written of our own files: renameio writes NAME as .NAME and a number.
func (s *Dir) sweep(names []string) error {
	entries, err := os.ReadDir(s.Name)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		for _, name := range names {
			number, ok := strings.CutPrefix(entry.Name(), "."+name)
			if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil {
				continue
			}
			if err := s.Remove(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove deletes one of our own files; one that is not there is done.
func (s *Dir) Remove(name string) error {
	if err := Unlink(s.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Unlink removes a file, and no directory, as os.Remove would try to: its error is the first one then.
func Unlink(path string) error {
	if err := unix.Unlink(path); err != nil {
		return &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}
