package install

import (
	"errors"
	"fmt"
	"syscall"
)

// diskAdvice is what to do about what a file system refuses a write with.
var diskAdvice = []struct {
	errno  syscall.Errno
	advice string
}{
	{syscall.ENOSPC, "the file system is full: make room there, then run the update again"},
	{syscall.EDQUOT, "the quota is used up: raise it or make room, then run the update again"},
	{syscall.EROFS, "the file system is mounted read-only: where nobody meant that, the kernel's log says why"},
	{syscall.EIO, "the disk fails: look into the kernel's log, and do not trust what else is on it"},
	{syscall.EACCES, "it wants root, or the user who owns the files and their directories; SELinux, AppArmor and systemd can refuse it, too"},
}

// advised adds to an error what to do about it, where a file system is the reason.
func advised(err error) error {
	for _, a := range diskAdvice {
		if errors.Is(err, a.errno) {
			return fmt.Errorf("%w\n%s", err, a.advice)
		}
	}
	return err
}
