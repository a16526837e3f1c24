package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mailallow/accessmap/state"
)

// transaction replaces several files, all or none. Between commit and finish every old file still exists, and rollback
// puts it back.
type transaction struct {
	changes  []*change
	exchange func(temp, live string) error
}

// commit swaps the staged files in, in order, and syncs each before the next. After an error the caller must roll back.
func (t *transaction) commit() error {
	for _, c := range t.changes {
		if err := t.swap(c); err != nil {
			return fmt.Errorf("%s: %w", c.path, err)
		}
	}
	return nil
}

// swap swaps in one change. It checks the old text before and after, because the exchange itself cannot depend on the
// content: an edit between the check and the exchange is found at temp and goes back from there.
func (t *transaction) swap(c *change) error {
	if err := c.checkOld(c.live); err != nil {
		return err
	}
	c.awaitTick()
	c.swappedAt = time.Now()
	switch err := t.move(c, c.temp, c.live); {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (%w)", ErrChanged, err)
	case err != nil:
		return err
	}
	c.swapped = true
	if c.oldInfo != nil {
		// Before the slow sync: an edit must go back before somebody edits the new text as well.
		if err := c.checkOld(c.temp); err != nil {
			return err
		}
	}
	return state.SyncDir(filepath.Dir(c.live))
}

// move exchanges the two files of a change. If there is no old one, it gives the new one its other name; if there is to be no
// new one, it gives the old one the name that the new one would leave.
func (t *transaction) move(c *change, from, to string) error {
	switch {
	case c.gone:
		return place(to, from)
	case c.oldInfo == nil:
		return place(from, to)
	}
	return t.exchange(c.temp, c.live)
}

// recheck looks once more, after all swaps, for an edit of an old text, which finish would remove, and for a new text that
// somebody has replaced: the new map would not be the one of that text.
func (t *transaction) recheck() error {
	for _, c := range t.changes {
		if c.oldInfo != nil {
			if err := c.checkOld(c.temp); err != nil {
				return fmt.Errorf("%s: %w", c.path, err)
			}
		}
		if !c.isNewAt(c.live) {
			return fmt.Errorf("%s: %w", c.path, ErrChanged)
		}
	}
	return nil
}

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

// putBack undoes one swap. If somebody has edited the new text, the edit stays.
func (t *transaction) putBack(c *change) error {
	if err := c.checkNew(c.live); err != nil {
		return err
	}
	if err := t.move(c, c.live, c.temp); err != nil {
		return err
	}
	if c.gone {
		return state.SyncDir(filepath.Dir(c.live))
	}
	if err := c.checkNew(c.temp); err != nil {
		return errors.Join(err, t.move(c, c.temp, c.live))
	}
	return state.SyncDir(filepath.Dir(c.live))
}

// finish removes the old files.
func (t *transaction) finish() error { return t.remove(true) }

// discard removes the new files that were not swapped in or were put back. A file that could not be put back keeps its old
// content at temp.
func (t *transaction) discard() error { return t.remove(false) }

func (t *transaction) remove(swapped bool) error {
	var errs []error
	var removed []string
	for _, c := range t.changes {
		if c.temp != "" && c.swapped == swapped && isThere(c.temp) {
			errs = append(errs, retire(c.kind, c.temp))
			removed = append(removed, c.temp)
		}
	}
	return errors.Join(append(errs, syncRemoved(removed))...)
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncRemoved makes removals durable, also of a directory: after a power failure the journal must name a file that is back.
func syncRemoved(paths []string) error {
	var errs []error
	synced := map[string]bool{}
	for _, path := range paths {
		if dir := filepath.Dir(path); !synced[dir] {
			synced[dir] = true
			if err := state.SyncDir(dir); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// retire removes a file if it is there. It touches a map before: a session may have it open, an old map or a new one that
// was live for a moment.
func retire(kind changeKind, path string) error {
	if kind == kindMap {
		if err := touch(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return state.Remove(path)
}

// touch sets a map's time to two seconds from now, later than any whole second at which a session can have opened it. Each
// session that has it open then opens the map at its path at the next lookup (docs/facts.md 6).
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
