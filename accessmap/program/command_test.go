package program

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A command that ends well and leaves a child behind with its pipes, as mail does, has done its work.
func TestRunCommandLeavesAChild(t *testing.T) {
	t.Parallel()
	done := Command(t.Context(), []string{"sh", "-c", "cat; sleep 4 & exit 0"}, []byte("the report"))
	if done.Err != nil || done.Output != "the report" {
		t.Errorf("%q, %v", done.Output, done.Err)
	}
}

// A program past its time is ended with its children. One that has left its session is out of reach, as a daemon that
// on_change restarts is to be, and keeps nobody waiting for its pipes.
func TestProgramLeavesItsSession(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, err := Program{Argv: []string{"/bin/sh", "-c", "setsid sleep 20 & sleep 60"}, Limit: 100 * time.Millisecond, MaxOutput: 100}.Run(t.Context())
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 15*time.Second {
		t.Errorf("%v after %v", err, took)
	}
}
