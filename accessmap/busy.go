package accessmap

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What other programs are doing with a file, asked of the kernel.

// writingError is ErrChanged for a text that somebody is about to change.
type writingError struct{}

func (writingError) Error() string {
	return "a program has it open for writing: try again when it has closed it (fuser -v names it)"
}

func (writingError) Is(target error) bool { return target == ErrChanged }

// openForWriting reports whether any process has the file open for writing. What that process writes next goes into this
// very file, whatever its name is by then, and is lost with it; the content cannot tell. The kernel gives no read lease on
// such a file (fcntl(2), F_SETLEASE). To a user who does not own the file, and on most network file systems, it gives
// none at all: nothing is known there, and the answer is false.
func openForWriting(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close() // which ends the lease
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	return errors.Is(err, unix.EAGAIN)
}

const (
	// writerTry is how long to wait before looking again whether a file is written to: an editor is done by then.
	writerTry = 20 * time.Millisecond
	// maxWriter bounds that wait: who has a file open for longer may have it open for hours.
	maxWriter = 500 * time.Millisecond
)

// awaitWriter gives a program that is writing to the file time to come to its end: half a text makes no good plan.
func awaitWriter(path string) {
	for end := time.Now().Add(maxWriter); openForWriting(path) && time.Now().Before(end); {
		time.Sleep(writerTry)
	}
}

const (
	// lullTry is how long to wait before looking again: Sendmail opens a map in a twentieth of a millisecond.
	lullTry = 100 * time.Microsecond
	// maxLull bounds the wait. Where sessions open the map without a pause, one moment is as good as another.
	maxLull = 100 * time.Millisecond
)

// awaitLull waits for a moment in which no session is opening the map at live. Sendmail holds a shared lock while it
// opens a map, and calls it changed, with 451 until the session ends, if its name leads elsewhere before it is through
// (facts.md 6). The exclusive lock that shows the moment is let go of at once: nobody is kept waiting.
func (c *change) awaitLull() {
	if c.kind != kindMap || c.was == nil {
		return
	}
	f, err := os.Open(c.live)
	if err != nil {
		return
	}
	defer f.Close()
	for end := time.Now().Add(maxLull); time.Now().Before(end); time.Sleep(lullTry) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			unix.Flock(int(f.Fd()), unix.LOCK_UN)
			return
		}
	}
}
