package install

import (
	"errors"
	"os"

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
