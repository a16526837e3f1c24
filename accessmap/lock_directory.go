package accessmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/allowlist/bounded"
)

// lockDirectories takes the lock of every directory that holds a target, in the order of their names, waiting for each no
// longer than patience. It keeps out runs with another state directory. Whoever may read a directory can hold its lock: who
// could not write there is at no work on it, and is not waited for. A directory that is missing is left for prepare to name.
func lockDirectories(ctx context.Context, jobs []Job, patience time.Duration) (unlock func(), err error) {
	var dirs []string
	for _, job := range jobs {
		for _, suffix := range append(mapSuffixes(), "") {
			if live, _, err := resolve(job.Path + suffix); err == nil {
				dirs = append(dirs, filepath.Dir(live))
			}
		}
	}
	slices.SortFunc(dirs, strings.Compare)
	var open []*os.File
	unlock = func() {
		for _, f := range open {
			f.Close()
		}
	}
	for _, dir := range slices.Compact(dirs) {
		f, err := os.Open(dir)
		if err != nil {
			unlock()
			return nil, err
		}
		open = append(open, f)
		if err := lockDirectory(ctx, f, patience); err != nil {
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

func lockDirectory(ctx context.Context, dir *os.File, patience time.Duration) error {
	err := flock(ctx, dir, 0)
	var locked *LockedError
	if !errors.As(err, &locked) {
		return err
	}
	if pid := holderOfDirectory(dir); pid != 0 && !mayWrite(dir, pid) {
		return nil
	}
	if err = flock(ctx, dir, patience); errors.As(err, &locked) {
		locked.Holder.PID = holderOfDirectory(dir)
	}
	return err
}

// maxLocks bounds what is read of /proc/locks, in bytes: ten thousand locks.
const maxLocks = 1 << 20

// holderOfDirectory is the process that took the lock of a directory, as the kernel tells (proc_locks(5)): "1: FLOCK ADVISORY
// WRITE 4711 fe:00:2093 0 EOF", with device and inode. 0: not known, since it has ended and left the lock to another, or is
// not seen from here.
func holderOfDirectory(dir *os.File) (pid int) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &stat); err != nil {
		return 0
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer locks.Close()
	text, err := io.ReadAll(io.LimitReader(locks, maxLocks))
	if err != nil {
		return 0
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 8 && fields[1] == "FLOCK" && fields[5] == file {
			pid, _ = strconv.Atoi(fields[4]) // 0 where it is none
			return pid
		}
	}
	return 0
}

// mayWrite tells whether a process may write to a directory, and is sure only of a no: its user is neither root nor the
// running one nor the owner, and the directory is for no group and not for all. A process can have its files in /proc seem
// root's, but not what stands in them.
func mayWrite(dir *os.File, pid int) bool {
	info, err := dir.Stat()
	if err != nil || info.Mode().Perm()&0o022 != 0 {
		return true
	}
	status, err := bounded.File(fmt.Sprintf("/proc/%d/status", pid), maxHolder)
	if err != nil {
		return true
	}
	_, after, _ := bytes.Cut(status, []byte("\nUid:"))
	fields := strings.Fields(string(after))
	if len(fields) < 4 {
		return true
	}
	for _, field := range fields[:4] { // real, effective, saved, of file access
		uid, err := strconv.Atoi(field)
		if err != nil || uid == 0 || uid == os.Geteuid() || uid == int(info.Sys().(*syscall.Stat_t).Uid) {
			return true
		}
	}
	return false
}
