package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

// exchange makes two files of one directory change names in a single step. What stood at live keeps its inode and its
// link count and is found under temp (docs/facts.md 6).
//
// Where the file system cannot do that (EINVAL, ENOSYS), the old file gets a second name, temp is renamed over live,
// and the second name becomes temp: live is there and whole all the time, but an edit that is renamed to live between
// the first step and the second would be lost.
func exchange(temp, live string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, live, unix.RENAME_EXCHANGE)
	if unsupported(err) {
		return exchangeByLinks(temp, live)
	}
	return err
}

// unsupported reports whether the file system does not know a flag of renameat2.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}

// asideSuffix names the second name of exchangeByLinks; a killed run can leave it.
const asideSuffix = ".old"

func exchangeByLinks(temp, live string) error {
	aside := temp + asideSuffix
	if err := os.Link(live, aside); err != nil {
		return fmt.Errorf("this file system can neither exchange nor link: %w", err)
	}
	if err := os.Rename(temp, live); err != nil {
		return errors.Join(err, state.Unlink(aside))
	}
	if err := os.Rename(aside, temp); err != nil {
		return errors.Join(err, os.Rename(aside, live))
	}
	return nil
}

// place gives temp the name live, which must be free (EEXIST).
func place(temp, live string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, live, unix.RENAME_NOREPLACE)
	if unsupported(err) {
		return placeByLink(temp, live)
	}
	return err
}

func placeByLink(temp, live string) error {
	if err := os.Link(temp, live); err != nil {
		return err
	}
	return state.Unlink(temp)
}

// transaction replaces several files, all or none. Between commit and finish everything that stood there before still
// exists and rollback puts it back.
type transaction struct {
	changes  []*change
	exchange func(temp, live string) error
}

// commit swaps the staged files in, in order, each durably before the next. When one fails, those before it are put
// back; rolledBack tells whether that worked, so that everything is as it was.
func (t *transaction) commit() (rolledBack bool, err error) {
	for _, c := range t.changes {
		if err := t.swap(c); err != nil {
			err = fmt.Errorf("%s: %w", c.path, err)
			back := t.rollback()
			return back == nil, errors.Join(err, back)
		}
	}
	return false, nil
}

// swap brings in one change. The text is compared with what the plan read before and after: the exchange cannot be made
// to depend on the content, so an edit that comes in between is found under temp and goes back from there.
func (t *transaction) swap(c *change) error {
	if err := c.unedited(c.live); err != nil {
		return err
	}
	c.awaitTick()
	c.swappedAt = time.Now()
	var err error
	if c.was == nil {
		err = place(c.temp, c.live)
	} else {
		err = t.exchange(c.temp, c.live)
	}
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (%w)", ErrChanged, err)
	case err != nil:
		return err
	}
	c.swapped = true
	if c.was != nil {
		// Before the disk is waited for: an edit that is found goes back before anybody can make another on top of ours.
		if err := c.unedited(c.temp); err != nil {
			return err
		}
	}
	return state.SyncDir(filepath.Dir(c.live))
}

// unedited is nil when the text at path is what the plan read and nobody is about to write into it; nothing else is compared.
func (c *change) unedited(path string) error {
	if c.kind != kindText {
		return nil
	}
	if openForWriting(path) {
		return writingError{}
	}
	same, err := bounded.Holds(path, c.old)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.was == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), err == nil && (c.was == nil || !same):
		return ErrChanged
	}
	return err
}

// displaced looks once more, after all swaps, whether somebody wrote into a text that is about to be removed, or put
// another in the place of ours: its map would not be the one that was made.
func (t *transaction) displaced() error {
	for _, c := range t.changes {
		if c.was != nil {
			if err := c.unedited(c.temp); err != nil {
				return fmt.Errorf("%s: %w", c.path, err)
			}
		}
		if !c.standsAt(c.live) {
			return fmt.Errorf("%s: %w", c.path, ErrChanged)
		}
	}
	return nil
}

// rollback puts back what was swapped, the last first.
func (t *transaction) rollback() error {
	var errs []error
	for i := len(t.changes) - 1; i >= 0; i-- {
		c := t.changes[i]
		if !c.swapped {
			continue
		}
		if err := t.putBack(c); err != nil {
			errs = append(errs, fmt.Errorf("%s: could not be put back: %w", c.path, err))
			continue
		}
		c.swapped = false
	}
	return errors.Join(errs...)
}

// putBack undoes one swap. A text that somebody has edited since it was swapped in is theirs and stays.
func (t *transaction) putBack(c *change) error {
	move := t.exchange
	if c.was == nil {
		move = func(temp, live string) error { return place(live, temp) }
	}
	if err := c.ours(c.live); err != nil {
		return err
	}
	if err := move(c.temp, c.live); err != nil {
		return err
	}
	if err := c.ours(c.temp); err != nil {
		if c.was == nil {
			move = place
		}
		return errors.Join(err, move(c.temp, c.live))
	}
	return state.SyncDir(filepath.Dir(c.live))
}

// ours is nil when path is the file that was staged, with the text that was staged, and nobody is about to write into it.
func (c *change) ours(path string) error {
	if c.kind == kindText && openForWriting(path) || !c.standsAt(path) {
		return errors.New("edited after it was replaced; it stays as edited")
	}
	return nil
}

// standsAt reports whether path is the text that was staged, with the content that was staged. It is true of what is no
// text, and where nothing can be read.
func (c *change) standsAt(path string) bool {
	if c.kind != kindText {
		return true
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return !errors.Is(err, fs.ErrNotExist)
	case inodeOf(info) != c.inode:
		return false
	}
	same, err := bounded.Holds(path, c.new)
	return err != nil || same
}

// finish removes what was replaced. Sessions that hold an old map learn from its time that it is gone (docs/facts.md 6).
func (t *transaction) finish() error {
	var errs []error
	for _, c := range t.changes {
		errs = append(errs, retire(c.kind, c.temp))
	}
	return errors.Join(errs...)
}

// discard removes what was staged and not swapped in, or was put back: a new map that stood at live for a moment may be
// held by a session like an old one. What could not be put back keeps its old content under temp.
func (t *transaction) discard() error {
	var errs []error
	for _, c := range t.changes {
		if c.temp != "" && !c.swapped {
			errs = append(errs, retire(c.kind, c.temp))
		}
	}
	return errors.Join(errs...)
}

// retire touches a map and removes the file; one that is not there is done.
func retire(kind changeKind, path string) error {
	if kind == kindMap {
		if err := touch(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := state.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// touch sets a map's time to two seconds from now, later than any whole second at which a session can have opened it:
// then each session that holds it opens the map anew, by path, at its next lookup (docs/facts.md 6).
func touch(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	at := time.Now()
	if info.ModTime().After(at) {
		at = info.ModTime()
	}
	at = at.Add(2 * time.Second)
	return os.Chtimes(path, at, at)
}
