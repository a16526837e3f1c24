package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailallow/fixtures"
)

// waiting is a run that waits for another, which stays in its on_change command.
type waiting struct {
	*exec.Cmd
	says string // that it waits
	rest io.Reader
}

// waits starts both, the one that waits with these arguments. end ends the other run, and returns when all of it is gone.
func (g *gated) waits(args ...string) (w waiting, first *exec.Cmd, end func()) {
	g.t.Helper()
	g.stop("reload", "now")
	first = g.mailallow("update")
	if err := first.Start(); err != nil {
		g.t.Fatal(err)
	}
	gone := g.stopped()
	w.Cmd = g.mailallow(append(args, "--lock-timeout", "1h")...)
	pipe, err := w.StderrPipe()
	if err = errors.Join(err, w.Start()); err != nil {
		g.t.Fatal(err)
	}
	stderr := bufio.NewReader(pipe)
	if w.says, err = stderr.ReadString('\n'); err != nil {
		g.t.Fatal(err)
	}
	w.rest = stderr
	return w, first, func() {
		g.open()
		first.Process.Signal(syscall.SIGTERM)
		first.Wait()
		gone()
	}
}

// TestEditedMeanwhile edits the configuration while a run waits for another: it does nothing by what is no longer written.
func TestEditedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"update"}, {"remove"}, {"rollback", "--release"}, {"lint", "--fix"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			g := newGated(t)
			second, _, end := g.waits(args...)
			g.write("c.toml", fixtures.ReadFile(t, filepath.Join(g.dir, "c.toml"))+"# edited\n")
			end()
			said, _ := io.ReadAll(second.rest)
			second.Wait()
			const want = "c.toml was edited while this run waited for another: run it again\nnothing was changed"
			if code := second.ProcessState.ExitCode(); code != 5 || !strings.Contains(string(said), want) {
				t.Errorf("%d, %s%s", code, second.says, said)
			}
		})
	}
}

// TestLockTimeout makes an update wait for another run; it continues when that has ended.
func TestLockTimeout(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	second, first, end := g.waits("update")
	if want := fmt.Sprintf("state/lock: locked by process %d since ", first.Process.Pid); !strings.Contains(second.says, want) {
		t.Errorf("it says %q, want %q", second.says, want)
	}
	end()
	rest, _ := io.ReadAll(second.rest)
	if err := second.Wait(); err != nil || !strings.Contains(string(rest), "ran [") {
		t.Errorf("%v: %s", err, rest)
	}
}
