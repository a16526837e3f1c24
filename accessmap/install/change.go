package install

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/state"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/bounded"
)

const tempPrefix = ".mailallow-"

// A changeKind says how a transaction handles a file: it compares a text with the one that the plan read, it touches the
// inode of a map before it removes it (docs/facts.md 6), and it just replaces a state file.
type changeKind string

const (
	kindText  changeKind = "text"
	kindMap   changeKind = "map"
	kindState changeKind = "state"
)

// change is one file of a transaction: the file at live, and the new one that is staged beside it at temp.
type change struct {
	kind    changeKind
	path    string                // as the caller names it, for messages
	live    string                // path with its symbolic links followed
	oldInfo fs.FileInfo           // of the file at live before the swap; nil: there is none
	mode    fs.FileMode           // of the new file if there is no old one
	old     []byte                // the text that the plan read; nil for a map or a state file
	new     []byte                // of a text
	long    *Long                 // in place of new; nil: new is the text
	write   func(io.Writer) error // writes the new text or state file; nil for a map
	gone    bool                  // there is to be no file at live: the old one is moved to temp

	temp      string
	newInfo   fs.FileInfo // of the new file, once it is staged
	inode     uint64      // of the new file
	swapped   bool        // the new file is at live, and the old one at temp
	swappedAt time.Time
}

// newChange refuses, as Resolve does, what its owner would not expect to be replaced.
func newChange(kind changeKind, path string) (*change, error) {
	live, info, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	c := &change{kind: kind, path: path, live: live, oldInfo: info, mode: 0o644}
	switch kind {
	case kindState:
		c.mode = 0o600
	case kindMap:
		if os.Geteuid() == 0 { // as makemap makes it; Sendmail must be able to read another user's map (docs/facts.md 5)
			c.mode = 0o640
		}
	}
	return c, nil
}

// newStateChange returns nil for a file that holds the bytes already.
func newStateChange(file StateFile) (*change, error) {
	if same, err := bounded.HoldsWritten(file.Path, file.Write); err == nil && same {
		return nil, nil
	}
	c, err := newChange(kindState, file.Path)
	if err != nil {
		return nil, err
	}
	c.write = file.Write
	return c, nil
}

// Resolve follows symbolic links to the file itself, and refuses links that lead through a directory that others can write
// to: they could have mailallow replace another file. info is nil if there is no file; anything but a regular file, a link
// to nothing and a missing directory are errors.
func Resolve(path string) (live string, info fs.FileInfo, err error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("its directory: %w (mailallow creates files, not their directories)", err)
	}
	live = filepath.Join(dir, filepath.Base(path))
	info, err = os.Lstat(live)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if _, err = os.Stat(live); err == nil { // of a loop, EvalSymlinks names itself
			live, err = filepath.EvalSymlinks(live)
		}
		if err != nil {
			return "", nil, fmt.Errorf("a symbolic link to nothing: %w", err)
		}
		info, err = os.Lstat(live)
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
	case !info.Mode().IsRegular():
		return "", nil, errors.New("it is not a regular file")
	}
	return live, info, nil
}

// otherNames counts the hard links besides live. They are not replaced: nothing leads from live to them.
func (c *change) otherNames() uint64 {
	if c.oldInfo == nil {
		return 0
	}
	return uint64(c.oldInfo.Sys().(*syscall.Stat_t).Nlink) - 1
}

func (c *change) linkWarning() string {
	switch n := c.otherNames(); n {
	case 0:
		return ""
	case 1:
		return c.live + " has 1 more name (hard link): it keeps the old content"
	default:
		return fmt.Sprintf("%s has %s more names (hard links): they keep the old content", c.live, ascii.Count(n))
	}
}

// chooseTemp picks a random name beside the live file. suffix is the suffix of a map.
func (c *change) chooseTemp(suffix string) {
	var random [8]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	c.temp = filepath.Join(filepath.Dir(c.live), tempPrefix+hex.EncodeToString(random[:])+suffix)
}

// create makes the temporary file, 0600 until it is finished.
func (c *change) create() (*os.File, error) {
	f, err := os.OpenFile(c.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("no file can be made in its directory: %w", err)
	}
	return f, nil
}

// stage makes a new text or state file.
func (c *change) stage() error {
	finish, err := c.stageUnsynced()
	if err != nil {
		return err
	}
	return finish()
}

// stageUnsynced makes the file; finish syncs it.
func (c *change) stageUnsynced() (finish func() error, err error) {
	f, err := c.create()
	if err != nil {
		return nil, err
	}
	if err = c.write(f); err == nil {
		err = c.setOwner(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return func() error {
		defer f.Close()
		return c.sync(f)
	}, nil
}

// stageMap finishes the map that makemap wrote to temp. The map must not be older than its text, because Debian's make would
// build it again (docs/facts.md 5).
func (c *change) stageMap(textPath string) error {
	f, err := os.OpenFile(c.temp, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.setOwner(f); err != nil {
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
	at := info.ModTime()
	if text.ModTime().After(at) {
		at = text.ModTime()
	}
	if at.Nanosecond() == 0 { // by chance, or the file system keeps no other times: then this changes nothing, and racy sees it
		at = at.Add(time.Millisecond)
	}
	if !at.Equal(info.ModTime()) {
		if err := os.Chtimes(c.temp, at, at); err != nil {
			return err
		}
	}
	return c.sync(f)
}

// setOwner gives the new file owner, mode and attributes of the old one, or c.mode if there is none.
func (c *change) setOwner(f *os.File) error {
	if c.oldInfo == nil {
		return f.Chmod(c.mode)
	}
	return copyOwner(f, c.live, c.oldInfo)
}

func (c *change) sync(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c.newInfo, c.inode = info, inodeOf(info)
	return nil
}

func inodeOf(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// awaitTick waits until every later write to the staged map gets another time. If that would take longer than a clockTick,
// it does not wait, and the map is not recorded.
func (c *change) awaitTick() {
	if c.kind != kindMap || c.gone {
		return
	}
	if wait := clockTick - time.Since(c.newInfo.ModTime()); 0 < wait && wait <= clockTick {
		time.Sleep(wait)
	}
}

// checkOld returns ErrChanged if somebody has edited the old text, now at path, or is about to. It checks texts only.
func (c *change) checkOld(path string) error {
	if c.kind != kindText {
		return nil
	}
	if kernel.OpenForWriting(path) {
		return writingError{}
	}
	same, err := bounded.Holds(path, c.old)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.oldInfo == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), err == nil && (c.oldInfo == nil || !same):
		return ErrChanged
	}
	return err
}

// checkNew returns an error if somebody has edited the new text, now at path, or is about to, or has made a file where none is
// to be. It checks texts only.
func (c *change) checkNew(path string) error {
	if c.kind == kindText && !c.gone && kernel.OpenForWriting(path) || !c.isNewAt(path) {
		return errors.New("edited after it was replaced; it stays as edited")
	}
	return nil
}

// isNewAt reports whether the new text is at path, unedited, or nothing is where none is to be. It is true for maps, state files
// and files that cannot be read.
func (c *change) isNewAt(path string) bool {
	if c.kind != kindText {
		return true
	}
	info, err := os.Lstat(path)
	switch {
	case c.gone:
		return errors.Is(err, fs.ErrNotExist)
	case err != nil:
		return !errors.Is(err, fs.ErrNotExist)
	case inodeOf(info) != c.inode:
		return false
	}
	if c.long != nil {
		there := digestFile(path)
		return there == "" || there == c.long.Digest
	}
	same, err := bounded.Holds(path, c.new)
	return err != nil || same
}
