package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailallow/fixtures"
)

// A command that succeeds and leaves a child with its pipes, as mail does, is no error.
func TestRunCommandLeavesAChild(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	done := Command(t.Context(), []string{"sh", "-c", "cat; sleep 60 & echo $! > " + pid + "; exit 0"}, []byte("the report"))
	if !living(t, pid) {
		t.Error("its child is ended")
	}
	if done.Err != nil || done.Output != "the report" {
		t.Errorf("%q, %v", done.Output, done.Err)
	}
}

// A command that fails is told with what it wrote, wherever it wrote that, or with where to look.
func TestRunCommandFails(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ script, want string }{
		{"echo reason >&2; echo done; exit 3", "exit status 3: reason"},
		{"echo reason; exit 3", "exit status 3: reason"},
		{"exit 3", "exit status 3 without a message: its log may say why"},
	} {
		if done := Command(t.Context(), []string{"sh", "-c", row.script}, nil); done.Err == nil || !strings.HasSuffix(done.Err.Error(), ": "+row.want) {
			t.Errorf("%s: %v, want %q", row.script, done.Err, row.want)
		}
	}
}

// After its limit a program is killed with its children. A child with a session of its own survives, as a daemon must that
// on_change restarts, and Run does not wait for its pipes.
func TestProgramLeavesItsSession(t *testing.T) {
	t.Parallel()
	pid, limit := "", time.Second
	for begun := false; !begun; { // on a busy machine the limit may come before the child has its session
		pid, limit = filepath.Join(t.TempDir(), "pid"), 2*limit
		script := "setsid sh -c 'echo $$ > " + pid + ".new && mv " + pid + ".new " + pid + "; exec sleep 600' & sleep 600"
		_, err := Program{Argv: []string{"/bin/sh", "-c", script}, Limit: limit, MaxOutput: 100}.Run(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		_, err = os.Stat(pid)
		begun = err == nil || limit > time.Minute
	}
	if !living(t, pid) {
		t.Error("the child with a session of its own is ended, or was waited for")
	}
}

// living reports whether the process whose number is in a file lives, and ends it.
func living(t *testing.T, file string) bool {
	t.Helper()
	number, err := strconv.Atoi(strings.TrimSpace(fixtures.ReadFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return syscall.Kill(number, syscall.SIGKILL) == nil
}
