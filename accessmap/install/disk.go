package install

import (
	"errors"
	"fmt"
	"syscall"
)

// diskAdvice says what to do when a file system refuses a write.
var diskAdvice = []struct {
	errno  syscall.Errno
	advice string
}{
	{syscall.ENOSPC, "the file system is full: make room there, then run it again"},
	{syscall.EDQUOT, "the quota is used up: raise it or make room, then run it again"},
	{syscall.EROFS, "the file system is mounted read-only: if nobody meant that, the kernel's log says why"},
	{syscall.EIO, "the disk fails: look into the kernel's log, and do not trust the other files on it"},
	{syscall.EBUSY, mountAdvice},
	{syscall.EXDEV, mountAdvice}, // where names cannot be exchanged
	{syscall.EACCES, "run it as root or as the user who owns the files and their directories; SELinux, AppArmor and systemd can refuse it, too"},
	{syscall.ENOLCK, "its file system has no locks, as NFS without its lock service: put state_dir on a local one"},
	{syscall.EPERM, "run it as root, with all of root's rights; what is immutable for root, too, lsattr shows and chattr -ia frees, on the BSDs ls -lo and chflags noschg"},
}

const mountAdvice = "the file is a mount point of its own, as containers have them, and cannot be replaced: mount its directory there instead"

// withDiskAdvice adds to an error the advice for its cause, if the cause is in diskAdvice.
func withDiskAdvice(err error) error {
	for _, a := range diskAdvice {
		if errors.Is(err, a.errno) {
			return fmt.Errorf("%w\n%s", err, a.advice)
		}
	}
	return err
}
