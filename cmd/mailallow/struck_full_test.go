//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/makemap"
	"mailallow/fixtures"
)

// smallDisk is the size of a file system that fills up, in bytes: some tens of pages.
const smallDisk = 256 << 10

// mountSmall puts an empty small file system at dir, for this test alone.
func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755,size=256k"); err != nil {
		t.Fatalf("tmpfs: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// mountSmallOver is mountSmall over a directory, with kept still visible if it is below.
func mountSmallOver(t *testing.T, dir, kept string) {
	t.Helper()
	held, err := os.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	mountSmall(t, dir)
	if rel, err := filepath.Rel(dir, kept); err != nil || !filepath.IsLocal(rel) {
		return
	}
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", held.Fd()), kept, "", unix.MS_BIND, ""); err != nil {
		t.Fatalf("bind mount: %v", err)
	}
}

// ownMounts gives the test a mount namespace, which ends with its thread.
func ownMounts(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // never unlocked
	err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	}
	if err != nil {
		fixtures.Missing(t, "no mount namespace: "+err.Error()+"; run the tests as root")
	}
}

// fill leaves so many bytes free below dir.
func fill(t *testing.T, dir string, free int) (filler string) {
	t.Helper()
	filler = filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written, page := 0, make([]byte, os.Getpagesize())
	for err == nil && written <= smallDisk {
		var n int
		n, err = f.Write(page)
		written += n
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%s is not full: %v", dir, err)
	}
	if err := f.Truncate(int64(max(0, written-free))); err != nil {
		t.Fatal(err)
	}
	return filler
}

// TestFullDisk fills a real file system, a page less each time, until the update has room. Each time it names the full file
// system, and leaves everything as it was.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	for _, full := range []string{"mail", "postfix", "state"} {
		t.Run(full, func(t *testing.T) {
			t.Parallel()
			ownMounts(t)
			s := newStruck(t, program)
			s.check(os.MkdirAll(s.path("state"), 0o700))
			mountSmall(t, s.path(full))
			s.check(os.Chmod(s.path(full), 0o700))
			s.begin(true)
			s.write("offices", newNetworks)
			pages := s.roomNeeded(full)
			s.healed(s.now())
			if s.now()[struckTable] == s.old[struckTable] {
				t.Error("the update is not there")
			}
			t.Logf("it takes %d pages", pages)
		})
	}
	t.Run("tmp", func(t *testing.T) {
		t.Parallel()
		ownMounts(t)
		dir := fixtures.SafeDir(t)
		inDir := filepath.Join(dir, "mailallow")
		s := newStruckIn(t, inDir, dir)
		s.check(exec.Command("cp", program, inDir).Run()) // it is below /tmp, which may be another file system
		mountSmallOver(t, os.TempDir(), filepath.Dir(fixtures.Makemap(t)))
		fill(t, os.TempDir(), 0)
		s.begin(true)
		s.write("offices", newNetworks)
		s.update()
		s.healed(s.now())
	})
}

// roomNeeded runs the command with ever more pages free in a folder, and gives the number with which it succeeds. Each run before
// must leave everything as it was.
func (s *struck) roomNeeded(folder string) (pages int) {
	s.t.Helper()
	for ; ; pages++ {
		filler := fill(s.t, s.path(folder), pages*os.Getpagesize())
		before := s.everything()
		done := s.installs(s.path(folder)+"/", "o space left on device", "the file system is full: make room there", "nothing was changed")
		after := s.everything()
		s.check(os.Remove(filler))
		switch {
		case done:
			if pages == 0 {
				s.t.Error("it had room on a full disk")
			}
			return pages
		case !maps.Equal(before, after):
			s.t.Fatalf("with %d pages free:\n%s", pages, cmp.Diff(before, after))
		}
	}
}

// TestFullDiskMap fills the file system while makemap works. It would go on for minutes, and give another reason for each key.
func TestFullDiskMap(t *testing.T) {
	t.Parallel()
	ownMounts(t)
	dir := t.TempDir()
	mountSmall(t, dir)
	var text bytes.Buffer
	for i := range 60_000 {
		fmt.Fprintf(&text, "Connect:10.%d.%d.%d\tOK\n", i>>12, i>>6&63, i&63)
	}
	m := makemap.Program{Path: fixtures.Makemap(t)}
	err := m.Build(t.Context(), "hash", filepath.Join(dir, "access.db"), makemap.ReadText(text.Bytes()))
	refused := (*makemap.TextError)(nil)
	if !fixtures.ErrorContains(err, "put error") || errors.As(err, &refused) || errors.Is(err, syscall.ENOSPC) != kernel.KnowsWriters {
		t.Errorf("error %v", err)
	}
}

// TestFullDiskRemove does the same with remove, which needs room for a text, a map, the record and the history.
func TestFullDiskRemove(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	for _, full := range []string{"mail", "state"} {
		t.Run(full, func(t *testing.T) {
			t.Parallel()
			ownMounts(t)
			s := newStruck(t, program)
			s.args = []string{"remove", "--quiet"}
			s.check(os.MkdirAll(s.path("state"), 0o700))
			mountSmall(t, s.path(full))
			s.check(os.Chmod(s.path(full), 0o700))
			s.installed()
			pages := s.roomNeeded(full)
			s.removed()
			t.Logf("it takes %d pages", pages)
		})
	}
}
