package main

import (
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// TestInterrupt ends a run by Ctrl-C while it waits: it ends at once, and everything is as it was.
func TestInterrupt(t *testing.T) {
	const patient = "attempts = 10\ntimeout = \"10m\"\ndeadline = \"1h\"" // a run that waits for one of these fails the test
	for _, row := range []struct {
		name string
		wait func(n *network) (arrived func()) // prepares a wait; arrived returns once the run is in it
	}{
		{"an answer", func(n *network) func() {
			came, _ := n.dns.Hold("_a.mail.test", "TXT")
			n.configure(patient, "")
			return func() { <-came }
		}},
		{"an answer over TCP", func(n *network) func() {
			n.configure("resolvers = [\"NOTCP\", \"DNS\"]\n"+patient, "") // TCP is closed at the first resolver, so the run asks the second
			came, _ := n.dns.Hold("mail.test", "TXT")
			return func() { <-came }
		}},
		{"a handshake", func(n *network) func() {
			addr, came := mute(n.t)
			n.configure(fmt.Sprintf("resolvers = [%q]\n%s", "tls://"+addr, patient), "")
			return func() { <-came }
		}},
		{"a document", func(n *network) func() {
			n.web.Set("/slow", fixtures.Page{Fault: fixtures.Silent})
			n.configure(patient, "WEB/slow")
			return func() { n.untilAsked("/slow") }
		}},
		{"half of a document", func(n *network) func() {
			n.web.Set("/slow", fixtures.Page{Fault: fixtures.Stalled, Body: networkList})
			n.configure(patient, "WEB/slow")
			return func() { n.untilAsked("/slow") }
		}},
		{"the next try", func(n *network) func() {
			n.web.Set("/slow", fixtures.Page{Status: 503, Header: map[string]string{"Retry-After": "20"}})
			n.configure(patient, "WEB/slow")
			return func() { n.untilAsked("/slow") }
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			arrived := row.wait(n)
			n.interrupted(n.mailallow("update"), arrived, "fetching the sources")
		})
	}
}

// interrupted ends a run with the first signal, once it waits: it says so at once, and changes nothing.
func (n *network) interrupted(cmd *exec.Cmd, arrived func(), doing string) {
	n.t.Helper()
	before := n.everything()
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	arrived()
	start := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait() // its exit code is looked at
	if took := time.Since(start); took > atOnce {
		n.t.Errorf("ended after %s", took)
	}
	want := "mailallow: ended by signal 15 (terminated): nothing was changed: " + doing + ": terminated\n"
	if code := cmd.ProcessState.ExitCode(); code != 143 || !strings.HasPrefix(said.String(), want) {
		n.t.Errorf("exit code %d, want 143; stderr %q, want %q", code, &said, want)
	}
	if after := n.everything(); !maps.Equal(before, after) {
		n.t.Errorf("files differ:\n%s", cmp.Diff(before, after))
	}
}

// TestInterruptQuestion ends commands that wait for an answer. The resolver that had no time to answer is not said to be silent.
func TestInterruptQuestion(t *testing.T) {
	for _, row := range []struct {
		args              []string
		name, qtype, says string
	}{
		{[]string{"spf", "mail.test"}, "mail.test", "TXT", ""},
		{[]string{"dnsbl", "192.0.2.25", "--zone", "bl.test"}, "2.0.0.127.bl.test", "A", ": nothing was kept: terminated"},
	} {
		t.Run(row.args[0], func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			came, _ := n.dns.Hold(row.name, row.qtype)
			n.configure("timeout = \"10m\"", "")
			cmd := n.mailallow(row.args...)
			var said strings.Builder
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-came
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait() // its exit code is looked at
			if want := "mailallow: ended by signal 15 (terminated)" + row.says + "\n"; cmd.ProcessState.ExitCode() != 143 || said.String() != want {
				t.Errorf("exit code %d, stderr %q, want %q", cmd.ProcessState.ExitCode(), &said, want)
			}
		})
	}
}

// TestInterruptSnapshot ends runs that wait for a snapshot: on stdin, of which more than a pipe holds has come, or from a server.
func TestInterruptSnapshot(t *testing.T) {
	for _, row := range []struct {
		name string
		wait func(n *network) (cmd *exec.Cmd, from string, arrived func())
	}{
		{"stdin", func(n *network) (*exec.Cmd, string, func()) {
			cmd := n.mailallow("update", "--snapshot", "-")
			in, err := cmd.StdinPipe()
			if err != nil {
				n.t.Fatal(err)
			}
			n.t.Cleanup(func() { in.Close() })
			const pipeBytes = 64 << 10 // man 7 pipe: all of them are read before the second half is written
			return cmd, "-", func() { in.Write(make([]byte, 2*pipeBytes)) }
		}},
		{"a handshake", func(n *network) (*exec.Cmd, string, func()) {
			addr, came := mute(n.t)
			url := "https://" + addr + "/list.json"
			return n.mailallow("update", "--snapshot", url), url, func() { <-came }
		}},
		{"the rest of a document", func(n *network) (*exec.Cmd, string, func()) {
			n.web.Set("/list.json", fixtures.Page{Fault: fixtures.Stalled, Body: networkList})
			url := n.web.URL("/list.json")
			return n.mailallow("update", "--snapshot", url), url, func() { n.untilAsked("/list.json") }
		}},
		{"what fetch hands on", func(n *network) (*exec.Cmd, string, func()) {
			n.web.Set("/list.json", fixtures.Page{Fault: fixtures.Silent})
			url := n.web.URL("/list.json")
			text := "snapshot.url = \"" + url + "\"\ndns.deadline = \"1h\"\nsource = [{name = \"g\", spf = [\"g.test\"], action = \"OK\"}]\n"
			fixtures.WriteFile(n.t, filepath.Join(n.dir, "c.toml"), text)
			return n.mailallow("fetch", "-o", filepath.Join(n.dir, "list.json")), url, func() { n.untilAsked("/list.json") }
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			n.configure("deadline = \"1h\"", "")
			cmd, from, arrived := row.wait(n)
			n.interrupted(cmd, arrived, "getting the snapshot "+from)
		})
	}
}

// mute accepts a connection and says nothing.
func mute(t *testing.T) (addr string, came <-chan struct{}) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	accepted := make(chan struct{})
	go func() {
		if conn, err := listener.Accept(); err == nil {
			t.Cleanup(func() { conn.Close() })
			close(accepted)
		}
	}()
	return listener.Addr().String(), accepted
}

func (n *network) untilAsked(path string) {
	for len(n.web.Asked(path)) == 0 {
		runtime.Gosched()
	}
}

// everything is all below the host's folder, its state but for the lock too, with what tells an untouched file.
func (n *network) everything() map[string]string {
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(n.dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "state/lock" {
			return err
		}
		if d.IsDir() {
			found[path] = "folder"
			return nil
		}
		info, err := d.Info()
		if err == nil {
			found[path] = fmt.Sprint(info.Size(), info.Mode(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino)
		}
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}

// TestAskedOnce counts the questions to the DNS if several sources lead to the same names, one of them without an answer.
func TestAskedOnce(t *testing.T) {
	server := fixtures.DNS(t, `
		one.test TXT "v=spf1 include:shared.test -all"
		two.test TXT "v=spf1 include:SHARED.test a:host.shared.test include:gone.test -all"
		three.test TXT "v=spf1 redirect=two.test"
		four.test TXT "v=spf1 mx:shared.test include:shared.test -all"
		shared.test TXT "v=spf1 ip4:74.125.4.0/23 a:host.shared.test mx -all"
		shared.test MX 10 host.shared.test
		host.shared.test A 209.85.128.7`)
	server.Fault("gone.test", "", fixtures.ServFail)
	dir := t.TempDir()
	config := filepath.Join(dir, "c.toml")
	text := fmt.Sprintf(`
		state_dir = "state"
		action = "OK"
		dns.resolvers = [%q]
		dns.attempts = 2
		dns.timeout = "1m"
		source = [
			{name = "one", spf = ["one.test", "One.Test."]}, {name = "several", spf = ["four.test", "one.test"]},
			{name = "two", spf = ["two.test"]}, {name = "three", spf = ["three.test", "shared.test"]},
		]`, server.Addr())
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := execute(t.Context(), []string{"-c", config, "fetch", "-o", filepath.Join(dir, "out.json")}, strings.NewReader(""), &stdout, &stderr)
	if said := stderr.String(); code != exit.Stale || strings.Count(said, " is missing: ") != 2 {
		t.Errorf("exit code %d, %s", code, said)
	}
	want := map[string]int{
		"udp TXT one.test": 1, "udp TXT two.test": 1, "udp TXT three.test": 1, "udp TXT four.test": 1, "udp TXT shared.test": 1,
		"udp MX shared.test": 1, "udp A host.shared.test": 1, "udp AAAA host.shared.test": 1, "udp TXT gone.test": 2, // attempts
	}
	if diff := cmp.Diff(want, server.Asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// TestFailover has a second resolver in the configuration, which is asked when the first does not know.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fixtures.Fault{
		"SERVFAIL": fixtures.ServFail, "REFUSED": fixtures.Refused, "lame": fixtures.Lame, "garbage": fixtures.Garbage, "silent": fixtures.Drop,
		"cut": fixtures.Truncated, "forger": fixtures.WrongID | fixtures.WrongQuestion | fixtures.OtherPort | fixtures.Drop,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			other := fixtures.DNS(t, networkZone)
			other.Fault("", "", fault)
			n.configure(fmt.Sprintf("resolvers = [%q, \"DNS\"]\nattempts = 1\ntimeout = \"3s\"", other.Addr()), "")
			if doc, said := n.update(exit.Done); doc.Changed {
				t.Error(said)
			}
			n.unmoved("with a second resolver")
			if !slices.Contains(slices.Collect(maps.Keys(other.Asked())), "udp TXT mail.test") {
				t.Error("the first was not asked")
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		n := newNetwork(t)
		n.configure(`resolvers = ["NOBODY", "tls://BADTLS", "DNS"]`, "")
		n.update(exit.Done)
		n.unmoved("with a third resolver")
	})
}
