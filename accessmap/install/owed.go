package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

// owedFile holds the journal.
const owedFile = "owed.json"

// journal is owed.json: what a run has begun and the next one must end if it is killed. It is written before the first
// temporary file and again before the first swap.
type journal struct {
	Version  int           `json:"version"`
	Swapping bool          `json:"swapping"` // false: nothing but temporary files can have been written
	Files    []owedChange  `json:"files,omitempty"`
	OnChange []owedCommand `json:"on_change,omitempty"`
}

// owedChange is one change of a transaction. Once the swaps have begun, the inode tells which file is found under Temp:
// ours, which never came in or was put back, or the one it replaced.
type owedChange struct {
	Kind  changeKind `json:"kind"`
	Live  string     `json:"live"`
	Temp  string     `json:"temp"`
	Inode uint64     `json:"inode,omitempty"` // of our file
	Old   string     `json:"old,omitempty"`   // text: digest of what it replaced
	New   string     `json:"new,omitempty"`   // text: digest of our file
}

// owedCommand is an on_change command that must run once the text at Path is no longer Old, or the new map is in its place.
// It names no program: that comes from the configuration as it is when the command runs, so that correcting it there is
// enough.
type owedCommand struct {
	Path     string `json:"path"`
	Old      string `json:"old,omitempty"`       // digest; empty: there was no file
	Map      string `json:"map,omitempty"`       // empty: the map does not change
	MapInode uint64 `json:"map_inode,omitempty"` // of the new one
	Due      bool   `json:"due"`                 // the swap is known to have happened
}

// isDue tells whether what the command waits for has happened.
func (o owedCommand) isDue() bool {
	if o.Due || digestFile(o.Path) != o.Old {
		return true
	}
	info, err := os.Lstat(o.Map)
	return err == nil && inodeOf(info) == o.MapInode
}

// owes returns the journal entry of a transaction.
func (t *transaction) owes(swapping bool, commands []owedCommand) journal {
	j := journal{Version: 1, Swapping: swapping, OnChange: commands}
	for _, c := range t.changes {
		owed := owedChange{Kind: c.kind, Live: c.live, Temp: c.temp, Inode: c.inode}
		if c.kind == kindText && c.was != nil {
			owed.Old, owed.New = digest(c.old), digest(c.new)
		}
		j.Files = append(j.Files, owed)
	}
	return j
}

func (j journal) isEmpty() bool { return len(j.Files) == 0 && len(j.OnChange) == 0 }

// keep writes the journal into the state directory, or removes it when nothing is owed.
func (j journal) keep(s *state.Dir) error {
	if j.isEmpty() {
		return s.Remove(owedFile)
	}
	return s.Write(owedFile, j)
}

// settleCommands takes the commands that were run out of the journal, all that were due but those that still are.
func settleCommands(s *state.Dir, still []owedCommand) error {
	j, err := readJournal(s)
	if err != nil {
		return err
	}
	j.OnChange = slices.DeleteFunc(j.OnChange, func(o owedCommand) bool { return o.Due && !owes(still, o.Path) })
	return j.keep(s)
}

// readJournal returns the journal, an empty one where there is none.
func readJournal(s *state.Dir) (journal, error) {
	j := journal{Version: 1}
	b, err := bounded.File(s.Path(owedFile), state.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &j)
	}
	if err == nil && j.Version != 1 {
		err = fmt.Errorf("version %d is not known", j.Version)
	}
	if err != nil {
		return j, fmt.Errorf("%s: %w (see for files %s* beside the targets, then remove it)", s.Path(owedFile), err, tempPrefix)
	}
	return j, nil
}

// finishOwed ends what an interrupted run has begun: temporary files are removed, replaced maps touched first. It
// returns the commands that are still due. Every file is then wholly old or wholly new; which, the plan finds out.
func finishOwed(s *state.Dir) ([]owedCommand, error) {
	j, err := readJournal(s)
	if err != nil || j.isEmpty() {
		return nil, err
	}
	var errs []error
	for _, c := range j.Files {
		for _, temp := range []string{c.Temp, c.Temp + asideSuffix} {
			if err := c.finish(temp, j.Swapping); err != nil {
				errs = append(errs, fmt.Errorf("%s: left by an interrupted run: %w", temp, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var due []owedCommand
	for _, command := range j.OnChange {
		if command.isDue() {
			command.Due = true
			due = append(due, command)
		}
	}
	return due, journal{Version: 1, OnChange: due}.keep(s)
}

// finish ends one change whose temporary file is temp.
func (c owedChange) finish(temp string, swapping bool) error {
	if !strings.HasPrefix(filepath.Base(temp), tempPrefix) || filepath.Dir(temp) != filepath.Dir(c.Live) {
		return errors.New("not a name of ours")
	}
	info, err := os.Lstat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	live, liveErr := os.Lstat(c.Live)
	switch {
	case liveErr == nil && os.SameFile(info, live):
		// The second name that a fallback exchange had begun with: touching it would touch the live file.
		return state.Unlink(temp)
	case c.Kind == kindText && openForWriting(temp):
		return fmt.Errorf("it was %s, and %w", c.Live, writingError{})
	case !swapping, inodeOf(info) == c.Inode, c.Kind != kindText, digestFile(temp) == c.Old:
		return retire(c.Kind, temp)
	case liveErr == nil && inodeOf(live) == c.Inode && digestFile(c.Live) == c.New && !openForWriting(c.Live):
		// An edit that was put in place between our last look and the swap. It is the newer one: it goes back.
		if err := exchange(temp, c.Live); err != nil {
			return err
		}
		return state.Unlink(temp)
	}
	return fmt.Errorf("it holds an edit of %s that is not in the file now: take over what you need, then remove it", c.Live)
}

// digestFile is the digest of a file, empty when it cannot be read.
func digestFile(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return digest(b)
}
