package accessmap

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
)

// lockFile is the file that runs lock, with a text that says who holds it.
const lockFile = "lock"

// maxStateFile bounds each of them, in bytes: ten thousand targets make less.
const maxStateFile = 16 << 20

// state is a state directory, held by this run alone until close.
type state struct {
	dir  string
	lock *os.File
}

// openState creates the directory when it is missing, 0700, takes a lock in it, waiting for it as long as patience, and
// removes what a killed run has left half-written of the files that are under the lock.
// What is in it decides what is removed from the target's directories, so one that somebody else could write is refused.
func openState(ctx context.Context, dir, lock string, patience time.Duration, names ...string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := private("state directory", dir); err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.IsAbs(dir) && real != filepath.Clean(dir) {
		if err := ours(dir); err != nil {
			return nil, fmt.Errorf("state directory %s: a symbolic link leads to %s: %w", dir, real, err)
		}
	}
	f, err := openLock(filepath.Join(dir, lock))
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := hold(ctx, f, patience); err != nil {
		f.Close()
		return nil, err
	}
	s := &state{dir: dir, lock: f}
	if err := s.sweep(names); err != nil {
		s.close()
		return nil, fmt.Errorf("state directory: %w", err)
	}
	return s, nil
}

// private is nil for a directory that nobody can write to but its owner, who is root or the running user. role is the word
// for it in an error.
func private(role, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	if owner, is := foreign(info); is {
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

func (s *state) close() { s.lock.Close() }

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

// write replaces one of our own files, whole and durable, if its content differs.
func (s *state) write(name string, content any) error {
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	path := s.path(name)
	if is, err := os.ReadFile(path); err == nil && bytes.Equal(is, b) {
		return nil
	}
	if err := renameio.WriteFile(path, b, 0o600, renameio.WithTempDir(s.dir), renameio.WithStaticPermissions(0o600)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// sweep removes what a killed run has left half-written of our own files: renameio writes NAME as .NAME and a number.
func (s *state) sweep(names []string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		for _, name := range names {
			number, ok := strings.CutPrefix(entry.Name(), "."+name)
			if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil {
				continue
			}
			if err := s.remove(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove deletes one of our own files; one that is not there is done.
func (s *state) remove(name string) error {
	if err := unlink(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
