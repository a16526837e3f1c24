//go:build linux

package install

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/kernel"
	"mailallow/fixtures"
)

// accessACL holds a POSIX access list.
const accessACL = "system.posix_acl_access"

// attributesOf gives the extended attributes of a file.
func attributesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	buffer := make([]byte, 64<<10)
	n, err := unix.Listxattr(path, buffer)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buffer[:n]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		if n, err = unix.Getxattr(path, name, value); err == nil {
			all[name] = string(value[:n])
		}
	}
	return all
}

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
	if !kernel.CopiesAttributes {
		t.Skip("this system copies no attributes")
	}
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
		got := attributesOf(t, path)
		for name, want := range kept {
			if got[name] != string(want) {
				t.Errorf("%s: %s is %q", path, name, got[name])
			}
		}
		for name := range lost {
			if _, ok := got[name]; ok {
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
		if mode, got := fixtures.Stat(t, path).Mode(), attributesOf(t, path); mode != 0o640 || got[accessACL] != "" {
			t.Errorf("%s: %v, %q", path, mode, got)
		}
	}
}

// TestRefuseACL: where no attributes are copied, a file with an access list is refused, by the name of what it has, and no other.
func TestRefuseACL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	fixtures.WriteFile(t, path, "a OK\n")
	for _, mode := range []os.FileMode{0o600, 0o644, 0o4755} {
		if err := errors.Join(os.Chmod(path, mode), refuseACL(path)); err != nil {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if err := unix.Setxattr(path, accessACL, acl(4242), 0); err != nil {
		t.Skipf("this file system keeps no access lists: %v", err)
	}
	if err := refuseACL(path); err == nil || !strings.Contains(err.Error(), "setfacl -b "+path) {
		t.Errorf("with an access list: %v", err)
	}
	if err := refuseACL(path + ".none"); err == nil {
		t.Error("no error without a file")
	}
}
