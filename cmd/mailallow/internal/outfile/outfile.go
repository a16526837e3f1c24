// Package outfile writes the files that mailallow makes for other programs: a
// snapshot, metrics. Each appears whole or not at all, under its name, with its bytes
// synced to the disk before. Targets are not its business: package accessmap installs
// those together with their maps.
package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

const mode = 0o644 // of new files

// Write puts what write writes where a shell would put it: it follows links, keeps the
// mode of a file, gives a new one 0644 less umask, and writes into a device or a pipe,
// since a file in the place of /dev/null would be the end of that.
func Write(path string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		return replace(path, write, renameio.WithPermissions(mode), renameio.WithExistingPermissions())
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// Replace puts a file with mode 0644 under the name path, whatever the umask and
// whatever has that name: it follows no link. It removes what earlier calls staged
// beside it and could not finish. Two processes must not do so at once.
func Replace(path string, text []byte) error {
	if err := sweep(path); err != nil {
		return err
	}
	write := func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
	return replace(path, write, renameio.WithStaticPermissions(mode))
}

func replace(path string, write func(io.Writer) error, options ...renameio.Option) error {
	f, err := renameio.NewPendingFile(path, append(options, renameio.WithTempDir(filepath.Dir(path)))...)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// sweep removes the files that renameio names for staging path: a dot, the name, and
// a random number.
func sweep(path string) error {
	dir, prefix := filepath.Dir(path), "."+filepath.Base(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // a directory may be writable and not readable
	}
	staged := slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		number, ok := strings.CutPrefix(e.Name(), prefix)
		return !ok || number == "" || strings.Trim(number, "0123456789") != ""
	})
	for _, e := range staged {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
