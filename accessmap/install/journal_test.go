package install

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// begin prepares and stages an installation, as a run does that is killed afterwards. die gives its locks back, as the
// kernel does for a killed process.
func (r *rig) begin(jobs ...Job) (killed *installation, die func()) {
	r.t.Helper()
	st, err := state.Open(r.t.Context(), r.state, state.LockFile, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	killed = &installation{Lock: &Lock{state: st}, tx: transaction{exchange: exchange}}
	if err := killed.prepare(r.t.Context(), jobs, nil); err != nil {
		r.t.Fatal(err)
	}
	if err := killed.stage(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return killed, st.Close
}

// swapping writes the journal of the swaps and does the first n of them.
func (r *rig) swapping(k *installation, n int) {
	r.t.Helper()
	if err := newJournal(k.tx.changes, true, addCommands(k.pending, k.targets, false)).write(k.state); err != nil {
		r.t.Fatal(err)
	}
	for _, c := range k.tx.changes[:n] {
		if err := k.tx.swap(c); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Wherever a run is killed, the next one finds every file whole, removes the temporary files, and installs its own text: the
// new one, or the old one again.
func TestKilled(t *testing.T) {
	const old, next = "a OK\n", "a OK\nb RELAY\n"
	rows := []struct {
		name string
		do   func(*rig, *installation)
		text string // the text after the kill
	}{
		{"while staging", func(r *rig, k *installation) {}, old},
		{"before the first swap", func(r *rig, k *installation) { r.swapping(k, 0) }, old},
		{"between text and map", func(r *rig, k *installation) { r.swapping(k, 1) }, next},
		{"after the last swap", func(r *rig, k *installation) { r.swapping(k, 2) }, next},
		{"while it put back", func(r *rig, k *installation) {
			r.swapping(k, 2)
			if err := k.tx.putBack(k.tx.changes[1]); err != nil {
				r.t.Fatal(err)
			}
		}, next},
		{"when all was put back", func(r *rig, k *installation) {
			r.swapping(k, 2)
			if err := k.tx.rollback(); err != nil {
				r.t.Fatal(err)
			}
		}, old},
		{"while it removed", func(r *rig, k *installation) {
			r.swapping(k, 2)
			if err := os.Remove(k.tx.changes[0].temp); err != nil {
				r.t.Fatal(err)
			}
		}, next},
		{"before the last step of a swap by links", func(r *rig, k *installation) {
			r.swapping(k, 1)
			c := k.tx.changes[1]
			if err := errors.Join(os.Link(c.live, c.temp+asideSuffix), os.Rename(c.temp, c.live)); err != nil {
				r.t.Fatal(err)
			}
		}, next},
		{"in a swap by links", func(r *rig, k *installation) {
			r.swapping(k, 0)
			if err := os.Link(r.path+".db", k.tx.changes[1].temp+asideSuffix); err != nil {
				r.t.Fatal(err)
			}
		}, old},
	}
	for _, row := range rows {
		for _, wanted := range []string{old, next} {
			t.Run(row.name, func(t *testing.T) {
				r := newRig(t)
				r.install(r.job(old))
				mapTime := fixtures.Stat(t, r.path+".db").ModTime()
				k, die := r.begin(r.job(next))
				row.do(r, k)
				die()
				if got := fixtures.ReadFile(t, r.path); got != row.text {
					t.Fatalf("text %q, want %q", got, row.text)
				}
				r.install(r.job(wanted))
				r.holds(wanted)
				if now := fixtures.Stat(t, r.path+".db").ModTime(); row.text == old && wanted == old && !now.Equal(mapTime) {
					t.Error("a map that stayed was touched")
				}
			})
		}
	}
}

// The next run touches the old map of a killed one, too.
func TestKilledBeforeTouch(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	before := fixtures.Stat(t, r.path+".db").ModTime()
	session, err := os.Open(r.path + ".db")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	k, die := r.begin(r.job("b OK\n"))
	r.swapping(k, 2)
	die()
	r.install(r.job("b OK\n"))
	info, err := session.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().After(before) {
		t.Error("the old map was not touched: sessions that have it open keep it")
	}
}

// An edit that a killed run swapped out goes back, and a plan without it is refused.
func TestKilledOverEdit(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	k, die := r.begin(r.job("b OK\n"))
	r.swapping(k, 0)
	fixtures.WriteFile(t, r.path, "edited OK\n")
	if err := exchange(k.tx.changes[0].temp, r.path); err != nil {
		t.Fatal(err)
	}
	die()
	_, err := Install(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
	if !fixtures.ErrorContains(err, ErrChanged.Error()) || fixtures.ReadFile(t, r.path) != "edited OK\n" {
		t.Errorf("error %v, text %q", err, fixtures.ReadFile(t, r.path))
	}
	r.install(r.job("edited OK\nb OK\n"))
	r.holds("edited OK\nb OK\n")
}

// The same of a swap by links that was killed before its last step, and of a way back that is killed too: no file is left that no
// journal names.
func TestKilledOverEditByLinks(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	k, die := r.begin(r.job("b OK\n"))
	r.swapping(k, 0)
	fixtures.WriteFile(t, r.path, "edited OK\n")
	temp := k.tx.changes[0].temp
	if err := errors.Join(os.Link(r.path, temp+asideSuffix), os.Rename(temp, r.path)); err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	_, err := finishInterrupted(k.state, func(temp, live string) error { return errors.Join(os.Link(live, temp+asideSuffix), killed) })
	if !errors.Is(err, killed) {
		t.Fatal(err)
	}
	die()
	_, err = Install(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
	if !fixtures.ErrorContains(err, ErrChanged.Error()) || fixtures.ReadFile(t, r.path) != "edited OK\n" {
		t.Errorf("error %v, text %q", err, fixtures.ReadFile(t, r.path))
	}
	r.only("access", "access.db")
}

// A killed run has swapped out a text that a program has open for writing: the next run waits for the edit. If the new text
// was edited too, the next run keeps both, and a person has to choose.
func TestKilledOverEditor(t *testing.T) {
	if !kernel.KnowsWriters {
		t.Skip("this system does not tell who has a file open")
	}
	for _, both := range []bool{false, true} {
		r := newRig(t)
		r.install(r.job("a OK\n"))
		k, die := r.begin(r.job("b OK\n"))
		editor, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer editor.Close()
		if err := newJournal(k.tx.changes, true, nil).write(k.state); err != nil {
			t.Fatal(err)
		}
		temp := k.tx.changes[0].temp
		if err := exchange(temp, r.path); err != nil {
			t.Fatal(err)
		}
		die()
		if _, err := Install(t.Context(), r.state, []Job{r.job("b OK\n")}, nil); !fixtures.ErrorContains(err, "open for writing") || !fixtures.ErrorContains(err, temp) {
			t.Errorf("error %v", err)
		}
		if _, err := editor.WriteString("edited OK\n"); err != nil {
			t.Fatal(err)
		}
		editor.Close()
		if both {
			fixtures.WriteFile(t, r.path, "b OK\nedited too OK\n")
		}
		_, err = Install(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
		switch text := fixtures.ReadFile(t, r.path); {
		case both && (!fixtures.ErrorContains(err, "holds an edit of "+r.path) || text != "b OK\nedited too OK\n" || fixtures.ReadFile(t, temp) != "a OK\nedited OK\n"):
			t.Errorf("error %v, text %q", err, text)
		case !both && (!fixtures.ErrorContains(err, ErrChanged.Error()) || text != "a OK\nedited OK\n"):
			t.Errorf("error %v, text %q", err, text)
		}
	}
}

// A journal makes a run remove temporary files only.
// A directory that was removed after a run was killed has nothing to put right.
func TestKilledAndDirectoryGone(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	k, die := r.begin(r.job("b OK\n"))
	r.swapping(k, 1)
	die()
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	other := r.jobAt(filepath.Join(t.TempDir(), "access"), "hash", "c OK\n")
	r.install(other)
}

func TestJournalOfOthers(t *testing.T) {
	for name, temp := range map[string]string{
		"another name":      "access",
		"another directory": "sub/.mailallow-1",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			st := &state.Dir{Name: r.state}
			err := journal{Version: 1, Files: []journalEntry{
				{Kind: kindState, Live: r.path, Temp: filepath.Join(r.dir, temp)}}}.write(st)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil); !fixtures.ErrorContains(err, "not a name that mailallow gives") {
				t.Errorf("error %v", err)
			}
			r.only("access", "access.db")
		})
	}
	t.Run("not a journal", func(t *testing.T) {
		r := newRig(t)
		r.install(r.job("a OK\n"))
		fixtures.WriteFile(t, filepath.Join(r.state, state.OwedFile), "{")
		if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil); !fixtures.ErrorContains(err, state.OwedFile) {
			t.Errorf("error %v", err)
		}
	})
}

// Whoever put a FIFO in the place of a target after a run was killed does not keep the next one waiting.
func TestDigestOfFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := digestFile(path); got != "" {
		t.Errorf("the digest is %s", got)
	}
}
