package accessmap

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

// CommandReport is a command of the configuration that was run.
type CommandReport struct {
	Argv   []string
	Output string // stdout, bounded
	Err    error  // holds what it said on stderr
}

// RunCommand runs a command that the configuration names, with stdin to read: an argv and no shell, a clean environment,
// and a minute, after which it is ended with its children.
func RunCommand(ctx context.Context, argv []string, stdin []byte) CommandReport {
	done := CommandReport{Argv: argv}
	path, err := findProgram(argv[0], searchPath(filepath.SplitList(cleanPath)...))
	if why := context.Cause(ctx); err == nil && why != nil {
		err = fmt.Errorf("not run: %w", why)
	}
	if err != nil {
		done.Err = err
		return done
	}
	out, err := program{
		argv:      append([]string{path}, argv[1:]...),
		stdin:     bytes.NewReader(stdin),
		limit:     commandLimit,
		maxOutput: maxTalk,
	}.run(ctx)
	if errors.Is(err, errOutput) || errors.Is(err, exec.ErrWaitDelay) {
		err = nil // a command may talk as much as it likes, and leave a child behind that goes on with its work
	}
	done.Output, done.Err = string(out), err
	return done
}
