//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/fixtures"
	"mailallow/fixtures/trace"
)

// struck is a host whose update is struck: killed, or refused by its disk, at one system call on its files.
type struck struct {
	t       *testing.T
	dir     string
	program string
	makemap string
	args    []string            // of the command; nil: an update
	as      *syscall.Credential // the user of the update; nil: that of the test
	old     files               // the files before
	mapTime time.Time
	held    *os.File // the map from before, opened as by a session of Sendmail; nil: there was none
}

// files are the contents of targets by name: bytes of a text, entries of a map; "" for a missing file.
type files map[string]string

const (
	struckText, struckMap, struckTable = "mail/access", "mail/access.db", "postfix/mailallow.cidr"

	oldNetworks, newNetworks = "192.0.2.0/24\n", "192.0.2.0/24\n198.51.100.7\n"
)

// The on_change commands copy their targets: the copy shows whether the command ran after the last change.
const struckConfig = `
state_dir = "state"
metrics_file = "metrics/mailallow.prom"
[[source]]
name = "offices"
file = "offices"
action = "RELAY"
max_shrink = "100%%"
[[target]]
format = "sendmail-access"
path = "mail/access"
makemap = %q
sendmail_cf = "sendmail.cf"
on_change = ["cp", "%[2]s/mail/access.db", "%[2]s/seen.db"]
[[target]]
format = "postfix-cidr"
path = "postfix/mailallow.cidr"
on_change = ["cp", "%[2]s/postfix/mailallow.cidr", "%[2]s/seen.cidr"]
`

// left are the files that a finished update leaves in each folder.
var left = map[string][]string{
	"mail": {"access", "access.db"}, "postfix": {"mailallow.cidr"}, "metrics": {"mailallow.prom"},
	"state": {"history", "lock", "maps.json", "snapshot.json", "targets.json", "window.json"}, "state/history": {"00000001"},
}

// newStruck makes a host without installed files.
func newStruck(t *testing.T, program string) *struck {
	return newStruckIn(t, program, fixtures.MemoryDir(t))
}

func newStruckIn(t *testing.T, program, dir string) *struck {
	s := &struck{t: t, dir: dir, program: program, makemap: fixtures.Makemap(t)}
	s.write("c.toml", fmt.Sprintf(struckConfig, s.makemap, s.dir))
	s.write("sendmail.cf", "")
	for _, name := range []string{"mail", "postfix", "metrics"} {
		s.check(os.Mkdir(s.path(name), 0o755))
	}
	return s
}

func (s *struck) path(name string) string { return filepath.Join(s.dir, name) }

func (s *struck) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *struck) write(name, text string) {
	s.t.Helper()
	fixtures.WriteFile(s.t, s.path(name), text)
}

// begin makes an update of the old networks, or removes all installed files, and notes the files.
func (s *struck) begin(installed bool) {
	s.t.Helper()
	s.write("offices", oldNetworks)
	if installed {
		s.write(struckText, "Connect:localhost\tRELAY\n")
		s.update()
	} else {
		for name := range left {
			s.check(errors.Join(os.RemoveAll(s.path(name)), os.RemoveAll(s.path("seen.db")), os.RemoveAll(s.path("seen.cidr"))))
			if !strings.HasPrefix(name, "state") { // update makes it
				s.check(os.Mkdir(s.path(name), 0o755))
			}
		}
	}
	s.holds()
}

// holds notes the files of now as those from before.
func (s *struck) holds() {
	s.t.Helper()
	s.old = s.now()
	if s.held != nil {
		s.held.Close()
		s.held = nil
	}
	held, err := os.Open(s.path(struckMap))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	s.check(err)
	info, err := held.Stat()
	s.check(err)
	s.held, s.mapTime = held, info.ModTime()
	s.t.Cleanup(func() { held.Close() })
}

func (s *struck) command() *exec.Cmd {
	args := s.args
	if args == nil {
		args = []string{"update", "--quiet"}
	}
	cmd := exec.Command(s.program, append([]string{"-c", s.path("c.toml")}, args...)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	if s.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return cmd
}

// fails wants an update that ends with 5 and writes all these texts.
func (s *struck) fails(want ...string) {
	s.t.Helper()
	if s.installs(want...) {
		s.t.Errorf("an update that should have said %q has succeeded", want)
	}
}

// installs wants an update that succeeds, or one that ends with 5 and writes all these texts.
func (s *struck) installs(want ...string) bool {
	s.t.Helper()
	out, err := s.command().CombinedOutput()
	if err == nil {
		return true
	}
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != exit.Install {
		s.t.Fatalf("update: %v, want exit code %d\n%s", err, exit.Install, out)
	}
	for _, text := range want {
		if !strings.Contains(string(out), text) {
			s.t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	return false
}

// update wants an update that succeeds.
func (s *struck) update() {
	s.t.Helper()
	if out, err := s.command().CombinedOutput(); err != nil {
		s.t.Fatalf("update: %v\n%s", err, out)
	}
}

// traced runs an update, with a fate for its system calls on the files of the host.
func (s *struck) traced(judge func(trace.Call) trace.Fate) trace.Traced {
	s.t.Helper()
	var below []string
	for name := range left {
		below = append(below, s.path(name))
	}
	cmd := s.command()
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1") // for fewer calls of other kinds
	return trace.Run(s.t, cmd, below, judge)
}

func (s *struck) now() files {
	s.t.Helper()
	found := files{}
	for _, name := range []string{struckText, struckTable} {
		text, err := os.ReadFile(s.path(name))
		if !errors.Is(err, fs.ErrNotExist) {
			s.check(err)
		}
		found[name] = string(text)
	}
	if _, err := os.Lstat(s.path(struckMap)); err == nil {
		found[struckMap] = s.dump()
	}
	return found
}

// dump gives the entries of a copy of the map: makemap refuses a map with a second name, which it has during a swap.
func (s *struck) dump() string {
	s.t.Helper()
	held, err := os.ReadFile(s.path(struckMap))
	s.check(err)
	s.check(os.WriteFile(s.path("copy.db"), held, 0o600))
	defer os.Remove(s.path("copy.db"))
	out, err := exec.Command(s.makemap, "-C", "/dev/null", "-u", "hash", s.path("copy")).Output()
	if err != nil {
		s.t.Errorf("half a map: %v", err)
	}
	entries := strings.SplitAfter(string(out), "\n")
	slices.Sort(entries)
	return strings.Join(entries, "")
}

// whole wants each file to be wholly old or wholly new.
func (s *struck) whole(want files) {
	s.t.Helper()
	now := s.now()
	for name, text := range now {
		if text != want[name] && text != s.old[name] {
			s.t.Errorf("%s is neither old nor new: %q", name, text)
		}
	}
}

// healed wants the next update to install everything, to finish the work of the last one, and to leave no other file.
func (s *struck) healed(want files) {
	s.t.Helper()
	s.update()
	if diff := cmp.Diff(want, s.now()); diff != "" {
		s.t.Errorf("healed (-want +got):\n%s", diff)
	}
	for name, seen := range map[string]string{struckMap: "seen.db", struckTable: "seen.cidr"} {
		installed, err := os.ReadFile(s.path(name))
		s.check(err)
		if copied, err := os.ReadFile(s.path(seen)); err != nil || !bytes.Equal(installed, copied) {
			s.t.Errorf("on_change of %s was not run after the last change: %v", name, err)
		}
	}
	s.nothingElse()
	s.touched()
	text, err := os.ReadFile(s.path("offices"))
	s.check(err)
	s.recorded(string(text))
}

// recorded wants the history to be whole, and to say that these networks are in the list.
func (s *struck) recorded(networks string) {
	s.t.Helper()
	log, err := run.OpenHistory(s.path("state"))
	s.check(err)
	state, problems := log.At(time.Now().Add(time.Hour))
	want, got := strings.Fields(networks), []string(nil)
	for _, src := range state.Sources {
		for p := range src.Ranges.Minimal() {
			got = append(got, strings.TrimSuffix(p.String(), "/32"))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(problems) > 0 || !state.Known || !slices.Equal(got, want) {
		s.t.Errorf("the history says %v and %v, want %v", got, problems, want)
	}
}

// nothingElse wants the folders to hold only the files that a finished update leaves.
func (s *struck) nothingElse() {
	s.t.Helper()
	for name, want := range left {
		entries, err := os.ReadDir(s.path(name))
		s.check(err)
		var found []string
		for _, e := range entries {
			found = append(found, e.Name())
		}
		if name == "state/history" && len(found) > 0 { // many runs fill more than one part
			found = found[:1]
		}
		if !slices.Equal(found, want) {
			s.t.Errorf("in %s there are %q, want %q", name, found, want)
		}
	}
}

// touched wants the time of the old map to have jumped for sessions that hold it, if the map is another one (docs/facts.md 6).
func (s *struck) touched() {
	s.t.Helper()
	if s.held == nil {
		return
	}
	old, err := s.held.Stat()
	s.check(err)
	current, err := os.Stat(s.path(struckMap))
	s.check(err)
	if !os.SameFile(old, current) && old.ModTime().Sub(s.mapTime) < 2*time.Second {
		s.t.Error("the old map is not touched for the sessions that hold it")
	}
}

// everything gives the files of the host, but not the lock and the metrics, with the properties that a change changes.
func (s *struck) everything() map[string]string {
	s.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(s.dir, path)
		if err != nil || d.IsDir() || name == "state/lock" || strings.HasPrefix(name, "metrics/") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		stat := info.Sys().(*syscall.Stat_t)
		found[name] = fmt.Sprintf("inode %d, %d links, %d:%d, %v, %v\n%q", stat.Ino, stat.Nlink, stat.Uid, stat.Gid, info.Mode(), info.ModTime(), text)
		return err
	})
	s.check(err)
	return found
}

// counts has the number of strikes at each system call.
type counts map[string]int

func (c counts) String() string {
	total := 0
	var each []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		total += c[name]
		each = append(each, fmt.Sprintf("%s %d", name, c[name]))
	}
	return fmt.Sprintf("%d: %s", total, strings.Join(each, ", "))
}
