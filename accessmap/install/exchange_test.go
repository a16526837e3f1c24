//go:build linux

package install

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/fixtures"
)

func TestExchange(t *testing.T) {
	for name, swap := range map[string]func(temp, live string) error{"at once": exchange, "by links": exchangeByLinks} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			temp, live := filepath.Join(dir, "temp"), filepath.Join(dir, "live")
			fixtures.WriteFile(t, temp, "new")
			fixtures.WriteFile(t, live, "old")
			inode := inodeOf(fixtures.Stat(t, live))
			if err := swap(temp, live); err != nil {
				t.Fatal(err)
			}
			if got := fixtures.ReadFile(t, live) + " " + fixtures.ReadFile(t, temp); got != "new old" {
				t.Errorf("got %q", got)
			}
			old := fixtures.Stat(t, temp).Sys().(*syscall.Stat_t)
			if old.Ino != inode || old.Nlink != 1 {
				t.Errorf("the old file has inode %d and %d names", old.Ino, old.Nlink)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 2 {
				t.Errorf("left over: %v", entries)
			}
			if err := swap(temp, filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("nothing to exchange with: %v", err)
			}
		})
	}
}

// TestImmutable: root, too, can replace no file that is immutable, and make none in a directory that is. The advice cures it.
func TestImmutable(t *testing.T) {
	for _, row := range []struct{ name, want string }{
		{"access", "it can be neither exchanged nor linked: "},
		{".", "no file can be made in its directory: "},
	} {
		dir := t.TempDir()
		access := filepath.Join(dir, "access")
		fixtures.WriteFile(t, access, "old\n")
		set := func(attribute string) ([]byte, error) {
			return exec.Command("chattr", attribute, filepath.Join(dir, row.name)).CombinedOutput()
		}
		if out, err := set("+i"); err != nil {
			t.Skipf("this file system has no attributes, or its user no right to them: %v: %s", err, out)
		}
		t.Cleanup(func() { set("-ia") })
		job := Job{Path: access, Old: []byte("old\n"), OldExists: true, New: []byte("new\n")}
		stateDir := filepath.Join(t.TempDir(), "state")
		_, err := Install(t.Context(), stateDir, []Job{job}, nil)
		if !fixtures.ErrorContains(err, row.want) || !fixtures.ErrorContains(err, "chattr -ia frees") {
			t.Errorf("%s: %v", row.name, err)
		}
		if out, err := set("-ia"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := Install(t.Context(), stateDir, []Job{job}, nil); err != nil {
			t.Errorf("%s, after it: %v", row.name, err)
		}
	}
}

func TestPlace(t *testing.T) {
	for name, put := range map[string]func(temp, live string) error{"at once": place, "by a link": placeByLink} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			temp, live := filepath.Join(dir, "temp"), filepath.Join(dir, "live")
			fixtures.WriteFile(t, temp, "new")
			fixtures.WriteFile(t, live, "other")
			if err := put(temp, live); !errors.Is(err, os.ErrExist) {
				t.Errorf("the name is taken: %v", err)
			}
			if err := os.Remove(live); err != nil {
				t.Fatal(err)
			}
			if err := put(temp, live); err != nil || fixtures.ReadFile(t, live) != "new" {
				t.Error(err)
			}
		})
	}
}

// TestMountPoint: a file that is a mount point of its own cannot be replaced, and the error says what can be.
func TestMountPoint(t *testing.T) {
	dir := t.TempDir()
	temp, live := filepath.Join(dir, "temp"), filepath.Join(dir, "live")
	fixtures.WriteFile(t, temp, "new")
	fixtures.WriteFile(t, live, "below")
	for name, put := range map[string]func(temp, live string) error{"at once": exchange, "by links": exchangeByLinks} {
		mounted := fixtures.NewNamespace(t, t.TempDir(), map[string]string{live: "old"})
		err := withDiskAdvice(mounted.Do(func() error { return put(temp, live) }))
		if !fixtures.ErrorContains(err, "mount its directory there instead") {
			t.Errorf("%s: %v", name, err)
		}
		if got := fixtures.ReadFile(t, live) + " " + fixtures.ReadFile(t, temp); got != "below new" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestReadOnly: each target in a read-only file system is named once, with the remedy, and nothing else.
func TestReadOnly(t *testing.T) {
	r := newRig(t)
	ns := fixtures.NewNamespace(t, t.TempDir(), nil)
	err := ns.Do(func() error {
		if err := unix.Mount(r.dir, r.dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		return unix.Mount("", r.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	})
	if err != nil {
		t.Skipf("no mount can be made here: %v", err)
	}
	err = ns.Do(func() error {
		_, err := Install(t.Context(), r.state, []Job{r.jobAt(r.dir+"/one", "", "x\n"), r.jobAt(r.dir+"/two", "", "x\n")}, nil)
		return err
	})
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], r.dir+"/one: ") || !strings.HasPrefix(lines[1], r.dir+"/two: ") || !strings.Contains(lines[2], "mounted read-only") || lines[3] != "nothing was changed" {
		t.Errorf("%q", lines)
	}
}
