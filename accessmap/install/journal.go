package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
)

// journal holds the work that a run has begun, so that the next run can finish it if this one is killed. A run writes it
// before the first temporary file and again before the first swap.
type journal struct {
	Version  int              `json:"version"`
	Swapping bool             `json:"swapping"` // false: the run has written temporary files only
	Files    []journalEntry   `json:"files,omitempty"`
	OnChange []pendingCommand `json:"on_change,omitempty"`
}

// journalEntry is one change of a transaction. Once the swaps have begun, the inode tells which file is at Temp: the new
// one, which was not swapped in or was put back, or the old one.
type journalEntry struct {
	Kind  changeKind `json:"kind"`
	Live  string     `json:"live"`
	Temp  string     `json:"temp"`
	Inode uint64     `json:"inode,omitempty"` // of the new file
	Old   string     `json:"old,omitempty"`   // digest of the old text; empty: there is none
	New   string     `json:"new,omitempty"`   // digest of the text in its place
	Gone  bool       `json:"gone,omitempty"`  // there is no new file
}

// pendingCommand is an on_change command to run once the text at Path is no longer Old, or the new map is at Map. It has no
// argv: that comes from the configuration when the command runs, so that a corrected configuration is enough to mend it.
type pendingCommand struct {
	Path     string `json:"path"`
	Old      string `json:"old,omitempty"`       // digest; empty: there was no file
	Map      string `json:"map,omitempty"`       // empty: the map does not change
	MapInode uint64 `json:"map_inode,omitempty"` // of the new map
	Due      bool   `json:"due"`                 // the files are known to be swapped
}

func (c pendingCommand) isDue() bool {
	if c.Due || digestFile(c.Path) != c.Old {
		return true
	}
	info, err := os.Lstat(c.Map)
	return err == nil && inodeOf(info) == c.MapInode
}

func newJournal(changes []*change, swapping bool, commands []pendingCommand) journal {
	j := journal{Version: 1, Swapping: swapping, OnChange: commands}
	for _, c := range changes {
		entry := journalEntry{Kind: c.kind, Live: c.live, Temp: c.temp, Inode: c.inode, Gone: c.gone}
		if c.kind == kindText && c.oldInfo != nil {
			entry.Old, entry.New = digest(c.old), digest(c.new)
		}
		j.Files = append(j.Files, entry)
	}
	return j
}

func (j journal) isEmpty() bool { return len(j.Files) == 0 && len(j.OnChange) == 0 }

// write removes the file if the journal is empty.
func (j journal) write(st *state.Dir) error {
	if j.isEmpty() {
		return state.Remove(st.Path(state.OwedFile))
	}
	return st.Write(state.OwedFile, j)
}

func readJournal(st *state.Dir) (journal, error) {
	j := journal{Version: 1}
	b, err := bounded.File(st.Path(state.OwedFile), state.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = fault.JSON(json.Unmarshal(b, &j))
	}
	if err == nil && j.Version != 1 {
		err = fmt.Errorf("version %d is not known", j.Version)
	}
	if err != nil {
		return j, fmt.Errorf("%s: %w (look for files %s* beside the targets, then remove this file)",
			st.Path(state.OwedFile), err, tempPrefix)
	}
	return j, nil
}

// finishInterrupted finishes the work of a killed run: it removes the temporary files, after it has touched replaced maps,
// and returns the on_change commands that are due. Every file is then wholly old or wholly new.
func finishInterrupted(st *state.Dir, exchange func(temp, live string) error) ([]pendingCommand, error) {
	j, err := readJournal(st)
	if err != nil || j.isEmpty() {
		return nil, err
	}
	var errs []error
	var removed []string
	for _, entry := range j.Files {
		// A swap by links goes to its end first: an edit then goes back from the one name that the next journal knows, too.
		if err := finishExchange(entry.Temp); err != nil {
			errs = append(errs, fmt.Errorf("%s: left by an interrupted run: %w", entry.Temp+asideSuffix, err))
			continue
		}
		for _, temp := range []string{entry.Temp, entry.Temp + asideSuffix} {
			if isThere(temp) {
				removed = append(removed, temp)
			}
			if err := entry.finish(temp, j.Swapping, exchange); err != nil {
				errs = append(errs, fmt.Errorf("%s: left by an interrupted run: %w", temp, err))
			}
		}
	}
	if err := errors.Join(append(errs, syncRemoved(removed))...); err != nil {
		return nil, err
	}
	var due []pendingCommand
	for _, command := range j.OnChange {
		if command.isDue() {
			command.Due = true
			due = append(due, command)
		}
	}
	return due, newJournal(nil, false, due).write(st)
}

func (e journalEntry) finish(temp string, swapping bool, exchange func(temp, live string) error) error {
	if !strings.HasPrefix(filepath.Base(temp), tempPrefix) || filepath.Dir(temp) != filepath.Dir(e.Live) {
		return errors.New("not a name that mailallow gives to a temporary file")
	}
	info, err := os.Lstat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	live, liveErr := os.Lstat(e.Live)
	switch {
	case liveErr == nil && os.SameFile(info, live):
		// The second name from exchangeByLinks: to touch it would touch the live file.
		return state.Remove(temp)
	case e.Kind == kindText && kernel.OpenForWriting(temp):
		return fmt.Errorf("it holds the old text of %s, and %w", e.Live, writingError{})
	case !swapping, inodeOf(info) == e.Inode, e.Kind != kindText, digestFile(temp) == e.Old:
		return retire(e.Kind, temp)
	case e.Gone && errors.Is(liveErr, fs.ErrNotExist):
		// Somebody edited the text that the run was about to remove.
		if err := place(temp, e.Live); err != nil {
			return err
		}
		return state.SyncDir(filepath.Dir(e.Live))
	case liveErr == nil && inodeOf(live) == e.Inode && digestFile(e.Live) == e.New && !kernel.OpenForWriting(e.Live):
		// Somebody edited the text between the last check and the swap. The edit is the newer text: it goes back.
		if err := exchange(temp, e.Live); err != nil {
			return err
		}
		if err := state.SyncDir(filepath.Dir(e.Live)); err != nil {
			return err
		}
		return state.Remove(temp)
	}
	return fmt.Errorf("it holds an edit of %s that is not in the file now: copy the lines that you need into the file, then remove this one", e.Live)
}

// digestFile is empty for a file that cannot be read. It waits at no FIFO: the run has the lock.
func digestFile(path string) string {
	f, err := bounded.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
