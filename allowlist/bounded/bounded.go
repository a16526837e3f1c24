// Package bounded reads whole files that others may have made: never more than a
// limit. Only Stream and Until wait, until their context ends. It does not parse, write or lock files.
package bounded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"mailallow/allowlist/ascii"
)

// File reads the regular file at path, or the file that a symbolic link there leads
// to, of at most limit bytes. Every error is an *fs.PathError.
func File(path string, limit int64) ([]byte, error) {
	text, _, err := FileWithMode(path, limit)
	return text, err
}

// FileWithMode gives the mode of the file that it has read, too.
func FileWithMode(path string, limit int64) ([]byte, fs.FileMode, error) {
	f, err := Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.Size() > limit {
		return nil, 0, tooLarge(f, limit)
	}
	text, err := read(f, limit, info.Size())
	return text, info.Mode(), err
}

// Open opens the regular file at path, or the file that a symbolic link there leads
// to. Any other kind of file is an error, because a run from a timer would wait at a
// FIFO. Every error is an *fs.PathError. The caller closes the file.
func Open(path string) (*os.File, error) { return open(path, patience) }

// patience bounds the wait at a file that is regular by its mode and yet lets its reader wait, as /proc/kmsg does. A file on a disk
// has no deadline.
const patience = time.Minute

func open(path string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // without O_NONBLOCK, even opening a FIFO waits
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	_ = f.SetReadDeadline(time.Now().Add(patience))
	return f, nil
}

func tooLarge(f *os.File, limit int64) error {
	return &fs.PathError{Op: "read", Path: f.Name(), Err: fmt.Errorf("larger than %s bytes", ascii.Count(limit))}
}

// Holds reports whether the file at path has exactly the bytes of want. It keeps only a part of the file in memory.
func Holds(path string, want []byte) (bool, error) {
	return HoldsWritten(path, func(w io.Writer) error {
		_, err := w.Write(want)
		return err
	})
}

// HoldsWritten reports whether the file at path has exactly the bytes that write writes. It ends write with an error at the first other
// byte. It waits at no FIFO.
func HoldsWritten(path string, write func(io.Writer) error) (bool, error) {
	f, err := Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	c := comparison{file: f, part: make([]byte, 64<<10)}
	if err := write(&c); c.differs {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if _, err = f.Read(c.part[:1]); err == io.EOF {
		return true, nil
	}
	return false, err
}

// comparison compares what is written to it with a file.
type comparison struct {
	file    *os.File
	part    []byte
	differs bool
}

var errDiffers = errors.New("the file has other bytes")

func (c *comparison) Write(p []byte) (n int, err error) {
	for n < len(p) {
		part := c.part[:min(len(p)-n, len(c.part))]
		read, err := io.ReadFull(c.file, part)
		if !bytes.Equal(part[:read], p[n:n+read]) || err == io.EOF || err == io.ErrUnexpectedEOF {
			c.differs = true
			return n, errDiffers
		}
		if err != nil {
			return n, err
		}
		n += read
	}
	return n, nil
}

// Stream reads a file that a person names on the command line, of at most limit
// bytes. It may be a pipe or a terminal; Stream waits for its end, or for that of ctx, whose
// cause is the error then. Every other error is an *fs.PathError.
func Stream(ctx context.Context, path string, limit int64) ([]byte, error) {
	text, _, err := StreamWithInfo(ctx, path, limit)
	return text, err
}

// StreamWithInfo says of the file that it has read whose it is, too: by now another one can stand at path.
func StreamWithInfo(ctx context.Context, path string, limit int64) ([]byte, fs.FileInfo, error) {
	var text []byte
	var info fs.FileInfo
	err := Until(ctx, func() error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if text, err = read(f, limit, 0); err == nil {
			info, err = f.Stat()
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return text, info, nil
}

// Until returns the error of wait, or the cause of ctx if that ends before: to open a pipe waits for its other end, and no signal
// interrupts that. wait goes on then, and what it writes must not be read.
func Until(ctx context.Context, wait func() error) error {
	done := make(chan error, 1)
	go func() { done <- wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// read reads f to its end, or to one byte past limit, which is an error. size is the
// size to expect.
func read(f *os.File, limit, size int64) ([]byte, error) {
	text := bytes.NewBuffer(make([]byte, 0, min(size, limit)+bytes.MinRead))
	_, err := text.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && int64(text.Len()) > limit {
		err = tooLarge(f, limit)
	}
	if err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
