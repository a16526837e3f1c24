// Package program runs other people's programs: an argv and no shell, a clean environment, and bounds on time and output. It
// knows none of them by name, and retries nothing.
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
)

// cleanPath is the PATH other programs run with: theirs to find postfix or mail in, whatever cron or systemd gave us.
const cleanPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Program is one run of somebody else's program: an argv and no shell, an environment of PATH and LC_ALL alone, and
// bounds on its time and its output. It runs in a process group of its own, so that a Ctrl-C reaches it only through
// the context and a program past its limit is ended with its children.
type Program struct {
	Argv      []string
	Stdin     io.Reader // nil: empty
	Limit     time.Duration
	MaxOutput int // bytes kept of stdout and of stderr, each; what is over is dropped
}

// ErrOutput says that a program wrote more than was kept.
var ErrOutput = errors.New("more output than expected")

// Run runs the program to its end and gives what it wrote to stdout.
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

// runWith has run start the program and wait for its end. The error is the context's cause when that was cancelled;
// otherwise it names the program and what it said on stderr.
func (p Program) runWith(ctx context.Context, run func(*exec.Cmd) error) error {
	limited, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	cmd := exec.CommandContext(limited, p.Argv[0], p.Argv[1:]...)
	cmd.Env = []string{"PATH=" + cleanPath, "LC_ALL=C"}
	cmd.Stdin = p.Stdin
	said := &boundedBuffer{max: p.MaxOutput}
	cmd.Stderr = said
	// Nor must the program outlive us: a makemap that goes on after a SIGKILL would leave its file behind the next run's
	// back. The kernel sends the signal when the starting thread ends, so the thread is held.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A grandchild that keeps our pipes open must not keep us waiting once the program itself is gone.
	cmd.WaitDelay = 2 * time.Second

	err := run(cmd)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: stopped: %w", p.Argv[0], context.Cause(ctx))
	case limited.Err() != nil:
		return fmt.Errorf("%s: not done within %s, stopped: %w", p.Argv[0], p.Limit, context.DeadlineExceeded)
	}
	return &Error{argv: p.Argv, Said: strings.TrimSpace(said.kept.String()), err: err}
}

// Error is a program that could not be started or did not end with status 0.
type Error struct {
	argv []string
	Said string // its stderr, bounded
	err  error
}

func (e *Error) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("%s: %v", strings.Join(e.argv, " "), e.err)
	}
	// What it says further stands indented: no line of it is to be taken for one of ours.
	return fmt.Sprintf("%s: %v: %s", strings.Join(e.argv, " "), e.err, strings.ReplaceAll(e.Said, "\n", "\n  "))
}

// Unwrap gives how the program ended and, where it said that a file system failed it, the error number of that.
func (e *Error) Unwrap() []error {
	errs := []error{e.err}
	said := strings.ToLower(e.Said)
	for _, errno := range fileErrors() {
		if strings.Contains(said, errno.Error()) {
			errs = append(errs, errno)
		}
	}
	return errs
}

// fileErrors are the errors of a file system that a program can say nothing of but the C library's words, which are
// Go's but for capital letters in the locale that programs run with here.
func fileErrors() []syscall.Errno {
	return []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EACCES}
}

// boundedBuffer keeps the first max bytes written to it and takes the rest without a word, so that the writer is never
// stopped by a full pipe. It embeds no bytes.Buffer, whose ReadFrom knows no bound.
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

// Find returns the path of an executable file: name itself when it holds a slash, else the first in dirs.
// Directories that are not absolute are passed over: what runs as root must not depend on where it was started.
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

// executable is nil for a regular file, symbolic links followed, with an x bit.
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

// SearchPath is PATH, then more.
func SearchPath(more ...string) []string {
	return append(filepath.SplitList(os.Getenv("PATH")), more...)
}

// MaxTalk bounds what is kept of a program's messages.
const MaxTalk = 16 << 10
