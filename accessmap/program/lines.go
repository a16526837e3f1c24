package program

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// linePause is how long a reader of lines leaves the pipe alone: long enough to find some hundred lines then, and
	// short beside what the program takes.
	linePause = time.Millisecond
	// linePipe is the room in the pipe, in bytes, where the system lets us have it: the program goes on meanwhile.
	linePipe = 1 << 20
	// lineBuffer is how many bytes are read at a time, and the longest line that there may be.
	lineBuffer = 64 << 10
)

// RunLines runs the program to its end and gives each line of its stdout to take, without the newline. It is for programs
// that write every line by itself, as makemap -u does: a reader that is woken by each takes as much time as the program.
// The line is valid until take returns; what it returns ends the taking, and not the program, and comes back when that
// has ended well. There is no bound on the number of lines.
func (p Program) RunLines(ctx context.Context, take func(line []byte) error) error {
	var taken error
	err := p.runWith(ctx, func(cmd *exec.Cmd) error {
		ends := make([]int, 2)
		if err := unix.Pipe2(ends, unix.O_CLOEXEC); err != nil {
			return os.NewSyscallError("pipe2", err)
		}
		defer unix.Close(ends[0])
		ours, theirs := ends[0], os.NewFile(uintptr(ends[1]), "|1")
		_, _ = unix.FcntlInt(uintptr(ours), unix.F_SETPIPE_SZ, linePipe) // a smaller one will do
		if err := unix.SetNonblock(ours, true); err != nil {
			return errors.Join(err, theirs.Close())
		}
		cmd.Stdout = theirs
		if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
			return err
		}
		gone, done := make(chan struct{}), make(chan struct{})
		go func() {
			taken = takeLines(ours, gone, take)
			close(done)
		}()
		err := cmd.Wait()
		close(gone)
		<-done
		return err
	})
	if err != nil {
		return err
	}
	return taken
}

// takeLines reads from a pipe that does not wait, at its leisure, until its other end is closed. Once the program is gone
// it takes what is there and no more: another process may hold the other end open.
func takeLines(pipe int, gone <-chan struct{}, take func([]byte) error) error {
	buffer, held, last := make([]byte, lineBuffer), 0, false
	var failed error
	for {
		n, err := unix.Read(pipe, buffer[held:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && !last:
			select {
			case <-gone:
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
