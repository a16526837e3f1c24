package install

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/state"
)

// tempPrefix begins the name of every file of ours that is not finished.
const tempPrefix = ".mailallow-"

// ErrChanged says that a file is no longer what the plan read: somebody edited it meanwhile. Their edit stands and
// nothing of the plan does; plan again.
var ErrChanged = errors.New("edited since it was read")

// A changeKind says what a file is to a transaction: a text is compared with what the plan read, the inode of a map is
// touched before it goes (docs/facts.md 6), a state file is only replaced.
type changeKind string

const (
	kindText  changeKind = "text"
	kindMap   changeKind = "map"
	kindState changeKind = "state"
)

// change is one file of a transaction: what stands at live, and what is staged beside it under temp to take its place.
type change struct {
	kind changeKind
	path string      // as the caller names it, for messages
	live string      // the file itself, symbolic links followed
	was  fs.FileInfo // of live; nil: there is none yet
	mode fs.FileMode // of a file that is not there yet
	old  []byte      // text: what the plan read
	new  []byte      // text and state

	temp    string
	inode   uint64 // of what was staged
	size    int64
	swapped bool // it stands at live now, and what was there under temp

	modified, swappedAt time.Time // of a map: when what was staged was last written to, and when it was swapped in
}

// newChange finds what stands at path. A directory that is missing, a link to nothing and anything but a regular file are
// refused: replacing that file would not be what its owner means.
func newChange(kind changeKind, path string) (*change, error) {
	live, was, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	c := &change{kind: kind, path: path, live: live, was: was, mode: 0o644}
	if kind == kindState {
		c.mode = 0o600
		return c, nil
	}
	if kind == kindMap && c.otherNames() > 0 {
		return nil, fmt.Errorf("%s has a second name (hard link), and makemap neither reads nor writes such a map: remove one", live)
	}
	return c, nil
}

// otherNames is how many more names (hard links) the file at live has. Only live is replaced: no name leads to the others.
func (c *change) otherNames() uint64 {
	if c.was == nil {
		return 0
	}
	return uint64(c.was.Sys().(*syscall.Stat_t).Nlink) - 1
}

// linkWarning says that a replaced text had other names; empty when it had none.
func (c *change) linkWarning() string {
	switch n := c.otherNames(); n {
	case 0:
		return ""
	case 1:
		return c.live + " has 1 more name (hard link): it keeps the old content"
	default:
		return fmt.Sprintf("%s has %d more names (hard links): they keep the old content", c.live, n)
	}
}

// Resolve follows symbolic links to the file itself. They lead through no directory that others can write to: those could
// have mailallow replace another file.
func Resolve(path string) (live string, was fs.FileInfo, err error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("its directory: %w (mailallow creates files, not their directories)", err)
	}
	live = filepath.Join(dir, filepath.Base(path))
	was, err = os.Lstat(live)
	if err == nil && was.Mode()&fs.ModeSymlink != 0 {
		if live, err = filepath.EvalSymlinks(live); err != nil {
			return "", nil, fmt.Errorf("a symbolic link to nothing: %w", err)
		}
		was, err = os.Lstat(live)
	}
	if live != filepath.Clean(path) && filepath.IsAbs(path) {
		if err := state.CheckPath(path); err != nil {
			return "", nil, fmt.Errorf("a symbolic link leads to %s: %w", live, err)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return live, nil, nil
	case err != nil:
		return "", nil, err
	case !was.Mode().IsRegular():
		return "", nil, errors.New("it is not a regular file")
	}
	return live, was, nil
}

// chooseTemp gives the change a name beside its live file that nobody can foresee. suffix is a map's.
func (c *change) chooseTemp(suffix string) {
	var random [8]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	c.temp = filepath.Join(filepath.Dir(c.live), tempPrefix+hex.EncodeToString(random[:])+suffix)
}

// create makes the temporary file, 0600 for as long as it is not finished.
func (c *change) create() (*os.File, error) {
	f, err := os.OpenFile(c.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w (run as root or as the owner of %s)", err, filepath.Dir(c.live))
	}
	if err != nil {
		return nil, fmt.Errorf("no file can be made in its directory: %w", err)
	}
	return f, nil
}

// stage writes new under temp, with the owner, the mode and the attributes of the file it will replace, down to the disk.
func (c *change) stage() error {
	f, err := c.create()
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(c.new); err != nil {
		return err
	}
	if c.was == nil {
		err = f.Chmod(c.mode)
	} else {
		err = keep(f, c.live, c.was)
	}
	if err != nil {
		return err
	}
	return c.staged(f)
}

// newMapMode is the mode of a map that was not there before: makemap's own. The map of somebody else than root's is one
// that Sendmail must be let read (docs/facts.md 5), and holds nothing that its text does not.
func newMapMode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o640
	}
	return 0o644
}

// stageMap takes over the map that makemap wrote under temp: with the owner and mode of the map it will replace, or those
// of a new one. It must not be older than its text, or Debian's make rebuilds it over ours (docs/facts.md 5).
func (c *change) stageMap(textPath string) error {
	f, err := os.OpenFile(c.temp, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.was == nil {
		err = f.Chmod(newMapMode())
	} else {
		err = keep(f, c.live, c.was)
	}
	if err != nil {
		return err
	}
	text, err := os.Stat(textPath)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if at := text.ModTime(); info.ModTime().Before(at) {
		if err := os.Chtimes(c.temp, at, at); err != nil {
			return err
		}
	}
	return c.staged(f)
}

// staged syncs the finished file and notes which inode it is.
func (c *change) staged(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c.inode, c.size, c.modified = inodeOf(info), info.Size(), info.ModTime()
	return nil
}

// keep gives f the owner, mode and attributes of live.
func keep(f *os.File, live string, was fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, want := info.Sys().(*syscall.Stat_t), was.Sys().(*syscall.Stat_t)
	if is.Uid != want.Uid || is.Gid != want.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("its owner %d:%d cannot be kept: %w (run as root or as the owner)", want.Uid, want.Gid, err)
		}
	}
	if err := unix.Fchmod(int(f.Fd()), want.Mode&0o7777); err != nil {
		return fmt.Errorf("its mode %04o cannot be kept: %w", want.Mode&0o7777, err)
	}
	return keepAttributes(int(f.Fd()), live)
}

// accessACL holds a POSIX access list; a directory's default list gives one to every file created in it.
const accessACL = "system.posix_acl_access"

// isKept tells which attributes a file has because somebody gave it to them: access lists, security labels, and what users
// and root noted down. The others belong to an inode or to its content (capabilities, signatures, a layer of overlayfs) and
// must not travel.
func isKept(attribute string) bool {
	switch attribute {
	case accessACL, "security.selinux", "security.SMACK64":
		return true
	}
	return strings.HasPrefix(attribute, "user.") || strings.HasPrefix(attribute, "trusted.") && !strings.HasPrefix(attribute, "trusted.overlay.")
}

// keepAttributes copies the attributes that are kept.
func keepAttributes(fd int, live string) error {
	kept := make(map[string]bool)
	for _, name := range attributes(func(b []byte) (int, error) { return unix.Listxattr(live, b) }) {
		if !isKept(name) {
			continue
		}
		kept[name] = true
		want, err := attribute(func(b []byte) (int, error) { return unix.Getxattr(live, name, b) })
		if err != nil {
			return fmt.Errorf("its attribute %s cannot be read: %w", name, err)
		}
		is, err := attribute(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if err == nil && bytes.Equal(is, want) {
			continue
		}
		if err := unix.Fsetxattr(fd, name, want, 0); err != nil {
			return fmt.Errorf("its attribute %s cannot be kept: %w", name, err)
		}
	}
	for _, name := range attributes(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) }) {
		if name == accessACL && !kept[name] {
			return unix.Fremovexattr(fd, name)
		}
	}
	return nil
}

// attributes returns the names a listxattr call gives; a file system without any has none.
func attributes(list func([]byte) (int, error)) []string {
	b, err := attribute(list)
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// attribute calls a function of the xattr family twice, for the size and for the bytes.
func attribute(get func([]byte) (int, error)) ([]byte, error) {
	size, err := get(nil)
	if err != nil || size == 0 {
		return nil, err
	}
	b := make([]byte, size)
	size, err = get(b)
	if err != nil {
		return nil, err
	}
	return b[:size], nil
}

func inodeOf(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }
