//go:build !linux || portable

package kernel

import (
	"errors"
	"os"
	"syscall"
)

// Exchange is not there: package install links and renames instead. What is lost: an edit that somebody renames to the same
// name between these two steps.
func Exchange(_, _ string) error { return errors.ErrUnsupported }

// Place is not there: package install links and removes instead. Nothing is lost, but a run that is killed in between leaves a
// second name of the file.
func Place(_, _ string) error { return errors.ErrUnsupported }

// KnowsWriters is false: OpenForWriting knows nothing.
const KnowsWriters = false

// OpenForWriting knows nothing. What is lost: the changes of a program that opened the file for writing before the swap and
// writes after it.
func OpenForWriting(string) bool { return false }

// Child gives the attributes of a process in a process group of its own. What is lost: it does not end with a mailallow that is
// killed. A makemap then goes on, into a file that nothing reads any more.
func Child() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// WidenPipe does nothing. What is lost: some speed.
func WidenPipe(_, _ int) {}

// Full knows nothing. What is lost: the reason why a program failed that does not say it.
func Full(string) bool { return false }

// CopiesAttributes is false. What is lost: extended attributes. Package install refuses a file with an access list, which would
// be lost, too.
const CopiesAttributes = false

// CopyAttributes does nothing.
func CopyAttributes(*os.File, string) error { return nil }
