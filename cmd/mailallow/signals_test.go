package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"mailallow/accessmap/state"
	"mailallow/cmd/mailallow/internal/exit"
	pipeline "mailallow/cmd/mailallow/internal/run"
	"mailallow/fixtures"
)

// gated is a host whose makemap, sendmail and on_change command can be made to stop during their work, without an end.
type gated struct {
	*network
	here, hold string // pipes: a stopped program holds the first open, and reads the second, which stays empty
}

const gatedConfig = `
state_dir = "state"
[[source]]
name = "offices"
file = "offices"
action = "RELAY"
[[target]]
format = "sendmail-access"
path = "access"
makemap = "./makemap"
sendmail_cf = %q
on_change = ["./reload", "the", "daemon", "now"]
[[target]]
format = "postfix-cidr"
path = "mailallow.cidr"
on_change = ["./reload", "the", "daemon", "now"]
`

// newGated makes a good update, and then a change for the next one to install.
func newGated(t *testing.T) *gated {
	g := &gated{network: &network{t: t, dir: t.TempDir(), program: []string{"mailallow"}}}
	pipes := t.TempDir()
	g.here, g.hold = filepath.Join(pipes, "here"), filepath.Join(pipes, "hold")
	cf := filepath.Join(g.dir, "sendmail.cf")
	g.write("sendmail.cf", "O DontBlameSendmail=MapInUnsafeDirPath\nKaccess hash "+filepath.Join(g.dir, "access")+"\n")
	g.write("c.toml", fmt.Sprintf(gatedConfig, cf))
	g.write("access", "Connect:localhost\tRELAY\n")
	g.write("offices", "192.0.2.0/24\n")
	g.open()
	if err := errors.Join(unix.Mkfifo(g.here, 0o600), unix.Mkfifo(g.hold, 0o600)); err != nil {
		t.Fatal(err)
	}
	g.update(exit.Done)
	g.write("offices", "192.0.2.0/24 198.51.100.7\n")
	return g
}

func (g *gated) write(name, text string) {
	g.t.Helper()
	fixtures.Write(g.t, filepath.Join(g.dir, name), text, 0o755)
}

// open lets all programs do their work.
func (g *gated) open() {
	for _, name := range []string{"makemap", "sendmail", "reload"} {
		g.stop(name, "nowhere")
	}
}

// stop makes a program do its work and then, if its third argument is this one, stop with a child of its own.
func (g *gated) stop(name, argument string) {
	work := map[string]string{"makemap": fixtures.Makemap(g.t), "sendmail": "true", "reload": "echo reload >> " + filepath.Join(g.dir, "reloads") + " #"}
	g.write(name, fmt.Sprintf("#!/bin/sh\n%s \"$@\" || exit $?\n[ \"$3\" = %s ] || exit 0\nexec 3> %s\necho here >&3\ncat %s & cat %[4]s\n",
		work[name], argument, g.here, g.hold))
}

// stopped waits for a program to stop. gone waits until no process of it is left.
func (g *gated) stopped() (gone func()) {
	g.t.Helper()
	here, err := os.OpenFile(g.here, os.O_RDWR, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	defer here.Close()
	here.SetReadDeadline(time.Now().Add(time.Minute)) // far more than a program needs
	if line, err := bufio.NewReader(here).ReadString('\n'); err != nil {
		g.t.Fatalf("%q, %v", line, err)
	}
	held, err := os.Open(g.here)
	if err != nil {
		g.t.Fatal(err)
	}
	return func() {
		defer held.Close()
		held.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(held); err != nil {
			g.t.Errorf("its child is not ended: %v", err)
		}
	}
}

// TestSignals ends an update in each of its stages. Everything is as it was or, once it is installed, wholly new; the exit
// code, the message and the document say which, and no file and no process is left. The next update does the rest of the
// work. TestInterrupt does the same during a wait for the network.
func TestSignals(t *testing.T) {
	t.Parallel()
	const nothing = "nothing was changed"
	for _, row := range []struct {
		name      string
		program   string // that stops
		argument  string
		signal    syscall.Signal
		installed bool
		says      string
		reloads   int // after the next update, with that of the good update
	}{
		{"planning", "makemap", "-x", syscall.SIGTERM, false, nothing, 2},
		{"planning, and the terminal goes", "makemap", "-x", syscall.SIGHUP, false, nothing, 2},
		{"planning, to quit", "makemap", "-x", syscall.SIGQUIT, false, nothing, 2},
		{"the map is made", "makemap", "hash", syscall.SIGINT, false, nothing, 2},
		{"the map is read back", "makemap", "-u", syscall.SIGTERM, false, nothing, 2},
		{"sendmail is asked", "sendmail", "-bt", syscall.SIGTERM, false, nothing, 2},
		{"on_change", "reload", "now", syscall.SIGINT, true, "\nall files are installed\n", 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(row.signal) { // by nohup, for what the tests start, too
				t.Skipf("%v is ignored", row.signal)
			}
			g := newGated(t)
			g.stop(row.program, row.argument)
			before := g.everything()
			g.endedBy(row.signal, row.installed, row.says, func(cmd *exec.Cmd, _ *bufio.Reader) (gone func()) {
				gone = g.stopped()
				cmd.Process.Signal(row.signal)
				return gone
			})
			if after := g.everything(); !row.installed && !maps.Equal(before, after) {
				t.Errorf("files differ:\n%s", cmp.Diff(before, after))
			}
			g.open()
			g.healed(row.installed, row.reloads)
		})
	}

	// The signal comes with the system call that replaces the text, before the one that replaces the map.
	t.Run("between text and map", func(t *testing.T) {
		t.Parallel()
		g := newGated(t)
		g.write("c.toml", strings.Replace(fmt.Sprintf(gatedConfig, "none"), "sendmail_cf", "# sendmail_cf", 1)) // no sendmail to ask
		if err := exec.Command("strace", "-o", os.DevNull, "true").Run(); err != nil {
			fixtures.Missing(t, fmt.Sprintf("strace: %v", err))
		}
		// The runtime hands the signal on from a thread of its own, which has time for that while the folder is synced. On a busy
		// machine it may still come later.
		const halfSecond = "500000" // in microseconds
		g.program = []string{"strace", "-f", "-qq", "-o", os.DevNull, "-P", filepath.Join(g.dir, "access"), "-P", g.dir, "-e", "trace=fsync,/^rename",
			"-e", "inject=/^rename:signal=SIGTERM:when=1", "-e", "inject=fsync:delay_enter=" + halfSecond, "mailallow"}
		g.endedBy(syscall.SIGTERM, true, `\nall files are installed\n|: everything was done already\n`, func(*exec.Cmd, *bufio.Reader) func() { return func() {} })
		g.program = []string{"mailallow"}
		reloads := 2
		if _, err := os.Stat(filepath.Join(g.dir, "state", state.OwedFile)); err == nil && g.reloads() == 2 {
			reloads = 3 // the signal has ended on_change behind its work
		}
		g.healed(true, reloads)
	})

	t.Run("waiting for the lock", func(t *testing.T) {
		t.Parallel()
		g := newGated(t)
		lock, err := os.Open(filepath.Join(g.dir, "state", "lock"))
		if err == nil {
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := g.everything()
		g.endedBy(syscall.SIGTERM, false, "waiting for the lock: ", func(cmd *exec.Cmd, stderr *bufio.Reader) func() {
			if line, err := stderr.ReadString('\n'); !strings.Contains(line, "locked by another process: waiting, for 1h at most") {
				t.Errorf("it says %q, %v", line, err)
			}
			cmd.Process.Signal(syscall.SIGTERM)
			return func() {}
		}, "--lock-timeout", "1h")
		if after := g.everything(); !maps.Equal(before, after) {
			t.Errorf("files differ:\n%s", cmp.Diff(before, after))
		}
		state.Release(lock)
		g.healed(false, 2)
	})
}

// A signal ends a run before it changes anything, with 128 and the number of the signal.
func TestSignal(t *testing.T) {
	for command, left := range map[string][]string{"diff": {"c.toml"}, "update": {"c.toml", "state", "state/lock"}} {
		t.Run(command, func(t *testing.T) { signalled(t, command, left) })
	}
}

// signalled ends a command that waits for the DNS, and wants these files in its folder.
func signalled(t *testing.T, command string, left []string) {
	server := fixtures.DNS(t, `mail.test TXT "v=spf1 ip4:74.125.4.0/23 -all"`)
	arrived, release := server.Hold("mail.test", "TXT")
	defer release()
	dir := t.TempDir()
	config := filepath.Join(dir, "c.toml")
	text := fmt.Sprintf(`
state_dir = "state"
dns.resolvers = [%q]
source = [{name = "provider", spf = ["mail.test"], action = "OK"}]
target = [{format = "cidr", path = "one.cidr"}]
`, server.Addr())
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mailallow", "-c", config, "--json", command)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is checked below
	const code, said = 128 + 15, "mailallow: ended by signal 15 (terminated): nothing was changed: "
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.HasPrefix(stderr.String(), said) {
		t.Errorf("exit code %d, want %d; stderr %q, want %q", got, code, &stderr, said)
	}
	if !json.Valid([]byte(stdout.String())) || !strings.Contains(stdout.String(), `"text":"ended by signal 15 (terminated): nothing was changed: `) {
		t.Errorf("stdout is not one JSON document that names the signal: %q", &stdout)
	}
	var files []string
	for _, pattern := range []string{"*", "state/*"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			files = append(files, strings.TrimPrefix(f, dir+"/"))
		}
	}
	if !slices.Equal(files, left) {
		t.Errorf("there are %q, want %q", files, left)
	}
}

// A signal that is ignored, as a shell has SIGINT for what a script runs behind it, does not end a run, which reads on.
func TestSignalIgnored(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		cmd := exec.Command("sh", "-c", fmt.Sprintf("trap '' %d; exec mailallow maillog --events", s))
		in, inErr := cmd.StdinPipe()
		out, outErr := cmd.StdoutPipe()
		if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		events := bufio.NewScanner(out)
		for i := range 100 { // the first line says that the program has begun
			fmt.Fprintln(in, "Apr 30 10:31:00 mx1 sendmail[1]: u1: <a@b>... User unknown")
			if !events.Scan() {
				t.Errorf("%v has ended it behind line %d", s, i)
				break
			}
			if i == 0 {
				cmd.Process.Signal(s)
			}
		}
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Errorf("%v: %v", s, err)
		}
	}
}

// A signal ends a reader of logs that waits for a pipe.
func TestSignalStdin(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() // the log does not end before
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mailallow", "maillog", "-")
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = r, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := w.WriteString(strings.Repeat("a line\n", 64<<10)); err != nil { // more than a pipe holds: it reads
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is checked below
	if got := cmd.ProcessState.ExitCode(); got != 128+15 || !strings.HasPrefix(stderr.String(), "mailallow: ended by signal 15") {
		t.Errorf("exit code %d, want %d; stderr %q", got, 128+15, &stderr)
	}
}

// Who follows a log has its events at once.
func TestEventsFollowed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mailallow", "maillog", "--events")
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	events := bufio.NewScanner(out)
	for i := range 3 {
		fmt.Fprintf(in, "Apr 30 10:31:0%d mx1 sendmail[1]: u1: <a@b>... User unknown\n", i)
		if want := fmt.Sprintf(`"line":%d,`, i+1); !events.Scan() || !strings.Contains(events.Text(), want) {
			t.Fatalf("%q, want %s", events.Text(), want)
		}
	}
	if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

// A signal ends a command that waits for the other end of a FIFO on its command line: to open one waits.
func TestSignalFIFO(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"-c fifo update", "-c fifo lint --fix", "-c c.toml lint fifo", "-c c.toml lint --fix fifo", "-c c.toml maillog fifo",
		"-c c.toml report --log fifo", "-c c.toml report -o fifo", "-c c.toml fetch -o fifo"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir() // of its own: another command would be the other end
			if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
				t.Fatal(err)
			}
			fixtures.Write(t, filepath.Join(dir, "c.toml"), "state_dir = \"state\"\nsource = [{name = \"a\", cidr = [\"192.0.2.0/24\"], action = \"OK\"}]\n", 0o644)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			// It waits behind the first system call that asks for the FIFO: the signal comes with that.
			cmd := exec.CommandContext(ctx, "strace", append([]string{"-f", "-qq", "-o", os.DevNull, "-P", "fifo", "-P", filepath.Join(dir, "fifo"), "-e", "trace=openat",
				"-e", "inject=openat:signal=SIGTERM:when=1", "mailallow"}, strings.Fields(line)...)...)
			cmd.Dir = dir
			_ = cmd.Run() // the exit code is checked below
			if got := cmd.ProcessState.ExitCode(); got != 128+15 {
				t.Errorf("exit code %d, want %d", got, 128+15)
			}
		})
	}
}

// A diff that a signal ends shows no difference.
func TestSignalDiff(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	g.stop("makemap", "-x")
	cmd := g.mailallow("diff")
	cmd.Env = append(cmd.Environ(), "PATH="+g.dir+":"+os.Getenv("PATH")) // diff starts no makemap elsewhere
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := g.stopped()
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait() // the exit code is checked below
	gone()
	if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Contains(stdout.String(), "would change") || strings.Contains(stderr.String(), "done") {
		t.Errorf("exit code %d, want 130; it says %s%s", code, &stdout, &stderr)
	}
}

// TestClosedOutput closes the output of an update: the update goes to its end.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()
	cmd := g.mailallow("update", "--verbose", "--log-format", "text")
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	g.healed(true, 2)
}

// atOnce is far more than a run needs to end, and less than any wait that a signal cuts short: makemap has five minutes, and
// sendmail 15 seconds.
const atOnce = 12 * time.Second

// endedBy wants an update that a signal ends to say so, and what a regular expression matches. reach sends the signal once the
// update is at the place to end; the returned function runs after the update.
func (g *gated) endedBy(signal syscall.Signal, installed bool, says string, reach func(*exec.Cmd, *bufio.Reader) func(), args ...string) {
	g.t.Helper()
	cmd := g.mailallow(append([]string{"update", "--json"}, args...)...)
	var stdout strings.Builder
	cmd.Stdout = &stdout
	pipe, err := cmd.StderrPipe()
	if err = errors.Join(err, cmd.Start()); err != nil {
		g.t.Fatal(err)
	}
	stderr := bufio.NewReader(pipe)
	ended := reach(cmd, stderr)
	start := time.Now()
	said, _ := io.ReadAll(stderr)
	cmd.Wait() // the exit code is checked below
	if took := time.Since(start); took > atOnce {
		g.t.Errorf("it ended after %s", took)
	}
	ended()
	want := fmt.Sprintf("mailallow: ended by signal %d (%s): ", int(signal), signal)
	if code := cmd.ProcessState.ExitCode(); code != 128+int(signal) || !strings.Contains(string(said), want) || !regexp.MustCompile(says).Match(said) {
		g.t.Errorf("exit code %d, want %d; stderr %q, want %q and %q", code, 128+int(signal), said, want, says)
	}
	if strings.Contains(string(said), "context canceled") {
		g.t.Errorf("it does not say what ended it: %s", said)
	}
	var doc pipeline.Document
	if err := json.Unmarshal([]byte(stdout.String()), &doc); err != nil || doc.Installed != installed || doc.Changed != installed {
		g.t.Errorf("%v: installed %v, changed %v, want %v in %s", err, doc.Installed, doc.Changed, installed, &stdout)
	}
}

// reloads counts the runs of on_change.
func (g *gated) reloads() int {
	g.t.Helper()
	return strings.Count(fixtures.ReadFile(g.t, filepath.Join(g.dir, "reloads")), "reload\n")
}

// healed wants the next update to install what is left to install, on_change to have run so often since the beginning, and no
// other files than those of the host.
func (g *gated) healed(installed bool, reloads int) {
	g.t.Helper()
	if doc, said := g.update(exit.Done); doc.Changed == installed || !doc.Installed {
		g.t.Errorf("the next update: changed %v, installed %v: %s", doc.Changed, doc.Installed, said)
	}
	for name, want := range map[string]string{"access": "Connect:198.51.100.7\tRELAY\n", "mailallow.cidr": "198.51.100.7/32\tpermit\n"} {
		if text, err := os.ReadFile(filepath.Join(g.dir, name)); err != nil || !strings.Contains(string(text), want) {
			g.t.Errorf("%s: %v: %q, want %q in it", name, err, text, want)
		}
	}
	if ran := g.reloads(); ran != reloads {
		g.t.Errorf("on_change ran %d times, want %d", ran, reloads)
	}
	want := []string{".", "access", "access.db", "c.toml", "mailallow.cidr", "makemap", "offices", "reload", "reloads",
		"sendmail", "sendmail.cf", "state", "state/history", "state/history/00000001", "state/maps.json", "state/snapshot.json", "state/targets.json", "state/window.json"}
	if found := slices.Sorted(maps.Keys(g.everything())); !slices.Equal(found, want) {
		g.t.Errorf("other files than before:\n%s", cmp.Diff(want, found))
	}
}
