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
