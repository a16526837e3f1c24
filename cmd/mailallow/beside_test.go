package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailallow/accessmap/kernel"
	"mailallow/accessmap/makemap"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// Several updates at once, and edits of the same files during an update.

const editLine = "Connect:127.0.0.9\tREJECT\n"

// meanwhile makes a program do its work and then, if its third argument is this one, run a piece of shell in the folder of
// the host: once, or each time.
func (g *gated) meanwhile(name, argument, shell string, once bool) {
	guard := "true"
	if once {
		guard = "mkdir once 2> /dev/null"
	}
	work := map[string]string{"makemap": fixtures.Makemap(g.t), "sendmail": "true"}[name]
	g.write(name, fmt.Sprintf("#!/bin/sh\n%s \"$@\" || exit $?\ncd %s && [ \"$3\" = %s ] && %s || exit 0\n%s\n", work, g.dir, argument, guard, shell))
}

// inStep wants the map to match the access text, and returns the text.
func (n *network) inStep() (text string) {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, "access"))
	if err != nil {
		n.t.Fatal(err)
	}
	read := makemap.ReadText(b)
	makemap := makemap.Program{Path: fixtures.Makemap(n.t)}
	if err := makemap.Verify(n.t.Context(), "hash", filepath.Join(n.dir, "access.db"), read); err != nil || len(read.Problems) > 0 {
		n.t.Errorf("%v %v", read.Problems, err)
	}
	return string(b)
}

// tidy wants no temporary file of an update beside the targets.
func (n *network) tidy() {
	n.t.Helper()
	left, err := filepath.Glob(filepath.Join(n.dir, ".mailallow-*"))
	if err != nil || len(left) > 0 {
		n.t.Errorf("%v: left there: %q", err, left)
	}
}

// Somebody edits the access file during an update: between the reading and the swap, or after it. The update plans again, and
// the file has both changes.
func TestEditWhileUpdating(t *testing.T) {
	t.Parallel()
	const (
		renamed   = `{ cat access; printf '` + editLine + `'; } > mine && mv mine access`
		appended  = `printf '` + editLine + `' >> access`
		rewritten = `text=$(cat access); printf '%s\n` + editLine + `' "$text" > access`
	)
	for _, row := range []struct{ name, program, argument, edit string }{
		{"renamed while it is planned", "makemap", "-x", renamed},
		{"appended to while the map is made", "makemap", "hash", appended},
		{"rewritten while the map is read back", "makemap", "-u", rewritten},
		{"renamed while sendmail is asked", "sendmail", "-bt", renamed},
		{"appended to while sendmail is asked", "sendmail", "-bt", appended},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g := newGated(t)
			g.meanwhile(row.program, row.argument, row.edit, true)
			if doc, said := g.update(exit.Done); !doc.Changed || !doc.Installed {
				t.Errorf("%+v %s", doc, said)
			}
			if text := g.inStep(); strings.Count(text, editLine) != 1 || !strings.Contains(text, "Connect:198.51.100.7\tRELAY\n") {
				t.Errorf("text %q", text)
			}
			g.tidy()
			g.open()
			if doc, said := g.update(exit.Done); doc.Changed {
				t.Errorf("changed again: %s", said)
			}
		})
	}

	t.Run("a table, which is mailallow's as a whole", func(t *testing.T) {
		t.Parallel()
		g := newGated(t)
		g.meanwhile("makemap", "hash", "printf '127.0.0.9/32\tREJECT\n' >> mailallow.cidr", true)
		doc, said := g.update(exit.Done)
		text, err := os.ReadFile(filepath.Join(g.dir, "mailallow.cidr"))
		if removed := doc.Targets[1].Removed; err != nil || strings.Contains(string(text), "127.0.0.9") || !slices.Contains(removed, "127.0.0.9/32 REJECT") {
			t.Errorf("%v: %q; removed %q: %s", err, text, removed, said)
		}
	})

	t.Run("without an end", func(t *testing.T) {
		t.Parallel()
		g := newGated(t)
		before := g.everything()
		const tries = 4 // of an update, before it gives up
		g.meanwhile("makemap", "hash", "echo '# one more' >> access", false)
		doc, said := g.update(exit.Install)
		if doc.Changed || doc.Installed || !strings.Contains(said, filepath.Join(g.dir, "access")+": edited since it was read\nnothing was changed") {
			t.Errorf("%+v %s", doc, said)
		}
		after := g.everything()
		for name, old := range before {
			if now := after[name]; now != old && name != "access" && name != "makemap" && name != "." {
				t.Errorf("%s was %s and is %s", name, old, now)
			}
		}
		text, err := os.ReadFile(filepath.Join(g.dir, "access"))
		if edits := strings.Count(string(text), "# one more\n"); err != nil || edits != tries || strings.Contains(string(text), "198.51.100.7") {
			t.Errorf("%v: %d edits in %q", err, edits, text)
		}
		g.tidy()
		g.open()
		g.update(exit.Done)
		g.inStep()
	})

	t.Run("left open", func(t *testing.T) {
		if !kernel.KnowsWriters {
			t.Skip("this system does not tell who has a file open")
		}
		t.Parallel()
		g := newGated(t)
		// A process of its own: what this one has open, a child that another test starts has open, too, for a while.
		editor := exec.Command("sh", "-c", `exec 3>> access; echo open; read go; printf %s "$0" >&3`, editLine)
		editor.Dir = g.dir
		stdin, inErr := editor.StdinPipe()
		stdout, outErr := editor.StdoutPipe()
		if err := errors.Join(inErr, outErr, editor.Start()); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		before := g.files()
		if _, said := g.update(exit.Install); !strings.Contains(said, filepath.Join(g.dir, "access")+": a program has it open for writing: try again when it has closed it") {
			t.Errorf("it says %s", said)
		}
		if after := g.files(); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("%v became %v", before, after)
		}
		stdin.Close()
		if err := editor.Wait(); err != nil {
			t.Fatal(err)
		}
		g.update(exit.Done)
		if text := g.inStep(); strings.Count(text, editLine) != 1 || !strings.Contains(text, "198.51.100.7") {
			t.Errorf("text %q", text)
		}
	})
}

// meeting is a host with two configurations for the same access file, each with its own list and state directory.
type meeting struct {
	*network
	configs [2]string
}

func newMeeting(t *testing.T) *meeting {
	m := &meeting{network: &network{t: t, dir: t.TempDir(), program: []string{fixtures.Mailallow(t)}}}
	fixtures.WriteFile(t, filepath.Join(m.dir, "access"), editLine)
	for i := range m.configs {
		m.configs[i] = filepath.Join(m.dir, fmt.Sprintf("%c.toml", 'a'+i))
	}
	m.publish(0)
	return m
}

// address is the address that configuration i lists in a round.
func (m *meeting) address(i, round int) string { return fmt.Sprintf("192.0.%d.%d", 2+i, round%250) }

func (m *meeting) publish(round int) {
	m.t.Helper()
	for i, config := range m.configs {
		text := fmt.Sprintf("state_dir = \"state-%d\"\naction = \"OK\"\nsource = [{name = \"list\", cidr = [%q]}]\ntarget = [{format = \"sendmail-access\", path = \"access\", makemap = %q}]\n",
			i, m.address(i, round), fixtures.Makemap(m.t))
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
}

// update runs the program with a configuration and returns its exit code.
func (m *meeting) update(config int, args ...string) (code int, said string) {
	cmd := exec.Command(m.program[0], append([]string{"-c", m.configs[config], "update"}, args...)...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		m.t.Error(err)
	}
	return cmd.ProcessState.ExitCode(), talk.String()
}

// TestSoakMeeting starts several updates of both configurations at once. Those that wait for the lock succeed, the others
// succeed or name the lock, and the files in the end are wholly those of one configuration.
func TestSoakMeeting(t *testing.T) {
	t.Parallel()
	m := newMeeting(t)
	rounds, codes := fixtures.Rounds(1, 30), map[int]int{}
	for round := range rounds {
		m.publish(round)
		var running sync.WaitGroup
		var mu sync.Mutex
		for n := range 8 {
			running.Go(func() {
				var wait []string
				if n%4 < 2 {
					wait = []string{"--lock-timeout", "1h"}
				}
				code, said := m.update(n%2, wait...)
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
				switch {
				case code == exit.Done:
				case code == exit.Install && wait == nil && strings.Contains(said, ": locked by "):
				default:
					t.Errorf("round %d: exit code %d: %s", round, code, said)
				}
			})
		}
		running.Wait()
		text := m.inStep()
		lists := 0
		for i := range m.configs {
			lists += strings.Count(text, "Connect:"+m.address(i, round)+"\tOK\n")
		}
		if lists != 1 || strings.Count(text, "Connect:") != 2 || !strings.HasPrefix(text, editLine) {
			t.Errorf("round %d: text %q", round, text)
		}
		m.tidy()
	}
	t.Logf("%d times eight updates at once: %d came through, %d named the lock that was held", rounds, codes[exit.Done], codes[exit.Install])
}

// TestSoakEditor adds numbered lines to the access file as editors and scripts do, while updates change the list in it. In
// the end each line is there once.
func TestSoakEditor(t *testing.T) {
	if !kernel.KnowsWriters {
		t.Skip("an edit that is renamed to the text within the swap is lost on this system")
	}
	t.Parallel()
	m := newMeeting(t)
	random := fixtures.Random(t)
	path := filepath.Join(m.dir, "access")
	add := func(flag int, line string, open time.Duration) error {
		f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
		if err != nil {
			return err
		}
		time.Sleep(open)
		_, err = f.WriteString(line)
		return errors.Join(err, f.Close())
	}
	ways := []func(line string) error{
		func(line string) error { // sed -i, vim
			text, err := os.ReadFile(path)
			err = errors.Join(err, os.WriteFile(path+"~", append(text, line...), 0o644))
			return errors.Join(err, os.Rename(path+"~", path))
		},
		func(line string) error { return add(os.O_APPEND, line, 0) }, // echo >>
		func(line string) error { return add(os.O_APPEND, line, 30*time.Millisecond) },
		func(line string) error { // nano, cp
			text, err := os.ReadFile(path)
			return errors.Join(err, add(os.O_TRUNC, string(text)+line, 0))
		},
	}
	line := func(n int) string { return fmt.Sprintf("Connect:10.%d.%d\tREJECT\n", n/256, n%256) }
	stop, edited := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				edited <- n
				return
			case <-time.After(5*time.Millisecond + time.Duration(random.ExpFloat64()*float64(150*time.Millisecond))):
			}
			if err := ways[random.IntN(len(ways))](line(n)); err != nil {
				t.Error(err)
			}
		}
	}()
	codes := map[int]int{}
	updates := fixtures.Rounds(5, 80)
	for n := range updates {
		m.publish(n + 1)
		code, said := m.update(0)
		codes[code]++
		if code != exit.Done && (code != exit.Install || !strings.Contains(said, path+": ")) {
			t.Errorf("exit code %d: %s", code, said)
		}
	}
	close(stop)
	lines := <-edited
	if code, said := m.update(0); code != exit.Done {
		t.Errorf("at last: exit code %d: %s", code, said)
	}
	text := m.inStep()
	for n := range lines {
		if times := strings.Count(text, line(n)); times != 1 {
			t.Errorf("line %d is there %d times", n, times)
		}
	}
	m.tidy()
	if strings.Count(text, "Connect:"+m.address(0, updates)+"\tOK\n") != 1 {
		t.Errorf("text %q", text)
	}
	t.Logf("%d updates among %d edits: %d came through, %d gave way", updates, lines, codes[exit.Done], codes[exit.Install])
}
