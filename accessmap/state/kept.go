package state

import (
	"context"

	"mailallow/allowlist/bounded"
)

// File is a file of a state directory that one command keeps from run to run, with a lock of its own: it does not
// wait for an update, and no update waits for it.
type File struct {
	state *Dir
	name  string
}

// Keep takes the lock of the file NAME in a state directory without waiting; a *LockedError says who has it. The
// directory is created, 0700, when it is missing, and refused when others can write to it.
func Keep(ctx context.Context, stateDir, name string) (*File, error) {
	st, err := Open(ctx, stateDir, name+".lock", 0, name)
	if err != nil {
		return nil, err
	}
	return &File{st, name}, nil
}

// Path is where the file is.
func (k *File) Path() string { return k.state.Path(k.name) }

// Read gives what is in the file, at most limit bytes; a larger one, and what is no regular file, is an error. An
// fs.ErrNotExist says that there is none yet.
func (k *File) Read(limit int64) ([]byte, error) { return bounded.File(k.Path(), limit) }

// Write replaces the file, 0600, whole and durable, by content as JSON.
func (k *File) Write(content any) error { return k.state.Write(k.name, content) }

// Close lets go of the lock.
func (k *File) Close() { k.state.Close() }
