// Package program runs other programs: an argv and no shell, a clean environment, and bounds on time and output. It finds them, and
// tells Sendmail's own from others of the same names. It does not know what they do, and retries nothing.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"mailallow/accessmap/kernel"
)

// cleanPath is the PATH of every program, whatever PATH cron or systemd gave mailallow.
const cleanPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// MaxMessages is the MaxOutput for programs that only write messages, in bytes.
const MaxMessages = 16 << 10

// Program is one run of a program, with PATH and LC_ALL as its only environment. It runs in a process group of its own: a
// Ctrl-C reaches it only through the context, and a program that takes longer than Limit is killed with its children.
type Program struct {
	Argv      []string
	Stdin     io.Reader // nil: empty
	Limit     time.Duration
	MaxOutput int // bytes to keep of stdout and of stderr, each; the rest is dropped
	// Hopeless is a text in a message after which the program is stopped: it has failed, and would go on for a long time. Empty: none is.
	Hopeless string
}

// ErrOutput says that a program wrote more than MaxOutput.
var ErrOutput = errors.New("more output than expected")

// Run runs the program and returns its stdout. Errors: the cause of ctx if that ended the program,
// context.DeadlineExceeded after Limit, an *Error if the program could not be started or failed, and ErrOutput, with the
// first MaxOutput bytes, if its stdout was longer.
func (p Program) Run(ctx context.Context) (stdout []byte, err error) {
	out := &boundedBuffer{max: p.MaxOutput}
	err = p.runWith(ctx, func(cmd *exec.Cmd) error {
		cmd.Stdout = out
		return cmd.Run()
	})
	if err == nil && out.cut {
		err = fmt.Errorf("%s: %w (%d bytes)", p.Argv[0], ErrOutput, p.MaxOutput)
	}
	return out.kept.Bytes(), err
}

// runWith sets the program up and calls run, which starts it and waits for its end. Its errors are those of Run, without
// ErrOutput.
func (p Program) runWith(ctx context.Context, run func(*exec.Cmd) error) error {
	limited, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	cmd := exec.CommandContext(limited, p.Argv[0], p.Argv[1:]...)
	cmd.Env = []string{"PATH=" + cleanPath, "LC_ALL=C"}
	cmd.Stdin = p.Stdin
	stderr := &messages{boundedBuffer: boundedBuffer{max: p.MaxOutput}, hopeless: []byte(p.Hopeless), stop: cancel}
	cmd.Stderr = stderr
	// The program must not outlive this process: a makemap that continues after a SIGKILL would write its file during the
	// next run. Linux ends it when the starting thread ends, so keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = kernel.Child()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A grandchild that keeps the pipes open must not make Wait wait after the end of the program.
	cmd.WaitDelay = 2 * time.Second

	err := run(cmd)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: stopped: %w", p.Argv[0], context.Cause(ctx))
	case stderr.stopped:
		err = errors.New("it failed, and was stopped")
	case limited.Err() != nil:
		return fmt.Errorf("%s: not done within %s, stopped: %w", p.Argv[0], p.Limit, context.DeadlineExceeded)
	}
	return &Error{argv: p.Argv, Said: strings.TrimSpace(stderr.kept.String()), err: err}
}

// Error says that a program could not be started or did not end with status 0.
type Error struct {
	argv []string
	Said string // its stderr, at most MaxOutput bytes; of a Command without one, its stdout
	err  error
}

func (e *Error) Error() string {
	if e.Said == "" {
		silent := ""
		if _, ended := e.err.(*exec.ExitError); ended {
			silent = " without a message: its log may say why" // as that of 'postfix reload' does, without a terminal
		}
		return fmt.Sprintf("%s: %v%s", strings.Join(e.argv, " "), e.err, silent)
	}
	// Indent its further lines, so that nobody takes them for lines of mailallow.
	return fmt.Sprintf("%s: %v: %s", strings.Join(e.argv, " "), e.err, strings.ReplaceAll(e.Said, "\n", "\n  "))
}

// Unwrap returns the error of the process and, if the program's message names an error of the file system, that error
// number: a program can report it only in words.
func (e *Error) Unwrap() []error {
	errs := []error{e.err}
	message := strings.ToLower(e.Said)
	for _, errno := range fileErrors {
		if strings.Contains(message, errno.Error()) {
			errs = append(errs, errno)
		}
	}
	return errs
}

// fileErrors are errors of a file system. With LC_ALL=C, the C library and Go have the same words for them, except for
// capital letters.
var fileErrors = [...]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EACCES}

// boundedBuffer keeps the first max bytes and drops the rest, so that a full pipe never stops the program. It does not embed
// bytes.Buffer, whose ReadFrom has no bound.
type boundedBuffer struct {
	kept bytes.Buffer
	max  int
	cut  bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if room := b.max - b.kept.Len(); len(p) > room {
		b.cut = true
		b.kept.Write(p[:room])
		return len(p), nil
	}
	return b.kept.Write(p)
}

// messages keeps what a program says, and stops it after a message that is hopeless.
type messages struct {
	boundedBuffer
	hopeless []byte // empty: none is
	stop     func()
	stopped  bool
}

func (m *messages) Write(p []byte) (int, error) {
	n, err := m.boundedBuffer.Write(p)
	if len(m.hopeless) > 0 && !m.stopped && bytes.Contains(m.kept.Bytes(), m.hopeless) {
		m.stopped = true
		m.stop()
	}
	return n, err
}

// Find returns the path of an executable file: name itself if it holds a slash, otherwise the first match in dirs; the error
// is exec.ErrNotFound if there is none. It passes over directories that are not absolute: a program that runs as root must
// not depend on the working directory.
func Find(name string, dirs []string) (string, error) {
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		return path, executable(path)
	}
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); filepath.IsAbs(dir) && executable(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}

// executable returns an error unless path is a regular file with an x bit. It follows symbolic links.
func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "execute", Path: path, Err: fs.ErrPermission}
	}
	return nil
}

// SearchPath is the directories of PATH, then more.
func SearchPath(more ...string) []string {
	return append(filepath.SplitList(os.Getenv("PATH")), more...)
}
