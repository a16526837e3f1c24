package install

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/fixtures"
)

func notify(t *testing.T, c chan os.Signal) {
	signal.Notify(c, os.Interrupt)
	t.Cleanup(func() { signal.Stop(c) })
}

// failAt exchanges files, and fails at the nth call.
func failAt(n int) *Lock {
	calls := 0
	return &Lock{exchange: func(temp, live string) error {
		if calls++; calls == n {
			return errors.New("disk fell out")
		}
		return exchange(temp, live)
	}}
}

// Whichever swap fails, the files swapped before are put back, with their inodes and times.
func TestRollback(t *testing.T) {
	for n := 1; n <= 4; n++ {
		r := newRig(t)
		second := filepath.Join(r.dir, "second")
		r.install(r.job("a OK\n"), r.jobAt(second, "hash", "a OK\n"))
		session, err := os.Open(r.path + ".db")
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		before := r.listing()
		jobs := []Job{r.job("b OK\n"), r.jobAt(second, "hash", "b OK\n"), r.jobAt(filepath.Join(r.dir, "third"), "", "new\n")}
		jobs[0], jobs[2] = jobs[2], jobs[0] // a created file among those to be put back
		report, err := failAt(n).alone(t.Context(), r.state, jobs, nil)
		r.refused(before, report, err, "disk fell out")
		r.install(jobs...)
		r.holds("b OK\n", "second", "second.db", "third")
	}
}

// An edit between the last check and the swap is kept.
func TestEditDuringSwap(t *testing.T) {
	rows := []struct {
		name string
		edit func(temp, live string) error // in place of the first exchange
	}{
		{"renamed over the live file before the swap", func(temp, live string) error {
			if err := os.WriteFile(live+".edit", []byte("edited OK\n"), 0o644); err != nil {
				return err
			}
			return errors.Join(os.Rename(live+".edit", live), exchange(temp, live))
		}},
		{"written into the live file before the swap", func(temp, live string) error {
			return errors.Join(os.WriteFile(live, []byte("edited OK\n"), 0o644), exchange(temp, live))
		}},
		{"removed before the swap", func(temp, live string) error {
			return errors.Join(os.Remove(live), exchange(temp, live))
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			first := true
			in := Lock{exchange: func(temp, live string) error {
				if first {
					first = false
					return row.edit(temp, live)
				}
				return exchange(temp, live)
			}}
			_, err := in.alone(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
			if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), r.path) {
				t.Fatalf("error %v", err)
			}
			r.noJournal()
			if strings.HasPrefix(row.name, "removed") {
				r.only("access.db")
			} else if got := fixtures.ReadFile(t, r.path); got != "edited OK\n" {
				t.Errorf("the edit is lost: %q", got)
			}
			r.install(r.job("b OK\n"))
			r.holds("b OK\n")
		})
	}
}

// An edit of the old text while the map is swapped is kept, and everything goes back.
func TestEditAfterSwap(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	editor, err := os.Open(r.path) // to write to it later
	if err != nil {
		t.Fatal(err)
	}
	defer editor.Close()
	edited := false
	in := Lock{exchange: func(temp, live string) error {
		if strings.HasSuffix(live, ".db") && !edited {
			edited = true
			if err := os.WriteFile(fmt.Sprintf("/proc/self/fd/%d", editor.Fd()), []byte("a OK\nedited OK\n"), 0); err != nil {
				return err
			}
		}
		return exchange(temp, live)
	}}
	if _, err := in.alone(t.Context(), r.state, []Job{r.job("b OK\n")}, nil); !errors.Is(err, ErrChanged) {
		t.Errorf("error %v", err)
	}
	if got := fixtures.ReadFile(t, r.path); got != "a OK\nedited OK\n" {
		t.Errorf("text %q", got)
	}
	r.only("access", "access.db")
}

// An edit of the new text before the rollback is kept, and the error says so.
func TestEditBeforeRollback(t *testing.T) {
	r := newRig(t)
	r.install(r.job("a OK\n"))
	in := Lock{exchange: func(temp, live string) error {
		if strings.HasSuffix(live, ".db") {
			return errors.Join(os.WriteFile(r.path, []byte("edited OK\n"), 0o644), errors.New("disk fell out"))
		}
		return exchange(temp, live)
	}}
	_, err := in.alone(t.Context(), r.state, []Job{r.job("b OK\n")}, nil)
	if !fixtures.ErrorContains(err, "it stays as edited") || strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("error %v", err)
	}
	if got := fixtures.ReadFile(t, r.path); got != "edited OK\n" {
		t.Errorf("text %q", got)
	}
	r.install(r.job("edited OK\n"))
	r.holds("edited OK\n")
}

// A new map that is put back is touched too, because a session may have opened it.
func TestRollbackTouchesNewMap(t *testing.T) {
	r := newRig(t)
	second := filepath.Join(r.dir, "second")
	r.install(r.job("a OK\n"), r.jobAt(second, "", "a\n"))
	var session *os.File
	in := Lock{exchange: func(temp, live string) error {
		if live == second {
			var err error
			session, err = os.Open(r.path + ".db")
			return errors.Join(err, errors.New("disk fell out"))
		}
		return exchange(temp, live)
	}}
	before, began := r.listing(), time.Now()
	report, err := in.alone(t.Context(), r.state, []Job{r.job("b OK\n"), r.jobAt(second, "", "b\n")}, nil)
	r.refused(before, report, err, "disk fell out")
	defer session.Close()
	info, err := session.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if ahead := info.ModTime().Sub(began); ahead < 2*time.Second {
		t.Errorf("the map that was put back has a time %v from when the installation began", ahead)
	}
}
