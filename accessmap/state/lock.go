package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

const (
	// lockPoll is the time between two tries to take a lock: short for a person, long for a processor.
	lockPoll = 200 * time.Millisecond
	// maxCommand bounds the command line of a holder, in bytes.
	maxCommand = 200
	// maxHolder bounds the bytes that are read from a lock file: a command line that is escaped twice, and the rest.
	maxHolder = 4 << 10
)

// LockedError says that another run holds a lock.
type LockedError struct {
	Path   string // of the lock file, or of the target's directory that is locked
	Holder Holder
	Waited time.Duration // zero: not at all
}

// Holder is the process that holds a lock.
type Holder struct {
	PID     int       `json:"pid"`     // 0: not known, nor are the other fields
	Since   time.Time `json:"since"`   // zero: not known
	Command string    `json:"command"` // command line in printable ASCII, without DNSBL keys; empty: not known
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("process %d", h.PID)
	if !h.Since.IsZero() {
		text += " since " + h.Since.UTC().Format(time.RFC3339)
	}
	if h.Command != "" {
		text += " (" + h.Command + ")"
	}
	return text
}

func (e *LockedError) Error() string {
	if e.Waited > 0 {
		return fmt.Sprintf("%s: still locked by %s after %s: try again when it is done", e.Path, e.Holder, ascii.Duration(e.Waited))
	}
	return fmt.Sprintf("%s: locked by %s: try again when it is done", e.Path, e.Holder)
}

// OpenLock opens a lock file and creates it, 0600, if it is missing.
func OpenLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
}

// Hold takes the lock of an open file (flock(2)) and writes the holder into it. It tries for as long as patience, at least
// once; then a *LockedError names the holder. The lock ends with Release or with the process.
func Hold(ctx context.Context, f *os.File, patience time.Duration) error {
	deadline, poll := time.NewTimer(patience), time.NewTicker(lockPoll)
	defer deadline.Stop()
	defer poll.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return writeHolder(f)
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for the lock: %w", f.Name(), context.Cause(ctx))
		case <-deadline.C:
			return &LockedError{Path: f.Name(), Holder: readHolder(f), Waited: patience}
		case <-poll.C:
		}
	}
}

// Release ends the lock of an open file and closes it. To close it alone is not enough while a process that another goroutine
// starts has it open, too, until it executes its program. The record goes first: who takes the lock writes its own at once.
func Release(f *os.File) {
	_ = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK})
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // it fails only for a file that is not open
	f.Close()
}

// writeHolder writes this process into a lock file, for people to read. It also takes a record lock (fcntl(2)), by which
// readHolder learns the process from the kernel. Both locks end with the process.
func writeHolder(f *os.File) error {
	text, err := json.Marshal(Holder{
		PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second),
		Command: ascii.Printable(dnsbl.HideKeys(strings.Join(os.Args, " ")), maxCommand),
	})
	if err != nil {
		return err
	}
	_ = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}) // without it readHolder names no process
	info, err := f.Stat()
	if err != nil || info.Sys().(*syscall.Stat_t).Nlink > 1 {
		return err // another name of it may belong to a copy of the system (cp -al), whose file must not change
	}
	text = append(text, '\n')
	if _, err := f.WriteAt(text, 0); err != nil || info.Size() <= int64(len(text)) {
		return err
	}
	return f.Truncate(int64(len(text))) // behind the text: ext4 writes a file that was emptied to the disk when it is closed
}

// readHolder returns the process that holds the record lock of writeHolder. It uses the text only if it names the same
// process: another text is from a run that has ended.
func readHolder(f *os.File) Holder {
	record := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &record); err != nil || record.Type == unix.F_UNLCK || record.Pid <= 0 {
		return Holder{}
	}
	text := make([]byte, maxHolder)
	n, _ := f.ReadAt(text, 0)
	var h Holder
	if err := json.Unmarshal(text[:n], &h); err != nil || h.PID != int(record.Pid) {
		return Holder{PID: int(record.Pid)}
	}
	h.Command = ascii.Printable(h.Command, maxCommand)
	return h
}
