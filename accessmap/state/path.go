package state

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSymlinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const maxSymlinks = 40

// A name is what a directory holds: who can write to the directory can have it lead elsewhere.
type step struct{ dir, base string }

// CheckPath is nil when nobody but root and the running user can have a name on the way to path lead elsewhere, symbolic links
// on the way included.
func CheckPath(path string) error {
	names, err := way(path)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := n.ours(); err != nil {
			return err
		}
	}
	return nil
}

// way returns every name that the kernel looks up on the way to path, which is absolute, in its order.
func way(path string) (names []step, err error) {
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
		names = append(names, step{dir, base})
		at := filepath.Join(dir, base)
		to, err := os.Readlink(at)
		if err != nil { // no link, or nothing there: what comes next will say so
			dir = at
			continue
		}
		if followed++; followed > maxSymlinks {
			return nil, &fs.PathError{Op: "follow", Path: path, Err: syscall.ELOOP}
		}
		if filepath.IsAbs(to) {
			dir = "/"
		}
		rest = to + "/" + rest
	}
	return names, nil
}

// ours is nil when nobody but root and the running user can put something else under the name: nobody else owns the
// directory, and nobody else may write to it or, as the sticky bit has it, not to what is there already.
func (n step) ours() error {
	dir, err := os.Stat(n.dir)
	if err != nil {
		return err
	}
	if owner, is := OfSomebodyElse(dir); is {
		return fmt.Errorf("user %d can write to %s, which it leads through: chown %[2]s to root, or have no link lead there", owner, n.dir)
	}
	if dir.Mode().Perm()&0o022 == 0 {
		return nil
	}
	if dir.Mode()&fs.ModeSticky != 0 {
		entry, err := os.Lstat(filepath.Join(n.dir, n.base))
		if err == nil {
			if _, is := OfSomebodyElse(entry); !is {
				return nil
			}
		}
	}
	return fmt.Errorf("others can write to %s, which it leads through: chmod go-w %[1]s, or have no link lead there", n.dir)
}

// OfSomebodyElse tells of a file that belongs neither to root nor to the running user.
func OfSomebodyElse(info fs.FileInfo) (owner int, is bool) {
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	return owner, owner != 0 && owner != os.Geteuid()
}
