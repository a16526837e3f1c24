package install

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/program"

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
			return fmt.Errorf("its owner %d:%d cannot be kept: %w", want.Uid, want.Gid, err)
		}
	}
	mode := uint32(want.Mode) & 0o7777
	if err := unix.Fchmod(int(f.Fd()), mode); err != nil {
		return fmt.Errorf("its mode %04o cannot be kept: %w", mode, err)
	}
	if !kernel.CopiesAttributes {
		return refuseACL(live)
	}
	return kernel.CopyAttributes(f, live)
}

// refuseACL refuses a file with an access list, where a new file cannot have the same. ls marks the mode of such a file with one more
// character in every system that has access lists (ls of POSIX, "optional alternate access method flag"). A dot and an @
// stand for less: security labels and other attributes.
func refuseACL(live string) error {
	ls := program.Program{Argv: []string{"/bin/ls", "-ld", live}, Limit: 10 * time.Second, MaxOutput: program.MaxMessages}
	output, err := ls.Run(context.Background())
	if err != nil {
		return err
	}
	const mode = len("-rw-r--r--")
	if len(output) <= mode {
		return fmt.Errorf("ls -ld %s: no mode in %q: whether it has an access list is not known", live, output)
	}
	if mark := output[mode]; mark != ' ' && mark != '.' && mark != '@' {
		return fmt.Errorf("it has an access list, which a new file would not have: remove it (setfacl -b %s), and set owner, group and mode instead", live)
	}
	return nil
}
