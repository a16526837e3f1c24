package install

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func copyOwner(f *os.File, live string, old fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	got, want := info.Sys().(*syscall.Stat_t), old.Sys().(*syscall.Stat_t)
	if got.Uid != want.Uid || got.Gid != want.Gid {
		if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
			return fmt.Errorf("its owner %d:%d cannot be kept: %w (run as root or as the owner)", want.Uid, want.Gid, err)
		}
	}
	if err := unix.Fchmod(int(f.Fd()), want.Mode&0o7777); err != nil {
		return fmt.Errorf("its mode %04o cannot be kept: %w", want.Mode&0o7777, err)
	}
	return copyAttributes(int(f.Fd()), live)
}

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

// copyAttributes also removes an access list that the directory gave to the new file.
func copyAttributes(fd int, live string) error {
	hasACL := false
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
