package accessmap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// maxSymlinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
	maxSymlinks = 40
	// maxLinkSearch bounds the search for the other names of a file, in directory entries: /etc has some thousands, and a
	// look at each of these takes less than a second.
	maxLinkSearch = 100_000
)

// A name is what a directory holds: who can write to the directory can have it lead elsewhere.
type name struct{ dir, base string }

// ours is nil when nobody but root and the running user can have a name on the way to path lead elsewhere, symbolic links
// on the way included.
func ours(path string) error {
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
func way(path string) (names []name, err error) {
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
		names = append(names, name{dir, base})
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
func (n name) ours() error {
	dir, err := os.Stat(n.dir)
	if err != nil {
		return err
	}
	if owner, is := foreign(dir); is {
		return fmt.Errorf("user %d can write to %s, which it leads through: chown %[2]s to root, or have no link lead there", owner, n.dir)
	}
	if dir.Mode().Perm()&0o022 == 0 {
		return nil
	}
	if dir.Mode()&fs.ModeSticky != 0 {
		entry, err := os.Lstat(filepath.Join(n.dir, n.base))
		if err == nil {
			if _, is := foreign(entry); !is {
				return nil
			}
		}
	}
	return fmt.Errorf("others can write to %s, which it leads through: chmod go-w %[1]s, or have no link lead there", n.dir)
}

// foreign tells of a file that belongs neither to root nor to the running user.
func foreign(info fs.FileInfo) (owner int, is bool) {
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	return owner, owner != 0 && owner != os.Geteuid()
}

var errFound = errors.New("all found")

// otherNames finds the other names (hard links) of the file live: in its own directory, then in all that is below the one
// above it, and so on up to the root of its file system. A name that is not found, or that somebody else could have lead
// elsewhere, is an error: the file cannot be replaced under all of its names then.
func otherNames(live string, was fs.FileInfo) (names []string, err error) {
	stat := was.Sys().(*syscall.Stat_t)
	want := int(stat.Nlink) - 1
	if want <= 0 {
		return nil, nil
	}
	looked, below := 0, ""
	look := func(path string, d fs.DirEntry, err error) error {
		if looked++; looked > maxLinkSearch {
			return errFound
		}
		if err != nil || path == live { // what cannot be read may hold it, and then it is missing at the end
			return nil
		}
		if d.IsDir() {
			if info, err := d.Info(); err != nil || path == below || info.Sys().(*syscall.Stat_t).Dev != stat.Dev {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil && os.SameFile(info, was) {
			if names = append(names, path); len(names) == want {
				return errFound
			}
		}
		return nil
	}
	for dir := filepath.Dir(live); dir != below; below, dir = dir, filepath.Dir(dir) {
		if err := filepath.WalkDir(dir, look); errors.Is(err, errFound) {
			break
		}
	}
	if len(names) < want {
		return nil, fmt.Errorf("%s has %d more names (hard links), and %d of them are not found near it: all would keep the old "+
			"content; remove the links, or have them be symbolic", live, want, want-len(names))
	}
	for _, path := range append(names, live) {
		if err := ours(path); err != nil {
			return nil, fmt.Errorf("%s has the name %s, too (hard link): %w", live, path, err)
		}
	}
	return names, nil
}
