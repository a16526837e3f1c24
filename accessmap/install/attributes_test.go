package install

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/fixtures"
)

// acl is a POSIX access list in the kernel's form (linux/posix_acl_xattr.h): version 2, then tag, permissions and id of
// each entry. It lets one user besides the owner read and write.
func acl(user uint32) []byte {
	const none = ^uint32(0)
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, entry := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, none}, {2, 6, user}, {4, 4, none}, {16, 6, none}, {32, 4, none}} {
		b = binary.LittleEndian.AppendUint16(b, entry.tag)
		b = binary.LittleEndian.AppendUint16(b, entry.perm)
		b = binary.LittleEndian.AppendUint32(b, entry.id)
	}
	return b
}

// A replaced file keeps owner, group, mode, access list, label and notes. It does not keep attributes that belong to the old
// content, and gets none that the directory gives to every new file.
func TestInstallKeeps(t *testing.T) {
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no owner and no label can be given")
	}
	r := newRig(t)
	r.install(r.job("a OK\n"))
	const user, group = 12, 34
	kept := map[string][]byte{
		"user.note": []byte("a note"), "user.large": bytes.Repeat([]byte("x"), 2000), "trusted.note": []byte("root's"),
		"security.selinux": []byte("system_u:object_r:etc_mail_t:s0\x00"), accessACL: acl(4242),
	}
	lost := map[string][]byte{
		// Version 2 of struct vfs_cap_data: CAP_NET_BIND_SERVICE.
		"security.capability": {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	files := []string{r.path, r.path + ".db"}
	for _, path := range files {
		err := errors.Join(os.Chown(path, user, group), os.Chmod(path, 0o664))
		for _, attributes := range []map[string][]byte{kept, lost} {
			for name, value := range attributes {
				err = errors.Join(err, unix.Setxattr(path, name, value, 0))
			}
		}
		if err != nil {
			t.Skipf("this file system keeps no attributes: %v", err)
		}
	}
	if err := unix.Setxattr(r.dir, "system.posix_acl_default", acl(4343), 0); err != nil {
		t.Fatal(err)
	}

	r.install(r.job("b OK\n"), r.jobAt(r.dir+"/table", "", "x\n"))
	r.holds("b OK\n", "table")
	for _, path := range files {
		info := fixtures.Stat(t, path)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != user || s.Gid != group || info.Mode() != 0o664 {
			t.Errorf("%s: %d:%d, %v", path, s.Uid, s.Gid, info.Mode())
		}
		names := attributes(func(b []byte) (int, error) { return unix.Listxattr(path, b) })
		for name, want := range kept {
			got, err := attribute(func(b []byte) (int, error) { return unix.Getxattr(path, name, b) })
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s is %q, %v", path, name, got, err)
			}
		}
		for name := range lost {
			if slices.Contains(names, name) {
				t.Errorf("%s: %s was kept", path, name)
			}
		}
	}

	// A file without a list gets none from its directory.
	for _, path := range files {
		if err := errors.Join(unix.Removexattr(path, accessACL), os.Chmod(path, 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	r.install(r.job("c OK\n"))
	for _, path := range files {
		names := attributes(func(b []byte) (int, error) { return unix.Listxattr(path, b) })
		if mode := fixtures.Stat(t, path).Mode(); mode != 0o640 || slices.Contains(names, accessACL) {
			t.Errorf("%s: %v, %s", path, mode, strings.Join(names, " "))
		}
	}
}
