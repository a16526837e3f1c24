//go:build linux

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// story is a host with a real Sendmail on loopback, a DNSBL that lists the clients of a provider, and mailallow.
type story struct {
	t       *testing.T
	daemon  *host.Daemon
	program string
	makemap string
	dir     string // of the access file and the configuration
	access  string
}

// The clients of the story. The provider publishes 127.0.1.0/24 and 127.0.16.0/20.
var (
	gmail     = netip.MustParseAddr("127.0.1.169")
	gmail20   = netip.MustParseAddr("127.0.31.44") // the last /24 of the /20
	excluded  = netip.MustParseAddr("127.0.17.66") // the provider's, but never let in
	neighbour = netip.MustParseAddr("127.0.2.169") // on the DNSBL too, and not the provider's
	stranger  = netip.MustParseAddr("127.0.3.7")   // on no list
)

const (
	sender  = "someone@sender.example"
	local   = "root@mail.test"
	foreign = "someone@elsewhere.example"

	policy = "v=spf1 ip4:127.0.1.0/24 ip4:127.0.16.0/20 -all"

	accepted = "250 2.1.5 "
	denied   = "550 5.7.1 <" + foreign + ">... Relaying denied"
)

func spamBlock(client netip.Addr) string {
	return fmt.Sprintf("550 5.7.1 Spam Block: %s is listed", client)
}

// newStory starts the daemon over an access file with hand-written lines.
func newStory(t *testing.T, program string, byHand ...string) *story {
	t.Helper()
	s := &story{t: t, dir: fixtures.SafeDir(t), program: program, makemap: fixtures.Makemap(t)}
	s.access = filepath.Join(s.dir, "access")
	fixtures.MakeAccess(t, s.access, byHand...)
	s.begin(host.DaemonOptions{Access: s.access})
	return s
}

// begin starts the daemon, the list of the provider and the configuration.
func (s *story) begin(o host.DaemonOptions) {
	s.t.Helper()
	s.daemon = host.NewDaemon(s.t, o)
	s.publish(policy)
	s.configure("OK")
}

// publish replaces the provider's policy; the DNSBL keeps its entries.
func (s *story) publish(policy string) {
	s.t.Helper()
	zone := "sender.example. 60 IN A 192.0.2.1\n" + fmt.Sprintf("_spf.gmail.test. 60 IN TXT %q\n", policy)
	for _, addr := range []netip.Addr{gmail, gmail20, excluded, neighbour} {
		b := addr.As4()
		zone += fmt.Sprintf("%d.%d.%d.%d.dnsbl.test. 60 IN A 127.0.0.2\n", b[3], b[2], b[1], b[0])
	}
	s.daemon.DNS.Set(zone)
}

// configure writes the configuration. Loopback is special-purpose space, from which no real provider sends.
func (s *story) configure(action string) {
	s.t.Helper()
	text := fmt.Sprintf(`
state_dir = "state"

[dns]
resolvers = ["127.0.0.1:53"]
timeout = "1m"
attempts = 1

[guard]
allow_special = true

[[source]]
name = "gmail"
spf = ["_spf.gmail.test"]
action = %q

[[source]]
name = "never"
cidr = [%q]
action = "EXCLUDE"

[[target]]
format = "sendmail-access"
path = "../access"
makemap = %q
sendmail_cf = %q
`, action, excluded, s.makemap, s.daemon.CF)
	err := errors.Join(os.MkdirAll(filepath.Dir(s.config()), 0o755), os.WriteFile(s.config(), []byte(text), 0o644))
	if err != nil {
		s.t.Fatal(err)
	}
}

// config is the path of the configuration: others may write to the folder of the access file.
func (s *story) config() string { return filepath.Join(s.dir, "mailallow", "mailallow.toml") }

// update runs `mailallow update` beside the daemon and wants an exit code.
func (s *story) update(code int) (stderr string) {
	s.t.Helper()
	var stdout, messages bytes.Buffer
	cmd := exec.Command(s.program, "update", "-c", s.config())
	cmd.Stdout, cmd.Stderr = &stdout, &messages
	err := s.daemon.Run(cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("mailallow update: %v", err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("mailallow update: exit code %d, want %d\n%s%s", got, code, stdout.Bytes(), messages.Bytes())
	}
	// mailallow warns if it could not ask Sendmail for a key of the new map.
	if strings.Contains(messages.String(), "could not be asked") {
		s.t.Errorf("mailallow update: %s", messages.Bytes())
	}
	return messages.String()
}

// attempt is the mail of a client, and the beginning of the daemon's decisive reply.
type attempt struct {
	client    netip.Addr
	recipient string
	want      string
}

func (s *story) attempts(chapter string, rows ...attempt) {
	s.t.Helper()
	for _, row := range rows {
		if got := s.daemon.Send(row.client, sender, row.recipient).Decisive(); !strings.HasPrefix(got, row.want) {
			s.t.Errorf("%s: from %s to %s: %q, want %q", chapter, row.client, row.recipient, got, row.want)
		}
	}
}

// unchanged tries the clients that are not on the list: they get the replies from before.
func (s *story) unchanged(chapter string) {
	s.t.Helper()
	s.attempts(chapter,
		attempt{excluded, local, spamBlock(excluded)},
		attempt{neighbour, local, spamBlock(neighbour)},
		attempt{neighbour, foreign, spamBlock(neighbour)},
		attempt{stranger, local, accepted},
		attempt{stranger, foreign, denied})
}

// TestStories has mailallow change the list under a running daemon.
func TestStories(t *testing.T) {
	t.Parallel()
	fixtures.Sendmail(t)
	program := fixtures.Mailallow(t)
	t.Run("a DNSBL refuses a provider", func(t *testing.T) { tellOfProvider(t, program) })
	t.Run("no DNS, or not to be believed", func(t *testing.T) { tellOfDoubt(t, program) })
	t.Run("nothing to change", func(t *testing.T) { tellOfNothing(t, program) })
	t.Run("a map that Sendmail would refuse", func(t *testing.T) { tellOfRefusal(t, program) })
}

// tellOfProvider is the story of an administrator whose server refuses a provider's mail because of a DNSBL. The daemon is
// never restarted; its next session and the open ones use the list of every update.
func tellOfProvider(t *testing.T, program string) {
	// A usual mistake: the provider's networks as they are published. makemap takes them without a message.
	s := newStory(t, program, "# Gmail", "127.0.1.0/24\tRELAY", "127.0.16.0/20\tRELAY")

	s.attempts("CIDR in the access file",
		attempt{gmail, local, spamBlock(gmail)},
		attempt{gmail20, local, spamBlock(gmail20)})
	s.unchanged("CIDR in the access file")

	s.update(0)
	s.attempts("OK",
		attempt{gmail, local, accepted},
		attempt{gmail, foreign, denied},
		attempt{gmail20, local, accepted},
		attempt{gmail20, foreign, denied})
	s.unchanged("OK")

	// A session that has used the map is open when the list changes.
	open := s.daemon.Session(gmail20)
	if r := open.Send(sender, foreign); r.Accepted() {
		t.Errorf("OK, a session: %+v", r)
	}
	s.configure("RELAY")
	s.update(0)
	if r := open.Send(sender, foreign); !r.Accepted() {
		t.Errorf("RELAY, a session from before: %+v", r)
	}
	s.attempts("RELAY",
		attempt{gmail, local, accepted},
		attempt{gmail, foreign, accepted},
		attempt{gmail20, foreign, accepted})
	s.unchanged("RELAY")

	s.configure("OK")
	s.update(0)
	if r := open.Send(sender, foreign); r.Accepted() {
		t.Errorf("OK again, a session from before: %+v", r)
	}
	s.attempts("OK again", attempt{gmail, foreign, denied}, attempt{gmail20, local, accepted})
	s.unchanged("OK again")

	// The provider takes a network out of its policy, too small a part to doubt it.
	s.publish("v=spf1 ip4:127.0.16.0/20 -all")
	s.update(0)
	s.attempts("a network less",
		attempt{gmail, local, spamBlock(gmail)},
		attempt{gmail20, local, accepted})
	s.unchanged("a network less")
}

// tellOfDoubt: a policy that cannot be fetched or believed does not stop the provider's mail.
func tellOfDoubt(t *testing.T, program string) {
	s := newStory(t, program, "# nothing yet")
	s.update(0)
	letIn := []attempt{{gmail, local, accepted}, {gmail20, local, accepted}}

	s.daemon.DNS.Fault("_spf.gmail.test", "", fixtures.ServFail)
	s.unmoved("SERVFAIL", func() { s.update(4) })
	s.attempts("SERVFAIL", letIn...)
	s.daemon.DNS.Fault("_spf.gmail.test", "", 0)

	s.publish("v=spf1 ip4:127.0.1.0/24 -all")
	s.unmoved("most of it gone", func() { s.update(3) })
	s.attempts("most of it gone", letIn...)
	s.unchanged("most of it gone")
}

// tellOfNothing: an update that has nothing to change leaves text and map alone.
func tellOfNothing(t *testing.T, program string) {
	s := newStory(t, program, "Connect:127.0.9\tREJECT")
	s.update(0)
	s.unmoved("a second update", func() { s.update(0) })
}

// tellOfRefusal: a directory that a group may write to makes Sendmail refuse every map in it (docs/facts.md 5). mailallow
// says so and leaves the files.
func tellOfRefusal(t *testing.T, program string) {
	s := newStory(t, program, "# nothing yet")
	if err := os.Chmod(s.dir, 0o770); err != nil {
		t.Fatal(err)
	}
	s.unmoved("an unsafe directory", func() {
		if stderr := s.update(5); !strings.Contains(stderr, "writable") {
			t.Errorf("stderr %q", stderr)
		}
	})
}

// unmoved wants text and map to be the same inodes with the same times after a step.
func (s *story) unmoved(chapter string, step func()) {
	s.t.Helper()
	before := s.files()
	step()
	if after := s.files(); after != before {
		s.t.Errorf("%s: before %v, after %v", chapter, before, after)
	}
}

type fileIdentity struct {
	inode uint64
	mtime syscall.Timespec
}

func (s *story) files() (files [2]fileIdentity) {
	s.t.Helper()
	for i, path := range []string{s.access, s.access + ".db"} {
		var stat syscall.Stat_t
		if err := syscall.Stat(path, &stat); err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		files[i] = fileIdentity{stat.Ino, stat.Mtim}
	}
	return files
}
