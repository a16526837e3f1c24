//go:build linux && !portable

package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exchange swaps the names of two files of one directory in a single step. Each keeps its inode and its link count
// (docs/facts.md 6). errors.ErrUnsupported: this kernel or file system cannot do that.
func Exchange(a, b string) error { return rename(a, b, unix.RENAME_EXCHANGE) }

// Place renames from to to, which must not exist (EEXIST). errors.ErrUnsupported: this kernel or file system cannot do that.
func Place(from, to string) error { return rename(from, to, unix.RENAME_NOREPLACE) }

// rename is renameat2(2). A filter of system calls, as containers have them, answers EPERM where an old kernel has ENOSYS.
func rename(from, to string, flag uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flag)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: renameat2: %w", errors.ErrUnsupported, err)
	}
	return err
}

// KnowsWriters is true: OpenForWriting asks the kernel.
const KnowsWriters = true

// OpenForWriting reports whether a process has the file open for writing: its next write goes into this inode, although the
// content shows nothing yet. It asks the kernel for a read lease, which a file that is open for writing does not get (fcntl(2),
// F_SETLEASE). The kernel gives no lease at all to a user who does not own the file, and on most network file systems; then
// nothing is known and the answer is false.
func OpenForWriting(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) // a process that is just starting has the file open, too
	return errors.Is(err, unix.EAGAIN)
}

// Child gives the attributes of a process that ends with the thread that starts it (prctl(2), PR_SET_PDEATHSIG), in a process
// group of its own.
func Child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// WidenPipe makes the buffer of a pipe larger, in bytes, if the system allows it.
func WidenPipe(fd, size int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size) }

// Full reports whether the file system of a directory has next to no room left.
func Full(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Bavail < fullBlocks
}

// fullBlocks are too few for a program that needs several at once.
const fullBlocks = 16

// CopiesAttributes is true: CopyAttributes copies what it names.
const CopiesAttributes = true

// accessACL holds a POSIX access list. Every file that is created in a directory with a default list gets one.
const accessACL = "system.posix_acl_access"

// isKept reports whether an attribute is one that somebody gave to the file: access lists, security labels, and notes of
// users and root. The others belong to an inode or to its content (capabilities, signatures, a layer of overlayfs), and a
// new file must not have them.
func isKept(attribute string) bool {
	switch attribute {
	case accessACL, "security.selinux", "security.SMACK64":
		return true
	}
	return strings.HasPrefix(attribute, "user.") || strings.HasPrefix(attribute, "trusted.") && !strings.HasPrefix(attribute, "trusted.overlay.")
}

// CopyAttributes gives a new file the extended attributes of the file at live that a person or a policy gave to that: its access
// list, security labels and notes. It removes an access list that the directory gave to the new file.
func CopyAttributes(f *os.File, live string) error {
	fd, hasACL := int(f.Fd()), false
	for _, name := range attributes(func(b []byte) (int, error) { return unix.Listxattr(live, b) }) {
		if !isKept(name) {
			continue
		}
		hasACL = hasACL || name == accessACL
		want, err := attribute(func(b []byte) (int, error) { return unix.Getxattr(live, name, b) })
		if err != nil {
			return fmt.Errorf("its attribute %s cannot be read: %w", name, err)
		}
		got, err := attribute(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if err == nil && bytes.Equal(got, want) {
			continue
		}
		if err := unix.Fsetxattr(fd, name, want, 0); err != nil {
			return fmt.Errorf("its attribute %s cannot be kept: %w", name, err)
		}
	}
	given := attributes(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
	if !hasACL && slices.Contains(given, accessACL) {
		return unix.Fremovexattr(fd, accessACL)
	}
	return nil
}

// attributes returns the names from a listxattr call; none if the file system has no attributes.
func attributes(list func([]byte) (int, error)) []string {
	b, err := attribute(list)
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

// attribute calls get twice, for the size and for the bytes.
func attribute(get func([]byte) (int, error)) ([]byte, error) {
	size, err := get(nil)
	if err != nil || size == 0 {
		return nil, err
	}
	b := make([]byte, size)
	size, err = get(b)
	if err != nil {
		return nil, err
	}
	return b[:size], nil
}
