package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/accessmap/state"
	"mailallow/fixtures"
)

// begin does the first steps of an installation, as a run that is killed afterwards. die drops its locks, as the kernel
// does with those of a killed process.
func (r *rig) begin(jobs ...Job) (killed *run, die func()) {
	r.t.Helper()
	st, err := state.Open(r.t.Context(), r.state, state.LockFile, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	killed = &run{state: st, tx: transaction{exchange: exchange}}
	if err := killed.prepare(r.t.Context(), jobs, nil); err != nil {
		r.t.Fatal(err)
	}
	if err := killed.stage(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return killed, st.Close
}

// swapping does the first n swaps.
func (r *rig) swapping(k *run, n int) {
	r.t.Helper()
	if err := k.tx.owes(true, k.andOwed(false)).keep(k.state); err != nil {
		r.t.Fatal(err)
	}
	for _, c := range k.tx.changes[:n] {
		if err := k.tx.swap(c); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Killed anywhere, the next run finds every file whole, removes what was left, and brings about what it is asked for:
// the new text, or the old one again.
func TestKilled(t *testing.T) {
	const old, next = "a OK\n", "a OK\nb RELAY\n"
	rows := []struct {
		name string
		do   func(*rig, *run)
		text string // what stands there then
	}{
		{"while staging", func(r *rig, k *run) {}, old},
		{"before the first swap", func(r *rig, k *run) { r.swapping(k, 0) }, old},
		{"between text and map", func(r *rig, k *run) { r.swapping(k, 1) }, next},
		{"after the last swap", func(r *rig, k *run) { r.swapping(k, 2) }, next},
		{"while it put back", func(r *rig, k *run) {
			r.swapping(k, 2)
			if err := k.tx.putBack(k.tx.changes[1]); err != nil {
				r.t.Fatal(err)
			}
		}, next},
		{"when all was put back", func(r *rig, k *run) {
			r.swapping(k, 2)
			if err := k.tx.rollback(); err != nil {
				r.t.Fatal(err)
			}
		}, old},
		{"while it removed", func(r *rig, k *run) {
			r.swapping(k, 2)
			if err := os.Remove(k.tx.changes[0].temp); err != nil {
				r.t.Fatal(err)
			}
		}, next},
		{"in a swap by links", func(r *rig, k *run) {
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

// The next run touches the old map, too.
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
		t.Error("sessions that hold the old map are not told")
	}
}

// An edit that a killed run had just displaced goes back; the plan, made before, is refused.
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
	if !fixtures.Says(err, ErrChanged.Error()) || fixtures.ReadFile(t, r.path) != "edited OK\n" {
		t.Errorf("error %v, text %q", err, fixtures.ReadFile(t, r.path))
	}
	r.install(r.job("edited OK\nb OK\n"))
	r.holds("edited OK\nb OK\n")
}

// A killed run has displaced a text that somebody had open: it waits for its edit. Where ours was edited too, both are kept,
// and a person has to say which it is to be.
func TestKilledOverEditor(t *testing.T) {
	for _, both := range []bool{false, true} {
		r := newRig(t)
		r.install(r.job("a OK\n"))
		k, die := r.begin(r.job("b OK\n"))
		editor, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer editor.Close()
		if err := k.tx.owes(true, nil).keep(k.state); err != nil {
			t.Fatal(err)
		}
		temp := k.tx.changes[0].temp
		if err := exchange(temp, r.path); err != nil {
			t.Fatal(err)
		}
		die()
		if _, err := Install(t.Context(), r.state, []Job{r.job("b OK\n")}, nil); !fixtures.Says(err, "open for writing") || !fixtures.Says(err, temp) {
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
		case both && (!fixtures.Says(err, "holds an edit of "+r.path) || text != "b OK\nedited too OK\n" || fixtures.ReadFile(t, temp) != "a OK\nedited OK\n"):
			t.Errorf("error %v, text %q", err, text)
		case !both && (!fixtures.Says(err, ErrChanged.Error()) || text != "a OK\nedited OK\n"):
			t.Errorf("error %v, text %q", err, text)
		}
	}
}

// A journal is no licence to remove anything else.
func TestJournalOfOthers(t *testing.T) {
	for name, temp := range map[string]string{
		"another name":      "access",
		"another directory": "sub/.mailallow-1",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			st := &state.Dir{Name: r.state}
			err := journal{Version: 1, Files: []owedChange{
				{Kind: kindState, Live: r.path, Temp: filepath.Join(r.dir, temp)}}}.keep(st)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil); !fixtures.Says(err, "not a name of ours") {
				t.Errorf("error %v", err)
			}
			r.only("access", "access.db")
		})
	}
	t.Run("not a journal", func(t *testing.T) {
		r := newRig(t)
		r.install(r.job("a OK\n"))
		fixtures.WriteFile(t, filepath.Join(r.state, owedFile), "{")
		if _, err := Install(t.Context(), r.state, []Job{r.job("a OK\n")}, nil); !fixtures.Says(err, owedFile) {
			t.Errorf("error %v", err)
		}
	})
}

// command is an on_change command that notes each run, and fails while a file "fail" is beside its notes.
type command struct {
	dir  string
	argv []string
}

func newCommand(t *testing.T) *command {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "reload")
	text := "#!/bin/sh\necho \"$1\" >> " + dir + "/ran\nenv > " + dir + "/env\n[ ! -e " + dir + "/fail ] || { echo no luck >&2; exit 3; }\necho done\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return &command{dir: dir, argv: []string{script, "$(touch " + dir + "/shell)"}}
}

func (c *command) runs(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, "ran"))
	if err != nil {
		return 0
	}
	return strings.Count(string(b), "\n")
}

func TestOnChange(t *testing.T) {
	t.Setenv("SECRET", "x")
	r := newRig(t)
	c := newCommand(t)
	one := func(text string) Job { j := r.job(text); j.OnChange = c.argv; return j }
	two := func(text string) Job {
		j := r.jobAt(filepath.Join(r.dir, "two"), "", text)
		j.OnChange = c.argv
		return j
	}

	report := r.install(one("a OK\n"), two("a\n"))
	if c.runs(t) != 1 || len(report.Commands) != 1 || report.Commands[0].Output != "done\n" {
		t.Errorf("%d runs for two targets, %+v", c.runs(t), report.Commands)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "shell")); err == nil {
		t.Error("a shell has read the arguments")
	}
	if env := fixtures.ReadFile(t, filepath.Join(c.dir, "env")); strings.Contains(env, "SECRET") || !strings.Contains(env, "/usr/sbin") {
		t.Errorf("environment %q", env)
	}
	if r.install(one("a OK\n"), two("a\n")); c.runs(t) != 1 {
		t.Error("run without a change")
	}
	if r.install(one("a OK\n"), two("b\n")); c.runs(t) != 2 {
		t.Error("not run after a change")
	}
}

func TestOnChangeFails(t *testing.T) {
	r := newRig(t)
	c := newCommand(t)
	job := func(text string) Job { j := r.job(text); j.OnChange = c.argv; return j }
	fixtures.WriteFile(t, filepath.Join(c.dir, "fail"), "")
	for n := 1; n <= 2; n++ { // the second time there is nothing else to do
		report, err := Install(t.Context(), r.state, []Job{job("a OK\n")}, nil)
		if !fixtures.Says(err, "no luck") || !report.Installed || report.Changed != (n == 1) || c.runs(t) != n {
			t.Errorf("run %d: error %v, report %+v, %d runs", n, err, report, c.runs(t))
		}
	}
	// It is owed even when the next installation fails.
	if _, err := Install(t.Context(), r.state, []Job{job("a OK\na OK\n")}, nil); !fixtures.Says(err, "no luck") || c.runs(t) != 3 {
		t.Errorf("error %v, %d runs", err, c.runs(t))
	}
	if err := os.Remove(filepath.Join(c.dir, "fail")); err != nil {
		t.Fatal(err)
	}
	if r.install(job("a OK\n")); c.runs(t) != 4 {
		t.Errorf("%d runs", c.runs(t))
	}
	r.holds("a OK\n")
	if r.install(job("a OK\n")); c.runs(t) != 4 {
		t.Error("run again after it had succeeded")
	}
}

// What a killed run owed is run once by the next: if its text had come in, and not if it had not.
func TestOnChangeKilled(t *testing.T) {
	for name, want := range map[string]int{"swapped": 1, "staged": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.install(r.job("a OK\n"))
			c := newCommand(t)
			job := func(text string) Job { j := r.job(text); j.OnChange = c.argv; return j }
			k, die := r.begin(job("b OK\n"))
			r.swapping(k, 2*want)
			die()
			text := fixtures.ReadFile(t, r.path)
			if r.install(job(text)); c.runs(t) != want {
				t.Errorf("%d runs, want %d", c.runs(t), want)
			}
			r.holds(text)
		})
	}
}

// A command that the configuration no longer has cannot be owed for ever.
func TestOnChangeGone(t *testing.T) {
	r := newRig(t)
	c := newCommand(t)
	fixtures.WriteFile(t, filepath.Join(c.dir, "fail"), "")
	job := r.job("a OK\n")
	job.OnChange = c.argv
	if _, err := Install(t.Context(), r.state, []Job{job}, nil); err == nil {
		t.Fatal("no error")
	}
	r.install(r.job("a OK\n"))
	r.noJournal()
	if c.runs(t) != 1 {
		t.Errorf("%d runs", c.runs(t))
	}
}
