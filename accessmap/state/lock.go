package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

const (
	// lockPoll is how often a lock that somebody holds is tried again: soon for a person, rare for a processor.
	lockPoll = 200 * time.Millisecond
	// maxCommand bounds the command line that is kept of a lock's holder, in bytes.
	maxCommand = 200
	// maxHolder bounds what is read of a lock file: a command line escaped twice, and the rest.
	maxHolder = 4 << 10
)

// LockedError says that another run is at work on the state directory, or on the directory of a target.
type LockedError struct {
	Path   string
	Holder Holder
	Waited time.Duration // how long in vain
}

// Holder is who holds a lock.
type Holder struct {
	PID     int       `json:"pid"`     // 0: not known, nor is the rest
	Since   time.Time `json:"since"`   // zero: not known
	Command string    `json:"command"` // its command line, printable ASCII and without keys of DNSBLs; empty: not known
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	who := fmt.Sprintf("process %d", h.PID)
	if !h.Since.IsZero() {
		who += " since " + h.Since.UTC().Format(time.RFC3339)
	}
	if h.Command != "" {
		who += " (" + h.Command + ")"
	}
	return who
}

func (e *LockedError) Error() string {
	if e.Waited > 0 {
		return fmt.Sprintf("%s: still locked by %s after %s: try again when it is done", e.Path, e.Holder, e.Waited)
	}
	return fmt.Sprintf("%s: locked by %s: try again when it is done", e.Path, e.Holder)
}

// flock takes the lock of an open file. One that somebody else holds is tried again for as long as patience; the error
// is a *LockedError then, which does not name the holder.
func flock(ctx context.Context, f *os.File, patience time.Duration) error {
	over, again := time.NewTimer(patience), time.NewTicker(lockPoll)
	defer over.Stop()
	defer again.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for the lock: %w", f.Name(), context.Cause(ctx))
		case <-over.C:
			return &LockedError{Path: f.Name(), Waited: patience}
		case <-again.C:
		}
	}
}

// OpenLock opens the file of a lock and makes it where there is none.
func OpenLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
}

// Hold takes the lock of an open file as flock does, and signs it. A *LockedError names the holder.
func Hold(ctx context.Context, f *os.File, patience time.Duration) error {
	err := flock(ctx, f, patience)
	if err == nil {
		return sign(f)
	}
	var locked *LockedError
	if errors.As(err, &locked) {
		locked.Holder = holderOf(f)
	}
	return err
}

// sign writes down who holds the lock. The text is for people; the lock is the kernel's and ends with the process. So
// does the record lock (fcntl) beside it, which is there to tell whose the text is: see holderOf.
func sign(f *os.File) error {
	text, err := json.Marshal(Holder{
		PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second), Command: ascii.Printable(dnsbl.HideKeys(strings.Join(os.Args, " ")), maxCommand),
	})
	if err != nil {
		return err
	}
	_ = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}) // without it nobody is named
	return errors.Join(f.Truncate(0), writeAt(f, append(text, '\n')))
}

// holderOf tells who holds a lock that sign was done under: the process is the one that the kernel names, and the text
// counts only if it is by that process. What a dead run has left there is not believed.
func holderOf(f *os.File) Holder {
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
