package install

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrChanged says that somebody edited a file after the plan read it. The edit is kept and no file of the plan is
// installed; plan again.
var ErrChanged = errors.New("edited since it was read")

// writingError is ErrChanged for a text that a program is about to change.
type writingError struct{}

func (writingError) Error() string {
	return "a program has it open for writing: try again when it has closed it (fuser -v names it)"
}

func (writingError) Is(err error) bool { return err == ErrChanged }

// openForWriting reports whether a process has the file open for writing: its next write goes into this inode and would be
// lost with it, although the content shows nothing yet. It asks the kernel for a read lease, which a file that is open for
// writing does not get (fcntl(2), F_SETLEASE). The kernel gives no lease at all to a user who does not own the file, and on
// most network file systems; then nothing is known and the answer is false.
func openForWriting(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close() // ends the lease
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	return errors.Is(err, unix.EAGAIN)
}
