package state

import (
	"context"

	"mailallow/allowlist/bounded"
)

// File is a file of a state directory that one command keeps from run to run. It has a lock of its own, so that the command
// and an update do not wait for each other.
type File struct {
	dir  *Dir
	name string
}

// Keep takes the lock of the file NAME, which is the file NAME.lock, without waiting; a *LockedError names the holder. Like
// Open it creates the directory if it is missing, and refuses one that others can write to.
func Keep(ctx context.Context, stateDir, name string) (*File, error) {
	dir, err := Open(ctx, stateDir, name+".lock", 0, name)
	if err != nil {
		return nil, err
	}
	return &File{dir, name}, nil
}

// Path is the path of the file.
func (f *File) Path() string { return f.dir.Path(f.name) }

// Read returns the content of the file. The error is fs.ErrNotExist before the first Write; a file of more than limit
// bytes, and anything but a regular file, is an error too.
func (f *File) Read(limit int64) ([]byte, error) { return bounded.File(f.Path(), limit) }

// Write replaces the file, 0600, whole and synced, by content as JSON.
func (f *File) Write(content any) error { return f.dir.Write(f.name, content) }

// Close gives the lock back.
func (f *File) Close() { f.dir.Close() }
