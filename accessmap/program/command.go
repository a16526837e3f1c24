package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// commandLimit is far more than a reload or a mail takes. A command that hangs must not keep the lock for ever.
const commandLimit = time.Minute

// Report is the result of a command.
type Report struct {
	Argv   []string
	Output string // stdout, at most MaxMessages bytes
	Err    error  // with its stderr, or its stdout; nil: the command succeeded
}

// Command runs a command of the configuration as a Program, for at most a minute. It looks the program up in cleanPath too,
// and accepts any amount of output and children that continue after the end of the command.
func Command(ctx context.Context, argv []string, stdin []byte) Report {
	report := Report{Argv: argv}
	path, err := Find(argv[0], SearchPath(filepath.SplitList(cleanPath)...))
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = fmt.Errorf("not run: %w", cause)
	}
	if err != nil {
		report.Err = err
		return report
	}
	out, err := Program{
		Argv:      append([]string{path}, argv[1:]...),
		Stdin:     bytes.NewReader(stdin),
		Limit:     commandLimit,
		MaxOutput: MaxMessages,
	}.Run(ctx)
	if errors.Is(err, ErrOutput) || errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	var failed *Error
	if errors.As(err, &failed) && failed.Said == "" {
		failed.Said = strings.TrimSpace(string(out))
	}
	report.Output, report.Err = string(out), err
	return report
}
