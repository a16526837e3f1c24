package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// commandLimit is far above what a reload or a mail takes; a command that hangs must not hold a lock for ever.
const commandLimit = time.Minute

// Report is a command of the configuration that was run.
type Report struct {
	Argv   []string
	Output string // stdout, bounded
	Err    error  // holds what it said on stderr
}

// Command runs a command that the configuration names, with stdin to read: an argv and no shell, a clean environment,
// and a minute, after which it is ended with its children.
func Command(ctx context.Context, argv []string, stdin []byte) Report {
	done := Report{Argv: argv}
	path, err := Find(argv[0], SearchPath(filepath.SplitList(cleanPath)...))
	if why := context.Cause(ctx); err == nil && why != nil {
		err = fmt.Errorf("not run: %w", why)
	}
	if err != nil {
		done.Err = err
		return done
	}
	out, err := Program{
		Argv:      append([]string{path}, argv[1:]...),
		Stdin:     bytes.NewReader(stdin),
		Limit:     commandLimit,
		MaxOutput: MaxTalk,
	}.Run(ctx)
	if errors.Is(err, ErrOutput) || errors.Is(err, exec.ErrWaitDelay) {
		err = nil // a command may talk as much as it likes, and leave a child behind that goes on with its work
	}
	done.Output, done.Err = string(out), err
	return done
}
