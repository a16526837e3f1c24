package accessmap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/allowlist/bounded"
)

// The files of a state directory that this package keeps.
const (
	lockFile    = "lock"      // flock, with a text that says who holds it
	recordsFile = "maps.json" // which map was found to belong to which text
	owedFile    = "owed.json" // what an interrupted run left to do
)

// maxStateFile bounds each of them, in bytes: ten thousand targets make less.
const maxStateFile = 16 << 20

// state is a state directory, held by this run alone until close.
type state struct {
	dir  string
	lock *os.File
}

// openState creates the directory when it is missing, 0700, takes a lock in it, waiting for it as long as patience, and
// removes what a killed run has left half-written of the files that are under the lock.
// What is in it decides what is removed from the target's directories, so one that somebody else could write is refused.
func openState(ctx context.Context, dir, lock string, patience time.Duration, names ...string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := private("state directory", dir); err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.IsAbs(dir) && real != filepath.Clean(dir) {
		if err := ours(dir); err != nil {
			return nil, fmt.Errorf("state directory %s: a symbolic link leads to %s: %w", dir, real, err)
		}
	}
	f, err := openLock(filepath.Join(dir, lock))
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := hold(ctx, f, patience); err != nil {
		f.Close()
		return nil, err
	}
	s := &state{dir: dir, lock: f}
	for _, name := range names {
		if err := s.remove(name + newSuffix); err != nil {
			s.close()
			return nil, fmt.Errorf("state directory: %w", err)
		}
	}
	return s, nil
}

// private is nil for a directory that nobody can write to but its owner, who is root or the running user. role is the word
// for it in an error.
func private(role, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	if owner, is := foreign(info); is {
		return fmt.Errorf("%s %s belongs to user %d: chown it to who runs mailallow", role, dir, owner)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s %s can be written by others: chmod 0700", role, dir)
	}
	return nil
}

func writeAt(f *os.File, b []byte) error {
	_, err := f.WriteAt(b, 0)
	return err
}

func (s *state) close() { s.lock.Close() }

func (s *state) path(name string) string { return filepath.Join(s.dir, name) }

// newSuffix ends the name of a file of our own that is being written.
const newSuffix = ".new"

// write replaces one of our own files, whole and durable, if its content differs. The lock makes the temporary name safe.
func (s *state) write(name string, content any) error {
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	path := s.path(name)
	if is, err := os.ReadFile(path); err == nil && bytes.Equal(is, b) {
		return nil
	}
	temp := path + newSuffix
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(writeAt(f, b), f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, s.remove(name+newSuffix))
	}
	return syncDir(s.dir)
}

// remove deletes one of our own files; one that is not there is done.
func (s *state) remove(name string) error {
	if err := unlink(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// mapRecord is a map that was found to hold what its text says, and by what to know both again.
type mapRecord struct {
	Text       string `json:"text"`        // path
	TextDigest string `json:"text_digest"` // SHA-256
	Map        string `json:"map"`         // path
	Type       string `json:"type"`
	Size       int64  `json:"size"`
	Device     uint64 `json:"device"`
	Inode      uint64 `json:"inode"`
	ModifiedNS int64  `json:"mtime_ns"` // since 1970
	ChangedNS  int64  `json:"ctime_ns"` // no program can set this one back
}

// mapRecords is maps.json.
type mapRecords struct {
	Version int         `json:"version"`
	Maps    []mapRecord `json:"maps"`
}

// readRecords returns the records of a state directory; one that cannot be read has none, and the maps are dumped.
func readRecords(stateDir string) (records mapRecords) {
	b, err := bounded.File(filepath.Join(stateDir, recordsFile), maxStateFile)
	if err != nil || json.Unmarshal(b, &records) != nil || records.Version != 1 {
		return mapRecords{Version: 1}
	}
	return records
}

// recordOf returns the record of the map as it stands now.
func recordOf(mapType, textPath string, text []byte, mapPath string) (mapRecord, error) {
	info, err := os.Stat(mapPath)
	if err != nil {
		return mapRecord{}, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	return mapRecord{
		Text: textPath, TextDigest: digest(text), Map: mapPath, Type: mapType,
		Size: stat.Size, Device: uint64(stat.Dev), Inode: stat.Ino,
		ModifiedNS: stat.Mtim.Nano(), ChangedNS: stat.Ctim.Nano(),
	}, nil
}

// mapFile returns where the map of a text was found when it was last in step, else where MapFile has it: makemap is not
// started to ask for it.
func (records mapRecords) mapFile(mapType, textPath string) (string, error) {
	for _, r := range records.Maps {
		if r.Text == textPath && r.Type == mapType {
			return r.Map, nil
		}
	}
	return MapFile(mapType, textPath)
}

// fit reports whether an earlier run has found the map of this text in step, and both are still what they were.
func (records mapRecords) fit(mapType, textPath string, text []byte) bool {
	mapPath, err := records.mapFile(mapType, textPath)
	if err != nil {
		return false
	}
	is, err := recordOf(mapType, textPath, text, mapPath)
	return err == nil && slices.Contains(records.Maps, is)
}

// digest is the SHA-256 of b in hex.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
