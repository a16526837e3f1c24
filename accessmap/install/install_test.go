package install

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"mailallow/accessmap/makemap"
	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

func TestInstallFirst(t *testing.T) {
	r := newRig(t)
	report := r.install(r.job("Connect:1.2.3\tOK\n"))
	r.holds("Connect:1.2.3\tOK\n")
	if !report.Changed {
		t.Errorf("report %+v", report)
	}
	if mode := fixtures.Stat(t, r.path).Mode(); mode != 0o644 {
		t.Errorf("text has mode %v", mode)
	}
	if mode := fixtures.Stat(t, r.state).Mode().Perm(); mode != 0o700 {
		t.Errorf("state directory has mode %v", mode)
	}
}

func TestInstallChange(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	if err := os.Chmod(r.path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(r.path+".db", 0o604); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chown(r.path, 12, 34), os.Chown(r.path+".db", 56, 78)); err != nil {
			t.Fatal(err)
		}
	}
	owner := func(path string) [2]uint32 {
		s := fixtures.Stat(t, path).Sys().(*syscall.Stat_t)
		return [2]uint32{s.Uid, s.Gid}
	}
	text, mapFile := owner(r.path), owner(r.path+".db")

	r.install(r.job("a OK\nb RELAY\n"))
	r.holds("a OK\nb RELAY\n")
	if got := fixtures.Stat(t, r.path).Mode(); got != 0o600 || owner(r.path) != text {
		t.Errorf("text: mode %v, owner %v, want %v", got, owner(r.path), text)
	}
	if got := fixtures.Stat(t, r.path+".db").Mode(); got != 0o604 || owner(r.path+".db") != mapFile {
		t.Errorf("map: mode %v, owner %v, want %v", got, owner(r.path+".db"), mapFile)
	}
}

// The old map gets a time later than any second in which a session can have opened it (docs/facts.md 6).
func TestInstallTouchesOldMap(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	session, err := os.Open(r.path + ".db")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	began := time.Now()
	r.install(r.job("a OK\nb OK\n"))
	ended := time.Now()
	info, err := session.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if at := info.ModTime().Add(-2 * time.Second); at.Before(began) || at.After(ended) {
		t.Errorf("the old map's time is that of %v and two seconds, and the installation was from %v to %v", at, began, ended)
	}
	if nlink := info.Sys().(*syscall.Stat_t).Nlink; nlink != 0 {
		t.Errorf("the old map still has %d names", nlink)
	}
}

func TestInstallNothingToDo(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	before := r.listing()
	dir, records := fixtures.Stat(t, r.dir).ModTime(), fixtures.Stat(t, filepath.Join(r.state, state.MapsFile))
	check := func(name string) {
		t.Helper()
		if report := r.install(r.job("a OK\n")); report.Changed || len(report.Commands) > 0 {
			t.Errorf("%s: report %+v", name, report)
		}
		if after := r.listing(); !slices.Equal(before, after) || !fixtures.Stat(t, r.dir).ModTime().Equal(dir) {
			t.Errorf("%s: before %q, after %q", name, before, after)
		}
	}
	check("record fits")
	if now := fixtures.Stat(t, filepath.Join(r.state, state.MapsFile)); !os.SameFile(records, now) {
		t.Error("the records were written again")
	}
	if err := os.Remove(filepath.Join(r.state, state.MapsFile)); err != nil {
		t.Fatal(err)
	}
	check("record lost")
	job := r.job("a OK\n")
	job.Makemap = filepath.Join(r.dir, "none")
	if in, err := MapInStep(t.Context(), r.state, job); !in || err != nil {
		t.Errorf("with a fitting record makemap is not needed: %v, %v", in, err)
	}
}

func TestInstallHealsMap(t *testing.T) {
	m := makemap.Program{Path: fixtures.Makemap(t)}
	for name, spoil := range map[string]func(*testing.T, string){
		"missing": func(t *testing.T, db string) {
			if err := os.Remove(db); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, db string) { fixtures.WriteFile(t, db, "") },
		"stale": func(t *testing.T, db string) {
			if err := m.Build(t.Context(), "hash", db, makemap.ReadText([]byte("old RELAY\n"))); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			text := fixtures.Stat(t, r.path)
			spoil(t, r.path+".db")
			if in, err := MapInStep(t.Context(), r.state, r.job("a OK\n")); in || err != nil {
				t.Errorf("MapInStep = %v, %v", in, err)
			}
			report := r.install(r.job("a OK\n"))
			if !report.Changed {
				t.Errorf("report %+v", report)
			}
			r.holds("a OK\n")
			if now := fixtures.Stat(t, r.path); !os.SameFile(text, now) || !text.ModTime().Equal(now.ModTime()) {
				t.Error("the text was touched")
			}
		})
	}
}

// The map is not older than a text with a time in the future, because Debian's make compares the times.
func TestInstallMapNotOlder(t *testing.T) {
	r := newRig(t)
	fixtures.WriteFile(t, r.path, "a OK\n")
	future := time.Now().Add(time.Hour)
	if err := os.Chtimes(r.path, future, future); err != nil {
		t.Fatal(err)
	}
	r.install(r.job("a OK\n"))
	r.holds("a OK\n")
}

func TestInstallSymlinks(t *testing.T) {
	r := newRig(t)
	otherDir := t.TempDir()
	real := filepath.Join(otherDir, "access-of-this-host")
	fixtures.WriteFile(t, real, "a OK\n")
	if err := os.Symlink(real, r.path); err != nil {
		t.Fatal(err)
	}
	r.install(r.job("b OK\n"))
	r.holds("b OK\n")
	if got := fixtures.ReadFile(t, real); got != "b OK\n" {
		t.Errorf("the file behind the link holds %q", got)
	}
	if target, err := os.Readlink(r.path); target != real {
		t.Errorf("the link is gone: %v", err)
	}
	if entries, _ := os.ReadDir(otherDir); len(entries) != 1 {
		t.Errorf("left beside the file: %v", entries)
	}
}

func TestInstallRefuses(t *testing.T) {
	rows := []struct {
		name   string
		change func(*testing.T, *rig, *Job)
		want   []string
	}{
		{"line written by hand", func(t *testing.T, r *rig, j *Job) { j.New = []byte("A OK\n  # note\na REJECT\n") },
			[]string{"line 2", "  # note", "line 3", `key "a" is on line 1`}},
		{"makemap missing", func(t *testing.T, r *rig, j *Job) { j.Makemap = "no-such-makemap" }, []string{"install sendmail-bin"}},
		{"type that makemap cannot make", func(t *testing.T, r *rig, j *Job) { j.MapType, j.Makemap = "cdb", fixtures.PlainMakemap(t) }, []string{"only hash, btree"}},
		{"unknown type", func(t *testing.T, r *rig, j *Job) { j.MapType = "ldap" }, []string{`map type "ldap"`}},
		{"edited after the plan", func(t *testing.T, r *rig, j *Job) { j.Old = []byte("other OK\n") }, []string{"edited since it was read"}},
		{"created after the plan", func(t *testing.T, r *rig, j *Job) { j.Old, j.OldExists = nil, false }, []string{"edited since"}},
		{"removed after the plan", func(t *testing.T, r *rig, j *Job) { j.Path += ".none" }, []string{"edited since"}},
		{"no directory", func(t *testing.T, r *rig, j *Job) { j.Path, j.OldExists = r.dir+"/none/access", false },
			[]string{"/none: no such file or directory", "not their directories"}},
		{"relative", func(t *testing.T, r *rig, j *Job) { j.Path = "access" }, []string{"must be absolute"}},
		{"a directory", func(t *testing.T, r *rig, j *Job) { j.Path = r.dir }, []string{"not a regular file"}},
		{"link to nothing", func(t *testing.T, r *rig, j *Job) {
			j.Path, j.OldExists = j.Path+".link", false
			if err := os.Symlink("nowhere", j.Path); err != nil {
				t.Fatal(err)
			}
		}, []string{"symbolic link to nothing"}},
		{"link to itself", func(t *testing.T, r *rig, j *Job) {
			j.Path, j.OldExists = j.Path+".link", false
			if err := os.Symlink(filepath.Base(j.Path), j.Path); err != nil {
				t.Fatal(err)
			}
		}, []string{".link: a symbolic link to nothing: stat ", ".link: too many levels of symbolic links"}},
		{"no sendmail.cf", func(t *testing.T, r *rig, j *Job) { j.SendmailCF = r.dir + "/none.cf" }, []string{"none.cf: no such file"}},
		{"sendmail.cf of another type", func(t *testing.T, r *rig, j *Job) {
			j.SendmailCF = filepath.Join(t.TempDir(), "sendmail.cf")
			fixtures.WriteFile(t, j.SendmailCF, "Kaccess btree -T<TMPF> "+j.Path+"\n")
		}, []string{"reads this map as btree, not as hash"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			job := r.job("a OK\nb OK\n")
			row.change(t, r, &job)
			r.fails([]Job{job}, row.want...)
		})
	}
}

// One error names the problems of all targets, and no target is changed.
func TestInstallReportsAll(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	good := r.jobAt(filepath.Join(r.dir, "good"), "", "fine\n")
	bad := r.job("a OK\na OK\n")
	missing := r.jobAt(filepath.Join(r.dir, "none", "cidr"), "", "x\n")
	r.fails([]Job{good, bad, missing}, r.path+": makemap refuses", filepath.Join(r.dir, "none"))
	r.fails([]Job{good, good}, "are the same file")
}

// A text that is not what it was made of is not installed, with a map or without, and nothing else of the run is.
func TestInstallUnverified(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	for _, wrong := range []Job{r.job("b OK\n"), r.jobAt(filepath.Join(r.dir, "table"), "", "b OK\n")} {
		good := r.jobAt(filepath.Join(r.dir, "good"), "", "fine\n")
		good.Verified = func() error { return nil }
		wrong.Verified = func() error { return errors.New("the text lacks OK") }
		r.fails([]Job{good, wrong}, wrong.Path+": the text lacks OK")
	}
	r.holds("a OK\n")
}

func TestInstallCancelled(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	ctx, cancel := context.WithCancel(t.Context())
	job := r.job("b OK\n")
	// This makemap is interrupted while it builds.
	job.Makemap = filepath.Join(t.TempDir(), "makemap")
	script := "#!/bin/sh\n[ \"$3\" = hash ] || exec " + r.makemap + " \"$@\"\n: >\"$4.db\"\nkill -INT $PPID\nexec sleep 60\n"
	fixtures.Write(t, job.Makemap, script, 0o755)
	interrupted := make(chan os.Signal, 1)
	notify(t, interrupted)
	go func() {
		<-interrupted
		cancel()
	}()
	before := r.listing()
	report, err := Install(ctx, r.state, []Job{job}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	r.refused(before, report, err)
}

func TestInstallLocked(t *testing.T) {
	r := newRig(t)
	st, err := state.Open(t.Context(), r.state, state.LockFile, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil)
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Path != filepath.Join(r.state, state.LockFile) {
		t.Errorf("state directory: %v", err)
	}
	st.Close()

	// A run with another state directory works on the same target's directory.
	other := r.job("a OK\n")
	lockDir := r.state + ".locks"
	unlock, err := lockDirectories(t.Context(), lockDir, []Job{other}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Install(t.Context(), r.state, []Job{other}, nil); !errors.As(err, &locked) || locked.Path != r.dir {
		t.Errorf("target's directory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	patient := Lock{exchange: exchange, Patience: time.Hour}
	if _, err := patient.alone(ctx, r.state, []Job{other}, nil); !errors.Is(err, context.Canceled) || !fixtures.ErrorContains(err, "waiting for the lock") {
		t.Errorf("target's directory, until the context ends: %v", err)
	}
	unlock()
	r.install(other)
}

func TestInstallStateDirectory(t *testing.T) {
	r := newRig(t)
	if err := os.Mkdir(r.state, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(r.state, 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil); !fixtures.ErrorContains(err, "can be written by others") {
		t.Errorf("group-writable: %v", err)
	}
}

// The snapshot is replaced with all targets, or not at all.
func TestInstallStateFile(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	snapshot := StateFile{Path: filepath.Join(r.state, "snapshot.json"), Write: Whole([]byte("1"))}
	if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, []StateFile{snapshot}); err != nil {
		t.Fatal(err)
	}
	first := fixtures.Stat(t, snapshot.Path)
	if first.Mode() != 0o600 {
		t.Errorf("mode %v", first.Mode())
	}
	if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, []StateFile{snapshot}); err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(first, fixtures.Stat(t, snapshot.Path)) {
		t.Error("the same bytes were written again")
	}
	snapshot.Write = Whole([]byte("2"))
	if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\na OK\n")}, []StateFile{snapshot}); err == nil {
		t.Error("a bad text was installed")
	}
	if got := fixtures.ReadFile(t, snapshot.Path); got != "1" {
		t.Errorf("the snapshot of a failed run: %q", got)
	}
}
