package state

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/fixtures"
)

// lockedState names the state directory whose lock a child process takes and holds until its stdin ends.
const lockedState = "MAILALLOW_TEST_LOCKED"

// The holder is the process that the kernel names. Its text counts only if it names the same process, and is valid.
func TestLockHolder(t *testing.T) {
	if dir := os.Getenv(lockedState); dir != "" {
		st, err := Open(t.Context(), dir, LockFile, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		os.Stdout.WriteString("locked\n")
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	state := t.TempDir()
	if err := os.Chmod(state, 0o700); err != nil {
		t.Fatal(err)
	}
	fixtures.WriteFile(t, filepath.Join(state, LockFile), `{"pid": 1, "command": "`+strings.Repeat("x", maxHolder/2)+`"}`) // of an earlier run
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockHolder$")
	cmd.Env = append(os.Environ(), lockedState+"="+state)
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	holder := func() Holder {
		t.Helper()
		_, err := Open(t.Context(), state, LockFile, 0)
		var locked *LockedError
		if !errors.As(err, &locked) {
			t.Fatalf("error %v, want a *LockedError", err)
		}
		return locked.Holder
	}
	pid := cmd.Process.Pid
	if h := holder(); h.PID != pid || time.Since(h.Since) > time.Minute || !strings.HasSuffix(h.Command, "-test.run=^TestLockHolder$") {
		t.Errorf("the holder is %+v, want process %d", h, pid)
	}
	for _, text := range []string{
		"", "1\n", `{"pid": 1, "since": "2026-01-02T03:04:05Z", "command": "another"}`, strings.Repeat("[", 1<<20), "\x00\xff",
		`{"pid": -1}`, `{"pid": 1e999}`, `{"since": "x"}`,
	} {
		fixtures.WriteFile(t, filepath.Join(state, LockFile), text)
		if h := holder(); h != (Holder{PID: pid}) {
			t.Errorf("with the text %.40q: %+v, want process %d alone", text, h, pid)
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	st, err := Open(t.Context(), state, LockFile, 0)
	if err != nil {
		t.Fatalf("once it is gone: %v", err)
	}
	st.Close()
}

// A child has the file of the lock open, too, until it executes its program.
func TestReleaseBesideACopy(t *testing.T) {
	dir := t.TempDir()
	st, err := Open(t.Context(), dir, LockFile, 0)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := unix.Dup(int(st.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	st.Close()
	again, err := Open(t.Context(), dir, LockFile, 0)
	if err != nil {
		t.Fatalf("the lock was not given back: %v", err)
	}
	again.Close()
}

// From the moment that the lock is free its next holder can say who it is.
func TestReleaseGivesBothLocksBack(t *testing.T) {
	if path := os.Getenv(lockedState); path != "" {
		for range 1000 {
			f, err := OpenLock(path)
			if err != nil {
				t.Fatal(err)
			}
			for unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			}
			if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
				t.Fatalf("it has the lock of the file, and not its record: %v", err)
			}
			Release(f)
		}
		return
	}
	path := filepath.Join(t.TempDir(), LockFile)
	cmd := exec.Command(os.Args[0], "-test.run=^TestReleaseGivesBothLocksBack$")
	cmd.Env = append(os.Environ(), lockedState+"="+path)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}()
	for {
		select {
		case <-ended:
			return
		default:
			f, err := OpenLock(path)
			if err != nil {
				t.Fatal(err)
			}
			for unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			}
			_ = writeHolder(f)
			Release(f)
		}
	}
}
