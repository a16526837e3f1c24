//go:build !linux || portable

package kernel

import (
	"errors"
	"os"
	"syscall"
)

// Exchange is not there: package install links and renames instead. Lost is an edit that somebody renames to the same name between
// these two steps.
func Exchange(_, _ string) error { return errors.ErrUnsupported }

// Place is not there: package install links and removes instead. Lost is nothing but a second name of the file, if the run is
// killed in between.
func Place(_, _ string) error { return errors.ErrUnsupported }

// KnowsWriters is false: OpenForWriting knows nothing.
const KnowsWriters = false

// OpenForWriting knows nothing. Lost are the changes of a program that had the file open for writing before the swap and writes
// after it.
func OpenForWriting(string) bool { return false }

// Child are the attributes of a process in a process group of its own. Lost is its end with that of mailallow, if that is killed:
// a makemap then goes on, into a file that nothing reads any more.
func Child() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// WidenPipe does nothing. Lost is some speed.
func WidenPipe(_, _ int) {}

// CopiesAttributes is false: package install refuses a file with an access list, which would be lost. Lost are extended attributes.
const CopiesAttributes = false

// CopyAttributes does nothing.
func CopyAttributes(*os.File, string) error { return nil }
