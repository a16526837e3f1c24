package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"mailallow/accessmap/install"
	"mailallow/accessmap/state"
	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/guard"
	"mailallow/allowlist/snapshot"
)

// asRoot is what to do for one who may not read the state.
const asRoot = "run it as root, or as the user who runs the update"

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

// lastGood reads the last good state; nil when there is none, or NoGuard asks for none.
func (r *Request) lastGood() (*snapshot.Snapshot, error) {
	if r.options.NoGuard {
		return nil, nil
	}
	if r.options.Since != "" {
		return loadSnapshot(r.options.Since)
	}
	lastGood, err := loadSnapshot(r.lastGoodPath())
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return lastGood, nil
	case errors.Is(err, fs.ErrPermission) && r.options.ForAnswer:
		r.stateless = &allowlist.Problem{Kind: "state", Text: fmt.Sprintf("the state cannot be read, so that last good ranges and pins are not known: %v: %s", err, asRoot)}
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Hint("", asRoot, "the last good state cannot be read: %w; nothing was changed", err)
	}
	return nil, fault.Hint("", "put the file right, or move it away to begin anew", "the last good state cannot be read: %w; nothing was changed", err)
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
