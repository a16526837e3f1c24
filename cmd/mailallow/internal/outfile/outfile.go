// Package outfile writes the files that mailallow makes for other programs: a snapshot,
// metrics. Each appears under its name whole or not at all, and is synced to the disk
// before. It writes no targets: package accessmap/install does, together with their maps.
package outfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
)

const mode = 0o644 // of new files

// Write has write write to a file as a shell would: it follows links, keeps the mode of a
// file and, as root, its owner, and gives a new one 0644 less umask. A link to nothing is an
// error, as it is for a target. Write writes into a device or a pipe, because a rename would
// put a file in the place of /dev/null; a pipe that nobody reads lets it wait until ctx ends.
func Write(ctx context.Context, path string, write func(io.Writer) error) error {
	linked := path
	real, err := filepath.EvalSymlinks(path)
	if err != nil { // the file is yet to be made: a link can lead to its folder
		linked = filepath.Dir(path)
		if real, err = filepath.EvalSymlinks(linked); err == nil {
			real = filepath.Join(real, filepath.Base(path))
		}
	}
	if err == nil && real != filepath.Clean(path) {
		if err := checkLink(linked); err != nil {
			return err
		}
		path = real
	}
	info, err := os.Stat(path)
	if _, link := os.Readlink(path); err != nil && link == nil {
		return errors.New("a symbolic link to nothing")
	}
	if err != nil || info.Mode().IsRegular() {
		return replace(path, write, info, renameio.WithPermissions(mode), renameio.WithExistingPermissions())
	}
	return bounded.Until(ctx, func() error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		// Who may write to the folder could have put a link in its place meanwhile.
		if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
			return errors.Join(err, errors.New("another file was put in its place"))
		}
		return errors.Join(write(f), f.Close())
	})
}

// checkLink refuses, for root, a link that another user could have made, as in /tmp: it chooses which file root writes.
func checkLink(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		err = state.CheckPath(absolute)
	}
	if err != nil {
		return fmt.Errorf("a symbolic link leads elsewhere: %w", err)
	}
	return nil
}

// Replace puts a file with mode 0644, whatever the umask, in the place of any file or link
// at path. It removes the files that earlier calls staged beside it and could not finish.
// Two processes must not call it for one path at once.
func Replace(path string, text []byte) error {
	if err := state.Sweep(filepath.Dir(path), filepath.Base(path)); err != nil {
		return err
	}
	write := func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
	return replace(path, write, nil, renameio.WithStaticPermissions(mode))
}

// Create writes a new file with mode 0644 less umask. It is an error that is fs.ErrExist if anything is at path, a link that
// leads nowhere, too.
func Create(path string, text []byte) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(mode), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer f.Cleanup() // the file has its second name then
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return state.SyncDir(filepath.Dir(path))
}

// replace gives the new file, as root, the owner of old, unless that is nil.
func replace(path string, write func(io.Writer) error, old os.FileInfo, options ...renameio.Option) error {
	f, err := renameio.NewPendingFile(path, append(options, renameio.WithTempDir(filepath.Dir(path)))...)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if old != nil && os.Geteuid() == 0 {
		owner := old.Sys().(*syscall.Stat_t)
		f.Chown(int(owner.Uid), int(owner.Gid)) // where root may not, as on some network file systems, it stays root's
	}
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
