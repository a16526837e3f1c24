package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// command is an on_change command that counts its runs in dir/ran, and fails while there is a file dir/fail.
type command struct {
	dir  string
	argv []string
}

func newCommand(t *testing.T) *command {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "reload")
	text := "#!/bin/sh\necho \"$1\" >> " + dir + "/ran\nenv > " + dir + "/env\n[ ! -e " + dir + "/fail ] || { echo no luck >&2; exit 3; }\necho done\n"
	fixtures.Write(t, script, text, 0o755)
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
		if !fixtures.ErrorContains(err, "no luck") || !report.Installed || report.Changed != (n == 1) || c.runs(t) != n {
			t.Errorf("run %d: error %v, report %+v, %d runs", n, err, report, c.runs(t))
		}
	}
	// It is run again even if the next installation fails.
	if _, err := Install(t.Context(), r.state, []Job{job("a OK\na OK\n")}, nil); !fixtures.ErrorContains(err, "no luck") || c.runs(t) != 3 {
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

// The next run runs the on_change command of a killed one, once, if the text was swapped in.
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

// An installation that is not of all targets, as that of remove, leaves the commands of the others owed. One of all drops that of a
// target that is no longer in the configuration.
func TestOnChangeOfOthers(t *testing.T) {
	for _, partly := range []bool{true, false} {
		r := newRig(t)
		c := newCommand(t)
		fail := filepath.Join(c.dir, "fail")
		fixtures.WriteFile(t, fail, "")
		job := r.job("a OK\n")
		job.OnChange = c.argv
		if _, err := Install(t.Context(), r.state, []Job{job}, nil); err == nil || os.Remove(fail) != nil {
			t.Fatalf("error %v", err)
		}
		lock := &Lock{exchange: exchange, Partly: partly}
		if _, err := lock.alone(t.Context(), r.state, []Job{r.jobAt(filepath.Join(r.dir, "two"), "", "b\n")}, nil); err != nil {
			t.Fatal(err)
		}
		job = r.job("a OK\n")
		job.OnChange = c.argv
		want := 1
		if partly {
			want = 2
		}
		if r.install(job); c.runs(t) != want {
			t.Errorf("partly: %t: %d runs, want %d", partly, c.runs(t), want)
		}
		r.noJournal()
	}
}

// A command that is no longer in the configuration is dropped.
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
