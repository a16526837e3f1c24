package accessmap

import (
	"fmt"
	"strings"
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

// advised adds to an error what to do about it, where a file system is the reason. makemap tells of it in its own words,
// which are the C library's.
func advised(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	for _, a := range diskAdvice {
		if strings.Contains(text, a.errno.Error()) {
			return fmt.Errorf("%w\n%s", err, a.advice)
		}
	}
	return err
}
