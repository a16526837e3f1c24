package accessmap

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lockedState names the state directory whose lock a child process takes and holds until its stdin ends.
const lockedState = "MAILALLOW_TEST_LOCKED"

// Who is told of is the holder that the kernel knows, and what is told of it is its own word: not what a dead run left,
// nor what is no word of ours at all.
func TestLockHolder(t *testing.T) {
	if dir := os.Getenv(lockedState); dir != "" {
		st, err := openState(t.Context(), dir, lockFile, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer st.close()
		if _, err := lockDirectories(t.Context(), dir+".locks", []Job{{Path: dir + "/table"}}, 0); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	state := t.TempDir()
	if err := os.Chmod(state, 0o700); err != nil {
		t.Fatal(err)
	}
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
		_, err := openState(t.Context(), state, lockFile, 0)
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
		writeFile(t, filepath.Join(state, lockFile), text)
		if h := holder(); h != (Holder{PID: pid}) {
			t.Errorf("with the text %.40q: %+v, want process %d alone", text, h, pid)
		}
	}
	var locked *LockedError
	_, err := lockDirectories(t.Context(), state+".locks", []Job{{Path: state + "/table"}}, 0)
	if !errors.As(err, &locked) || locked.Path != state || locked.Holder.PID != pid || locked.Holder.Command == "" {
		t.Errorf("the directory's lock: %v", err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	st, err := openState(t.Context(), state, lockFile, 0)
	if err != nil {
		t.Fatalf("once it is gone: %v", err)
	}
	st.close()
}

// The locks of targets' directories are where nobody else can hold one, and a directory has one lock, whatever its path.
func TestLockDirectory(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	job := []Job{{Path: filepath.Join(dir, "access")}}
	for _, row := range []struct {
		name, want string
		lay        func(lockDir string) error // lockDir's own directory is there
	}{
		{"none yet", "", func(string) error { return nil }},
		{"ours", "", func(at string) error { return os.Mkdir(at, 0o700) }},
		{"of a killed run", "", func(at string) error {
			var stat syscall.Stat_t
			return errors.Join(syscall.Stat(dir, &stat), os.Mkdir(at, 0o700),
				os.WriteFile(filepath.Join(at, fmt.Sprintf("%x-%d", stat.Dev, stat.Ino)), []byte(`{"pid": 1}`), 0o600))
		}},
		{"for a group", " can be written by others: chmod 0700", func(at string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Chmod(at, 0o770))
		}},
		{"for all", " can be written by others: chmod 0700", func(at string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Chmod(at, 0o777|os.ModeSticky))
		}},
		{"of somebody", " belongs to user 12345: chown it", func(at string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Chown(at, 12345, 0))
		}},
		{"a file", "not a directory (root's runs keep their locks there: let root write to ", func(at string) error {
			return os.WriteFile(at, nil, 0o600)
		}},
		{"no /run", "no such file or directory (root's runs keep their locks there: let root write to ", func(at string) error {
			return os.Remove(filepath.Dir(at))
		}},
	} {
		if row.name == "of somebody" && os.Geteuid() != 0 {
			continue
		}
		lockDir := filepath.Join(t.TempDir(), "mailallow")
		if err := row.lay(lockDir); err != nil {
			t.Fatal(err)
		}
		unlock, err := lockDirectories(t.Context(), lockDir, append(job, Job{Path: filepath.Join(link, "table")}), 0)
		if !mentions(err, row.want) || row.want != "" && !mentions(err, lockDir) {
			t.Errorf("%s: error %v, want %q", row.name, err, row.want)
		}
		if err != nil {
			continue
		}
		var locked *LockedError
		if _, err := lockDirectories(t.Context(), lockDir, job, 0); !errors.As(err, &locked) || locked.Path != dir {
			t.Errorf("%s: locked twice: %v", row.name, err)
		}
		unlock()
	}
}
