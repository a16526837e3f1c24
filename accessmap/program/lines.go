package program

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"mailallow/accessmap/kernel"

	"golang.org/x/sys/unix"
)

const (
	// linePause is the time between two reads of an empty pipe: long enough to find some hundred lines afterwards, and short
	// beside the run of the program.
	linePause = time.Millisecond
	// linePipe is the size of the pipe, in bytes, if the system allows it: the program continues during a pause.
	linePipe = 1 << 20
	// lineBuffer is the number of bytes to read at a time, and the bound for a line.
	lineBuffer = 64 << 10
)

// RunLines runs the program and calls take with each line of its stdout, without the newline; the line is valid until take
// returns. After an error from take it reads the rest without calling take, and returns that error if the program succeeds.
// Other errors are those of Run; ErrOutput means a line of 64 KiB or more. The number of lines has no bound, and MaxOutput
// holds for stderr alone.
//
// It is for programs that write every line with a system call of its own, as makemap -u does: a reader that the kernel wakes
// for each line would take as much time as the program. So RunLines does not wait for the kernel: it looks into the pipe from
// time to time. Nor is the pipe registered with epoll(7), as Go does with its own pipes: at each write the kernel would then go
// through those that wait for it, even if the pipe was not empty.
func (p Program) RunLines(ctx context.Context, take func(line []byte) error) error {
	var lineErr error
	err := p.runWith(ctx, func(cmd *exec.Cmd) error {
		readEnd, writeEnd, err := pipe()
		if err != nil {
			return err
		}
		defer unix.Close(readEnd)
		kernel.WidenPipe(readEnd, linePipe) // a smaller pipe is only slower
		if err := unix.SetNonblock(readEnd, true); err != nil {
			return errors.Join(err, writeEnd.Close())
		}
		cmd.Stdout = writeEnd
		if err := errors.Join(cmd.Start(), writeEnd.Close()); err != nil {
			return err
		}
		ended, done := make(chan struct{}), make(chan struct{})
		go func() {
			lineErr = readLines(readEnd, ended, take)
			close(done)
		}()
		err = cmd.Wait()
		close(ended)
		<-done
		return err
	})
	if err != nil {
		return err
	}
	return lineErr
}

// pipe makes a pipe that is not registered with epoll(7). A program that another goroutine starts meanwhile does not inherit
// its ends.
func pipe() (readEnd int, writeEnd *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		return 0, nil, os.NewSyscallError("pipe", err)
	}
	syscall.CloseOnExec(ends[0])
	syscall.CloseOnExec(ends[1])
	return ends[0], os.NewFile(uintptr(ends[1]), "pipe"), nil
}

// readLines reads from a non-blocking pipe until its other end is closed. After the end of the program it reads only the
// bytes that are in the pipe already, because another process may keep the other end open.
func readLines(pipe int, ended <-chan struct{}, take func([]byte) error) error {
	buffer, held, last := make([]byte, lineBuffer), 0, false
	var failed error
	for {
		n, err := unix.Read(pipe, buffer[held:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && !last:
			select {
			case <-ended:
				last = true
			case <-time.After(linePause):
			}
			continue
		case err != nil && !errors.Is(err, unix.EAGAIN):
			return os.NewSyscallError("read", err)
		case n <= 0:
			if held > 0 && failed == nil {
				failed = take(buffer[:held])
			}
			return failed
		}
		rest := buffer[:held+n]
		for end := bytes.IndexByte(rest, '\n'); end >= 0; end = bytes.IndexByte(rest, '\n') {
			if failed == nil {
				failed = take(rest[:end])
			}
			rest = rest[end+1:]
		}
		if held = copy(buffer, rest); held == len(buffer) {
			failed, held = errors.Join(failed, ErrOutput), 0
		}
	}
}
