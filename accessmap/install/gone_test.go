package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"mailallow/fixtures"
)

// gone plans to remove the access file and its map.
func (r *rig) gone() Job {
	r.t.Helper()
	job := r.job("")
	job.New, job.Gone = nil, true
	return job
}

// Text and map go, and a session that has the map open sees its time jump. A second time there is nothing to do.
func TestGone(t *testing.T) {
	r := newRig(t)
	c := newCommand(t)
	job := func() Job { j := r.gone(); j.OnChange = c.argv; return j }
	r.install(r.job("a OK\n"))
	before := fixtures.Stat(t, r.path+".db").ModTime()
	session, err := os.Open(r.path + ".db")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if report := r.install(job()); !report.Changed || c.runs(t) != 1 {
		t.Errorf("%+v, on_change ran %d times", report, c.runs(t))
	}
	r.only()
	r.noJournal()
	if info, err := session.Stat(); err != nil || !info.ModTime().After(before) {
		t.Errorf("the old map was not touched: %v", err)
	}
	if report := r.install(job()); report.Changed || c.runs(t) != 1 {
		t.Errorf("a second time: %+v, on_change ran %d times", report, c.runs(t))
	}
	r.install(r.job("b OK\n"))
	r.holds("b OK\n")
}

// A map without its text, which a killed run leaves, goes too.
func TestGoneMapAlone(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	if err := os.Remove(r.path); err != nil {
		t.Fatal(err)
	}
	r.install(r.gone())
	r.only()
}

// Wherever a removal is killed, the next run finds each file or none, and removes what is left or installs its own text.
func TestGoneKilled(t *testing.T) {
	for name, do := range map[string]func(*rig, *installation){
		"before the first":      func(r *rig, k *installation) { r.swapping(k, 0) },
		"between text and map":  func(r *rig, k *installation) { r.swapping(k, 1) },
		"after both":            func(r *rig, k *installation) { r.swapping(k, 2) },
		"when all was put back": func(r *rig, k *installation) { r.swapping(k, 2); r.check(k.tx.rollback()) },
		"while it removed":      func(r *rig, k *installation) { r.swapping(k, 2); r.check(os.Remove(k.tx.changes[0].temp)) },
		"while it put back one": func(r *rig, k *installation) { r.swapping(k, 2); r.check(k.tx.putBack(k.tx.changes[1])) },
	} {
		for _, again := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t)
				r.install(r.job("a OK\n"))
				k, die := r.begin(r.gone())
				do(r, k)
				die()
				if text, err := os.ReadFile(r.path); err == nil && string(text) != "a OK\n" {
					t.Errorf("text %q", text)
				}
				if again {
					r.install(r.gone())
					r.only()
					r.noJournal()
				} else {
					r.install(r.job("b OK\n"))
					r.holds("b OK\n")
				}
			})
		}
	}
}

// An edit in the moment of the removal goes back, also when the run is killed then.
func TestGoneOverEdit(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	job := r.gone()
	fixtures.WriteFile(t, r.path, "edited OK\n")
	if err := r.fails([]Job{job}, ErrChanged.Error()); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v", err)
	}

	fixtures.WriteFile(t, r.path, "a OK\n")
	r.install(r.job("a OK\n"))
	k, die := r.begin(r.gone())
	r.swapping(k, 0)
	fixtures.WriteFile(t, r.path, "edited OK\n")
	r.check(os.Rename(r.path, k.tx.changes[0].temp))
	die()
	r.install()
	if got := fixtures.ReadFile(t, r.path); got != "edited OK\n" {
		t.Errorf("text %q", got)
	}
}

// A later step that fails puts both back; somebody's new file of that name stays.
func TestGonePutBack(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	before := r.listing()
	missing := Job{Path: filepath.Join(r.dir, "other"), New: []byte("x OK\n"), MapType: "hash", Makemap: "/bin/false"}
	report, err := Install(t.Context(), r.state, []Job{r.gone(), missing}, nil)
	r.refused(before, report, err)

	k, die := r.begin(r.gone())
	r.swapping(k, 2)
	fixtures.WriteFile(t, r.path, "new OK\n")
	if err := k.tx.rollback(); err == nil {
		t.Error("it put the old text over a new one")
	}
	die()
	if _, err := os.Lstat(r.path + ".db"); errors.Is(err, fs.ErrNotExist) {
		t.Error("the map was not put back")
	}
	if got := fixtures.ReadFile(t, r.path); got != "new OK\n" {
		t.Errorf("text %q", got)
	}
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
