//go:build linux

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// mapServer is a Sendmail with the type of its access map, and the suffix of the file that its makemap writes.
type mapServer struct {
	name, mapType, suffix string
	programs              func(t *testing.T) (makemap, sendmail string)
	inCF                  string // what sendmail.cf has behind the name of the text, as on Enterprise Linux
}

var mapServers = []mapServer{
	{"hash", "hash", ".db", debianMaps, ""},
	{"hash with its suffix in sendmail.cf", "hash", ".db", debianMaps, ".db"},
	{"btree", "btree", ".db", debianMaps, ""},
	{"cdb in NAME.cdb", "cdb", ".cdb", cdbMaps(1), ""},
	{"cdb with its suffix in sendmail.cf", "cdb", ".cdb", cdbMaps(1), ".cdb"},
	{"cdb in NAME.db", "cdb", ".db", cdbMaps(2), ""},
	{"hash beside cdb", "hash", ".db", cdbMaps(2), ""},
}

func debianMaps(t *testing.T) (makemap, sendmail string) {
	return fixtures.Makemap(t), fixtures.Sendmail(t)
}

func cdbMaps(kind int) func(t *testing.T) (makemap, sendmail string) {
	return func(t *testing.T) (makemap, sendmail string) { return fixtures.CDB(t, kind) }
}

// TestMapTypes lives with a daemon for each type of map and each makemap that makes it: the map is built, verified and swapped, a
// session that has it open notices the new one, Sendmail is asked for a key, and a map of another text or none is made anew. lint,
// diff and explain find the map, whatever its suffix.
func TestMapTypes(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	program := fixtures.Mailallow(t)
	for _, server := range mapServers {
		t.Run(server.name, func(t *testing.T) {
			s := newMapStory(t, program, server)
			s.update(0)
			if got := s.daemon.Send(gmail, sender, local); !got.Accepted() {
				t.Errorf("the provider's mail: %s", got.Decisive())
			}
			session := s.daemon.Session(gmail20)
			if got := session.Send(sender, foreign).Decisive(); !strings.HasPrefix(got, denied) {
				t.Errorf("before RELAY: %s", got)
			}
			s.configure("RELAY")
			s.update(0)
			if got := session.Send(sender, foreign).Decisive(); !strings.HasPrefix(got, accepted) {
				t.Errorf("an open session does not notice the new map: %s", got)
			}
			if got := s.daemon.Send(neighbour, sender, local).Decisive(); !strings.HasPrefix(got, spamBlock(neighbour)) {
				t.Errorf("a neighbour: %s", got)
			}
			s.inOrder(server)
			before := fixtures.Stat(t, s.access+server.suffix)
			s.update(0)
			if after := fixtures.Stat(t, s.access+server.suffix); !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
				t.Error("with nothing to do the map was replaced")
			}
			for name, spoil := range map[string]func(){
				"a map of another text": func() { s.makeMap(server, "Connect:127.0.1\tREJECT\n") },
				"no map": func() {
					if err := os.Remove(s.access + server.suffix); err != nil {
						t.Fatal(err)
					}
				},
			} {
				spoil()
				if out, code := s.run("diff"); code != 1 {
					t.Errorf("%s: diff ends with %d: %s", name, code, out)
				}
				s.update(0)
				if got := s.daemon.Send(gmail, sender, foreign); !got.Accepted() {
					t.Errorf("%s, and an update: %s", name, got.Decisive())
				}
				s.inOrder(server)
			}
		})
	}
}

func newMapStory(t *testing.T, program string, server mapServer) *story {
	t.Helper()
	s := &story{t: t, dir: fixtures.SafeDir(t), program: program}
	makemap, sendmail := server.programs(t)
	s.makemap, s.access = makemap, filepath.Join(s.dir, "access")
	fixtures.WriteFile(t, s.access, "# nothing yet\n")
	s.makeMap(server, "")
	s.begin(host.DaemonOptions{Access: s.access + server.inCF, MapType: server.mapType, Sendmail: sendmail})
	return s
}

// makeMap makes a map of a text beside the access file, as somebody does by hand.
func (s *story) makeMap(server mapServer, text string) {
	s.t.Helper()
	cmd := exec.Command(s.makemap, "-C", "/dev/null", server.mapType, s.access)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("makemap: %v: %s", err, out)
	}
}

// run runs a command beside the daemon.
func (s *story) run(args ...string) (out string, code int) {
	s.t.Helper()
	cmd := exec.Command(s.program, append(args, "-c", s.config())...)
	cmd.Env = append(cmd.Environ(), "PATH="+filepath.Dir(s.makemap)+":"+os.Getenv("PATH")) // diff and lint start no makemap elsewhere
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	err := s.daemon.Run(cmd)
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return text.String(), cmd.ProcessState.ExitCode()
}

// inOrder wants the map under its name alone, and no command to find fault with it.
func (s *story) inOrder(server mapServer) {
	s.t.Helper()
	maps, err := filepath.Glob(s.access + ".*")
	if err != nil || !slices.Equal(maps, []string{s.access + server.suffix}) {
		s.t.Errorf("maps %q, want %s", maps, server.suffix)
	}
	if out, code := s.run("diff"); code != 0 {
		s.t.Errorf("diff ends with %d: %s", code, out)
	}
	if out, _ := s.run("lint"); strings.Contains(out, "map-") || strings.Contains(out, "no-map") || strings.Contains(out, "other-map") {
		s.t.Errorf("lint: %s", out)
	}
	if out, code := s.run("explain", "--live", gmail.String()); code != 0 || !strings.Contains(out, "makemap -u agrees") && !strings.Contains(out, "agrees with") {
		s.t.Errorf("explain --live ends with %d: %s", code, out)
	}
}
