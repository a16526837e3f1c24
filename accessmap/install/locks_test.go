package install

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// lockedDirectory names the directory whose lock a child process takes and holds until its stdin ends.
const lockedDirectory = "MAILALLOW_TEST_LOCKED_DIRECTORY"

// A run that finds a directory locked names the directory and the process that holds the lock.
func TestLockDirectoryHolder(t *testing.T) {
	if dir := os.Getenv(lockedDirectory); dir != "" {
		if _, err := lockDirectories(t.Context(), dir+".locks", []Job{{Path: dir + "/table"}}, 0); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		bufio.NewReader(os.Stdin).ReadByte()
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockDirectoryHolder$")
	cmd.Env = append(os.Environ(), lockedDirectory+"="+dir)
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	var locked *state.LockedError
	_, err := lockDirectories(t.Context(), dir+".locks", []Job{{Path: dir + "/table"}}, 0)
	if !errors.As(err, &locked) || locked.Path != dir || locked.Holder.PID != cmd.Process.Pid || locked.Holder.Command == "" {
		t.Errorf("error %v, want a *LockedError of process %d", err, cmd.Process.Pid)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestRootLockDirectory: only Linux has a /run.
func TestRootLockDirectory(t *testing.T) {
	for _, row := range []struct {
		name, want string
		dirs       []string
	}{
		{"Linux", "run/mailallow", []string{"run", "var"}},
		{"FreeBSD, OpenBSD, NetBSD, macOS, illumos", "var/run/mailallow", []string{"var/run"}},
	} {
		root := t.TempDir()
		for _, dir := range row.dirs {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := rootLockDir(root), filepath.Join(root, row.want); got != want {
			t.Errorf("%s: %s, want %s", row.name, got, want)
		}
	}
}

// The directory of locks is one where no other user can take a lock, and a target's directory has one lock, whatever its path.
func TestLockDirectory(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	job := []Job{{Path: filepath.Join(dir, "access")}}
	for _, row := range []struct {
		name, want string
		make       func(lockDir string) error // the parent of lockDir is there already
	}{
		{"none yet", "", func(string) error { return nil }},
		{"of this user", "", func(at string) error { return os.Mkdir(at, 0o700) }},
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
		{"of another user", " belongs to user 12345: chown it", func(at string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Chown(at, 12345, 0))
		}},
		{"a file", "not a directory (root's runs keep their locks there: let root write to ", func(at string) error {
			return os.WriteFile(at, nil, 0o600)
		}},
		{"no /run", "no such file or directory (root's runs keep their locks there: let root write to ", func(at string) error {
			return os.Remove(filepath.Dir(at))
		}},
	} {
		if row.name == "of another user" && os.Geteuid() != 0 {
			continue
		}
		lockDir := filepath.Join(t.TempDir(), "mailallow")
		if err := row.make(lockDir); err != nil {
			t.Fatal(err)
		}
		unlock, err := lockDirectories(t.Context(), lockDir, append(job, Job{Path: filepath.Join(link, "table")}), 0)
		if !fixtures.ErrorContains(err, row.want) || row.want != "" && !fixtures.ErrorContains(err, lockDir) {
			t.Errorf("%s: error %v, want %q", row.name, err, row.want)
		}
		if err != nil {
			continue
		}
		var locked *state.LockedError
		if _, err := lockDirectories(t.Context(), lockDir, job, 0); !errors.As(err, &locked) || locked.Path != dir {
			t.Errorf("%s: locked twice: %v", row.name, err)
		}
		unlock()
	}
}
