// Package state keeps the state directory: its lock with the name of the holder, and small JSON files that are replaced
// whole. It also checks that no user but root and the running one can change where a path leads. It does not know the
// meaning of the files.
package state

import (
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

	"mailallow/allowlist/bounded"
)

// MaxFile bounds the size of a file in the state directory, in bytes: the files of ten thousand targets are smaller.
const MaxFile = 16 << 20

// Dir is a state directory whose lock this run holds until Close.
type Dir struct {
	Name string
	lock *os.File
}

// Open creates the directory, 0700, if it is missing, takes the lock file in it, and removes half-written copies of the
// files in names that a killed run left. A command that keeps a file of its own has a lock file for it, so that the command
// and an update do not wait for each other. Open waits for the lock no longer than patience; then a *LockedError names the
// holder. It refuses a directory that another user can write to, and a link to one that another user can change, because the
// files in it decide which files beside the targets are removed.
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
	d := &Dir{Name: dir, lock: f}
	if err := Sweep(dir, names...); err != nil {
		d.Close()
		return nil, fmt.Errorf("state directory: %w", err)
	}
	return d, nil
}

// Close gives the lock back.
func (d *Dir) Close() { Release(d.lock) }

// Path is the path of a file in the directory.
func (d *Dir) Path(name string) string { return filepath.Join(d.Name, name) }

// Write replaces a file, 0600, whole and synced, by content as indented JSON. It does not write the same content again.
func (d *Dir) Write(name string, content any) error {
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	path := d.Path(name)
	if same, err := bounded.Holds(path, b); err == nil && same {
		return nil
	}
	if err := renameio.WriteFile(path, b, 0o600, renameio.WithTempDir(d.Name), renameio.WithStaticPermissions(0o600)); err != nil {
		return err
	}
	return SyncDir(d.Name)
}

// Sweep removes half-written copies of files from a directory: renameio calls one of NAME .NAME123.
func Sweep(dir string, names ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // a directory may be writable and not readable
	}
	for _, entry := range entries {
		for _, name := range names {
			number, ok := strings.CutPrefix(entry.Name(), "."+name)
			if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil {
				continue
			}
			if err := Remove(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable (fsync(2)).
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Remove deletes a file and, unlike os.Remove, never a directory. A file that is not there is no error, also in a read-only file
// system, which does not look for it.
func Remove(path string) error {
	err := unix.Unlink(path)
	if errors.Is(err, unix.EROFS) {
		if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}
