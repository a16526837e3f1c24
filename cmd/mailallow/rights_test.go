//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// TestUnprivileged runs an update as a user who owns the files, their folders and the state directory, and nothing else.
func TestUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user can be taken on")
	}
	const user = 23456
	program := fixtures.Mailallow(t)
	s := newStruckIn(t, program, t.TempDir())
	makemap, err := os.ReadFile(s.makemap)
	s.check(err)
	fixtures.Write(t, s.path("makemap"), string(makemap), 0o755) // that user may not reach the folder of the tests
	s.write("c.toml", strings.ReplaceAll(s.text("c.toml"), s.makemap, s.path("makemap")))
	s.write("offices", oldNetworks)
	s.check(errors.Join(os.Chmod(filepath.Dir(s.dir), 0o755), os.Chmod(filepath.Dir(filepath.Dir(program)), 0o755), s.give(user)))
	s.as = &syscall.Credential{Uid: user, Gid: user}

	s.update()
	for name, mode := range map[string]fs.FileMode{struckText: 0o644, struckMap: 0o644, struckTable: 0o644, "state/snapshot.json": 0o600, "state/window.json": 0o600} {
		info, err := os.Stat(s.path(name))
		s.check(err)
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != user || info.Mode() != mode {
			t.Errorf("%s is user %d's with mode %v", name, stat.Uid, info.Mode())
		}
	}
	s.write("offices", newNetworks)
	s.update()
	s.healed(s.now())

	// Sendmail runs as root, and takes from others only what all may read (docs/facts.md 5).
	s.write("sendmail.cf", "O DontBlameSendmail=MapInUnsafeDirPath\nKaccess hash "+s.path(struckText)+"\n")
	s.update()
	s.check(os.Chmod(s.path(struckMap), 0o600))
	s.write("offices", oldNetworks)
	s.fails("a map with owner 23456:23456 and mode 0600 is unsafe to Sendmail", "chown it to root or the TrustedUser, or let root read it", "nothing was changed")
	s.write("sendmail.cf", "")

	// A file of another user stays that user's.
	s.check(os.Chown(s.path(struckTable), 0, 0))
	s.fails(s.path(struckTable)+": its owner 0:0 cannot be kept", "operation not permitted\nrun it as root, ", "nothing was changed")
	s.check(errors.Join(os.Chown(s.path(struckTable), user, user), os.Chown(s.path("postfix"), 0, 0)))
	s.fails(s.path("postfix")+"/", "no file can be made in its directory: ", "permission denied\nrun it as root or as the user who owns the files and their directories; ", "nothing was changed")
}

// TestWithoutRights: who may not read the files is told so, and not that there is nothing wrong in them, or to move the state away.
func TestWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		fixtures.Missing(t, "not root: no other user can be taken on")
	}
	program, dir := fixtures.Mailallow(t), t.TempDir()
	config, access := filepath.Join(dir, "c.toml"), filepath.Join(dir, "access")
	fixtures.WriteFile(t, config, "state_dir = \"state\"\nsource = [{name = \"g\", cidr = [\"192.0.2.0/24\"], action = \"OK\"}, {name = \"f\", file = \"list\", action = \"OK\"}]\n"+
		"target = [{format = \"sendmail-access\", path = \"access\", map = \"none\"}]\n")
	fixtures.WriteFile(t, access, "192.0.2.0/24\tOK\n")
	fixtures.WriteFile(t, filepath.Join(dir, "list"), "198.51.100.0/24\n")
	run := func(user uint32, args ...string) (said string, code int) {
		cmd := exec.Command(program, append([]string{"-c", config}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := cmd.CombinedOutput()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if said, code := run(0, "update"); code != 0 {
		t.Fatal(said)
	}
	if err := errors.Join(os.Chmod(access, 0o600), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(filepath.Dir(program)), 0o755)); err != nil {
		t.Fatal(err)
	}
	const user = 23456
	said, code := run(user, "lint")
	if code != 2 || strings.Contains(said, "nothing to put right") || !strings.Contains(said, "access: permission denied") || !strings.Contains(said, "not everything could be read") {
		t.Errorf("lint ends with %d: %s", code, said)
	}
	said, code = run(user, "diff")
	if code != 2 || strings.Contains(said, "move it away") || !strings.Contains(said, "run it as root, or as the user who runs the update") {
		t.Errorf("diff ends with %d: %s", code, said)
	}
	said, code = run(user, "explain", "--offline", "198.51.100.1")
	if strings.Contains(said, "no update has installed it") || !strings.Contains(said, `source "f" is missing`) {
		t.Errorf("explain --offline ends with %d: %s", code, said)
	}
}

// TestTemporary checks the files that an update is making.
func TestTemporary(t *testing.T) {
	t.Parallel()
	s := newStruck(t, fixtures.Mailallow(t))
	s.begin(true)
	s.check(errors.Join(os.Chmod(s.path(struckText), 0o600), os.Chmod(s.path(struckMap), 0o600)))
	s.write("offices", newNetworks)
	seen := map[string]bool{}
	s.traced(func(c trace.Call) trace.Fate {
		if name := filepath.Base(c.Path); strings.HasPrefix(name, ".mailallow-") {
			if info, err := os.Stat(c.Path); err == nil && info.Mode() != 0o600 {
				if dir := filepath.Base(filepath.Dir(c.Path)); dir == "mail" {
					t.Errorf("%v: %v", c, info.Mode())
				}
			}
			seen[filepath.Base(filepath.Dir(c.Path))+filepath.Ext(name[1:])] = true
		}
		return trace.Fate{}
	})
	for _, want := range []string{"mail", "mail.db", "postfix", "state"} {
		if !seen[want] {
			t.Errorf("no temporary file was made in %s, only %v", want, seen)
		}
	}
}

// text reads a file.
func (s *struck) text(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	s.check(err)
	return string(text)
}

// give makes a user the owner of every file of the host.
func (s *struck) give(user int) error {
	return filepath.WalkDir(s.dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, user, user))
	})
}
