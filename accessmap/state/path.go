package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// CheckPath returns an error if a user other than root and the running one can change where an absolute path leads. It
// checks every directory in which the kernel looks up a name on the way, through symbolic links too.
func CheckPath(path string) error {
	dir, rest, followed := "/", path, 0
	for rest != "" {
		var base string
		base, rest, _ = strings.Cut(rest, "/")
		switch base {
		case "", ".":
			continue
		case "..":
			dir = filepath.Dir(dir)
			continue
		}
		if err := checkName(dir, base); err != nil {
			return err
		}
		at := filepath.Join(dir, base)
		to, err := os.Readlink(at)
		if err != nil { // not a link, or a missing file, which the next name or the caller reports
			dir = at
			continue
		}
		if followed++; followed > maxSymlinks {
			return &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
		}
		if filepath.IsAbs(to) {
			dir = "/"
		}
		rest = to + "/" + rest
	}
	return nil
}

// Within returns an error if a path leads out of the directory root: a symbolic link may lead from there to the host's own
// files. Names at its end may be missing.
func Within(root, path string) error {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	for followed := 0; ; {
		to, err := filepath.EvalSymlinks(path)
		if err == nil {
			path = to
			break
		}
		if link, noLink := os.Readlink(path); noLink == nil && followed < maxSymlinks { // to a name that is missing
			followed++
			if path = filepath.Join(filepath.Dir(path), link); filepath.IsAbs(link) {
				path = link
			}
			continue
		}
		if up := filepath.Dir(path); up != path {
			path = up
			continue
		}
		return err
	}
	if rel, err := filepath.Rel(real, path); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("a symbolic link leads to %s, out of --root %s", path, root)
	}
	return nil
}

// CheckPrivate returns an error unless the directory belongs to root or the running user and nobody else can write to it.
// role names the directory in the error.
func CheckPrivate(role, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	if owner := ownerOf(info); isForeign(owner) {
		return fmt.Errorf("%s %s belongs to user %d: chown it to who runs mailallow", role, dir, owner)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s %s can be written by others: chmod 0700", role, dir)
	}
	return nil
}

// maxSymlinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const maxSymlinks = 40

// CheckEntry is CheckPath for the last name of a path alone: an error if another user can put another file in its place.
func CheckEntry(path string) error { return checkName(filepath.Dir(path), filepath.Base(path)) }

// checkName returns an error if another user owns the directory of a name, or may write to it. In a sticky directory others
// may add names, but not replace a name that belongs to root or the running user.
func checkName(dir, base string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner := ownerOf(info); isForeign(owner) {
		return fmt.Errorf("user %d can write to %s, which is on its path: chown %[2]s to root, or use another path", owner, dir)
	}
	if info.Mode().Perm()&0o022 == 0 {
		return nil
	}
	if info.Mode()&fs.ModeSticky != 0 {
		entry, err := os.Lstat(filepath.Join(dir, base))
		if err == nil && !isForeign(ownerOf(entry)) {
			return nil
		}
	}
	return fmt.Errorf("others can write to %s, which is on its path: chmod go-w %[1]s, or use another path", dir)
}

func ownerOf(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }

// isForeign reports whether a user is neither root nor the running one.
func isForeign(uid int) bool { return uid != 0 && uid != os.Geteuid() }
