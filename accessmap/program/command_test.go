package program

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A command that succeeds and leaves a child with its pipes, as mail does, is no error.
func TestRunCommandLeavesAChild(t *testing.T) {
	t.Parallel()
	done := Command(t.Context(), []string{"sh", "-c", "cat; sleep 4 & exit 0"}, []byte("the report"))
	if done.Err != nil || done.Output != "the report" {
		t.Errorf("%q, %v", done.Output, done.Err)
	}
}

// After its limit a program is killed with its children. A child with a session of its own survives, as a daemon must that
// on_change restarts, and Run does not wait for its pipes.
func TestProgramLeavesItsSession(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, err := Program{Argv: []string{"/bin/sh", "-c", "setsid sleep 20 & sleep 60"}, Limit: 100 * time.Millisecond, MaxOutput: 100}.Run(t.Context())
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 15*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}
