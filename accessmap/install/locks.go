package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
)

// rootLockDir holds the locks of root's runs. Other users can take no lock there, as they could in /run/lock
// (docs/facts.md 37). Systems other than Linux have no /run, and /var/run for the same.
func rootLockDir(root string) string {
	run := root + "/run"
	if _, err := os.Stat(run); err != nil {
		run = root + "/var/run"
	}
	return run + "/mailallow"
}

// defaultLockDir is the directory for the locks of targets' directories. It is empty for users other than root: the lock of
// the state directory keeps their runs apart, and root's runs must not wait for another user's lock.
func defaultLockDir() string {
	if os.Geteuid() == 0 {
		return rootLockDir("")
	}
	return ""
}

// lockDirectories takes a lock for every directory that holds a target, against runs with another state directory. It waits
// for each no longer than patience. A lock is a file in lockDir, named by device and inode of the directory, because a
// directory can have several paths. An empty lockDir means no locks. It passes over a missing directory, which prepare
// reports.
func lockDirectories(ctx context.Context, lockDir string, jobs []Job, patience time.Duration) (unlock func(), err error) {
	if lockDir == "" {
		return func() {}, nil
	}
	if err := os.Mkdir(lockDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, cannotLock(lockDir, err)
	}
	if err := state.CheckPrivate("directory of locks", lockDir); err != nil {
		return nil, err
	}
	dirs := map[string]string{} // directory by path of its lock
	for _, job := range jobs {
		suffixes := []string{""}
		if job.MapType != "" {
			suffixes = append(makemap.Suffixes(), "")
		}
		for _, suffix := range suffixes {
			live, _, err := Resolve(job.Path + suffix)
			if err != nil {
				continue
			}
			info, err := os.Stat(filepath.Dir(live))
			if err != nil {
				return nil, err
			}
			stat := info.Sys().(*syscall.Stat_t)
			dirs[filepath.Join(lockDir, fmt.Sprintf("%x-%d", stat.Dev, stat.Ino))] = filepath.Dir(live)
		}
	}
	var held []*os.File
	unlock = func() {
		for _, f := range held {
			state.Release(f)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(dirs)) { // sorted, so that no two runs wait for each other
		f, err := state.OpenLock(path)
		if err != nil {
			unlock()
			return nil, cannotLock(lockDir, err)
		}
		held = append(held, f)
		if err := state.Hold(ctx, f, patience); err != nil {
			unlock()
			var locked *state.LockedError
			if errors.As(err, &locked) {
				locked.Path = dirs[path]
			}
			return nil, err
		}
	}
	return unlock, nil
}

func cannotLock(lockDir string, err error) error {
	return fmt.Errorf("%w (root's runs keep their locks there: let root write to %s, in a unit by RuntimeDirectory=%s)",
		err, lockDir, filepath.Base(lockDir))
}
