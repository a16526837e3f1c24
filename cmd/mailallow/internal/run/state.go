package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mailallow/accessmap/install"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/exit"
)

// lastGoodFile holds the last good state, in the state directory.
const lastGoodFile = "snapshot.json"

func (r *Request) lastGoodPath() string { return filepath.Join(r.Settings.StateDir, lastGoodFile) }

// lastGood reads the last good state; nil when there is none, or NoGuard asks for none.
func (r *Request) lastGood() (*allowlist.Snapshot, error) {
	if r.options.NoGuard {
		return nil, nil
	}
	lastGood, err := loadSnapshot(r.lastGoodPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Hint("", "put the file right, or move it away to begin anew", "the last good state cannot be read: %w; nothing was changed", err)
	}
	return lastGood, nil
}

func loadSnapshot(path string) (*allowlist.Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return allowlist.DecodeSnapshot(f, path)
}

// StateFiles is the new last good state as a file to install together with the list.
// A state that the next run could not read is an error.
func (r *Request) StateFiles(list *List) ([]install.StateFile, error) {
	encoded, err := list.lastGood.Bytes()
	if err != nil {
		return nil, exit.With(exit.Install, fmt.Errorf("%w\nnothing was changed", err))
	}
	return []install.StateFile{{Path: r.lastGoodPath(), Bytes: encoded}}, nil
}
