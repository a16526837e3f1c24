package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"mailallow/accessmap/install"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/terminal"
)

// asRoot is what to do for one who may not read the state.
const asRoot = "run it as root, or as the user who runs the update"

// known is what a run knows before it asks its sources.
type known struct {
	now     time.Time          // ages are counted to here
	wrong   string             // why the clock is not believed; empty: it is
	sources []allowlist.Source // of the settings, without those that have ended

	lastGood  *snapshot.Snapshot // nil: there is none
	unread    *allowlist.Problem // the state cannot be read; nil: it can
	memory    *guard.Memory      // the guard's, of the states before the last good one; nil: there is none
	memoryErr error              // why it cannot be used; nil: it can
	pins      pins
	given     given
}

// known reads the state, and opens a snapshot that the run waits for. clock is the time that the computer shows.
func (r *Request) known(ctx context.Context, t *terminal.Terminal, clock time.Time) (k *known, err error) {
	k = &known{given: r.given}
	if k.lastGood, k.unread, err = r.lastGood(); err != nil {
		return nil, err
	}
	if r.carrier().Waits() && r.options.Rollback == nil {
		if k.given, err = r.open(ctx, t); err != nil {
			return nil, err
		}
	}
	k.memory, k.memoryErr = r.memory(k.lastGood)
	k.now, k.wrong = believed(clock, k.lastGood, k.memory)
	k.sources = r.wanted(k.now, k.wrong != "")
	k.pins, err = r.pins(k) // a rollback makes them of what is known so far
	return k, err
}

// inForce is when the last good state was written; zero: there is none.
func (k *known) inForce() time.Time {
	if k.lastGood == nil {
		return time.Time{}
	}
	return k.lastGood.Written
}

func (r *Request) lastGoodPath() string {
	return filepath.Join(r.Settings.StateDir, state.LastGoodFile)
}
func (r *Request) memoryPath() string { return filepath.Join(r.Settings.StateDir, state.MemoryFile) }

// memory reads the guard's memory; nil, with an error that says why, if it cannot be used. It has the states before those of the last
// good state, and no others.
func (r *Request) memory(lastGood *snapshot.Snapshot) (*guard.Memory, error) {
	if lastGood == nil || len(lastGood.Sources) == 0 || r.options.Since != "" {
		return nil, nil
	}
	text, err := bounded.File(r.memoryPath(), guard.MaxMemoryBytes(len(lastGood.Sources)))
	if err != nil {
		return nil, fmt.Errorf("the states before it are lost: %w", err)
	}
	m, err := guard.DecodeMemory(text)
	if err != nil {
		return nil, fmt.Errorf("the states before it are lost: %s: %w", r.memoryPath(), err)
	}
	return m, nil
}

// lastGood reads the last good state; nil when there is none, NoGuard asks for none, or a run for an answer may not read it: then
// unread says so.
func (r *Request) lastGood() (lastGood *snapshot.Snapshot, unread *allowlist.Problem, err error) {
	if r.options.NoGuard {
		return nil, nil, nil
	}
	if r.options.Since != "" {
		lastGood, err = loadSnapshot(r.options.Since)
		return lastGood, nil, err
	}
	lastGood, err = loadSnapshot(r.lastGoodPath())
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return lastGood, nil, nil
	case errors.Is(err, fs.ErrPermission) && r.options.ForAnswer:
		return nil, &allowlist.Problem{Kind: "state", Text: fmt.Sprintf("the state cannot be read, so that last good ranges and pins are not known: %v: %s", err, asRoot)}, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fault.Hint("", asRoot, "the last good state cannot be read: %w; nothing was changed", err)
	}
	return nil, nil, fault.Hint("", "put the file right, or move it away to begin anew", "the last good state cannot be read: %w; nothing was changed", err)
}

// hasLastGood reports whether there is a last good state that this user may read.
func (r *Request) hasLastGood() bool {
	f, err := bounded.Open(r.lastGoodPath())
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// loadSnapshot reads a last good state. It has no bound but those of its sources, so that no source is left out for another.
func loadSnapshot(path string) (*snapshot.Snapshot, error) {
	f, err := bounded.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return snapshot.Decode(f, path)
}

// StateFiles gives the pins, the guard's new memory, the new last good state and the history, as files to install together with
// the list. The memory comes before the last good state: after a kill in between, the next run compares with one state twice,
// and forgets none. There are none where the state was lost and a bare file is left alone: it does not name its sources, and the
// next run must find their state missing.
func (r *Request) StateFiles(result *Result) ([]install.StateFile, error) {
	list := result.List
	if list.lost && result.LeavesAlone(true) {
		return nil, nil
	}
	files := append(r.pinFiles(list), install.StateFile{Path: r.memoryPath(), Write: install.Whole(list.memory.Encode())},
		install.StateFile{Path: r.lastGoodPath(), Write: list.lastGood.Encode})
	entry, err := r.Record(result)
	return append(files, entry...), err
}
