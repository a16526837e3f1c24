//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mailallow/fixtures"
)

// waits are runs that wait for a network: for a resolver at HOLE, or a web server at WEB, that never answer.
var waits = []struct{ name, line, shows string }{
	{"update", "update -c c.toml", "fetched 0 of 2 sources"},
	{"diff", "diff -c c.toml", "fetched 0 of 2 sources"},
	{"fetch", "fetch -c c.toml -o out.json", "fetched 0 of 2 sources"},
	{"render", "render -c c.toml cidr", "fetched 0 of 2 sources"},
	{"explain", "explain -c c.toml 192.0.2.1", "fetched 0 of 2 sources"},
	{"explain a name", "explain --resolver HOLE mail.test", "looking up the addresses"},
	{"spf", "spf --resolver HOLE mail.test", "listing 1 policy"},
	{"dnsbl", "dnsbl --resolver HOLE --zone bl.spamcop.net 192.0.2.1", "asking 1 list"},
	{"providers", "providers --check --resolver HOLE", " sources, "},
	{"a published snapshot", "update -c c.toml --snapshot WEB/list.json", "fetching WEB/list.json"},
	{"a snapshot of another program", "update -c c.toml --snapshot -", "reading the snapshot from stdin"},
}

// TestProgress: on a terminal every wait for a network shows that something goes on, while it lasts. Package terminal has the
// time after which it does.
func TestProgress(t *testing.T) {
	program := fixtures.Mailallow(t)
	hole, err := net.ListenPacket("udp", "127.0.0.1:0") // nobody reads what comes
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	web := fixtures.HTTP(t)
	web.Set("/list.json", fixtures.Page{Fault: fixtures.Silent})
	dir := t.TempDir()
	text := fmt.Sprintf(`state_dir = "state"
action = "OK"
dns.resolvers = [%q]
source = [{name = "provider", spf = ["mail.test"]}, {name = "partner", hosts = ["mail.test"]}]
target = [{format = "cidr", path = "list"}]
`, hole.LocalAddr())
	if err := os.WriteFile(filepath.Join(dir, "c.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	places := strings.NewReplacer("HOLE", hole.LocalAddr().String(), "WEB", web.URL(""))
	for _, row := range waits {
		t.Run(row.name, func(t *testing.T) {
			screen, terminal := fixtures.Terminal(t, 80)
			stdin, feed, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer feed.Close()
			defer stdin.Close()
			cmd := exec.Command(program, strings.Fields(places.Replace(row.line))...)
			cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, stdin, terminal, terminal
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			screen.SetReadDeadline(time.Now().Add(time.Minute)) // far more than the program needs to start
			var shown strings.Builder
			buf := make([]byte, 4096)
			for !strings.Contains(shown.String(), places.Replace(row.shows)) {
				n, err := screen.Read(buf)
				shown.Write(buf[:n])
				if err != nil {
					t.Fatalf("%v; it shows %q", err, shown.String())
				}
			}
		})
	}
}

// TestNoProgress: a terminal that shows escape sequences as they are has none of them.
func TestNoProgress(t *testing.T) {
	hole, err := net.ListenPacket("udp", "127.0.0.1:0") // nobody reads what comes
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	config := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(config, []byte("dns = {timeout = \"200ms\", attempts = 3}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	screen, terminal := fixtures.Terminal(t, 80)
	cmd := exec.Command(fixtures.Mailallow(t), "-c", config, "--resolver", hole.LocalAddr().String(), "spf", "mail.test")
	cmd.Stderr, cmd.Env = terminal, append(os.Environ(), "TERM=dumb")
	_ = cmd.Run()                                       // it ends with 4
	screen.SetReadDeadline(time.Now().Add(time.Minute)) // all is there
	var said strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(said.String(), "exit 4") {
		n, err := screen.Read(buf)
		if said.Write(buf[:n]); err != nil {
			t.Fatalf("%v in %q", err, said.String())
		}
	}
	if strings.Contains(said.String(), "\x1b") {
		t.Errorf("%q", said.String())
	}
}

// TestWidth: on a terminal no line of words is longer than it is wide, no word is broken, and a command to paste is whole.
func TestWidth(t *testing.T) {
	program := fixtures.Mailallow(t)
	server := fixtures.DNS(t, `mail.test TXT "v=spf1 ip4:74.125.4.0/23 -all"`)
	dir := t.TempDir()
	config := fmt.Sprintf(`state_dir = "state"
action = "OK"
dns.resolvers = [%q]
source = [{name = "a provider with a name of many words", spf = ["mail.test"], reason = "they asked for it by telephone, and the postmaster agreed"}]
target = [{format = "cidr", path = "list"}]
`, server.Addr())
	if err := os.WriteFile(filepath.Join(dir, "c.toml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(columns uint16, args ...string) string {
		screen, terminal := fixtures.Terminal(t, columns)
		cmd := exec.Command(program, append([]string{"-c", "c.toml", "--color", "never"}, args...)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, terminal, terminal
		if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 3 {
			t.Fatal(err)
		}
		terminal.Close()
		var shown strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := screen.Read(buf)
			shown.Write(buf[:n])
			if err != nil { // EIO: the last writer has gone
				return regexp.MustCompile(`[^\n]*\r\x1b\[K`).ReplaceAllString(strings.ReplaceAll(shown.String(), "\r\n", "\n"), "")
			}
		}
	}
	if shown := run(60, "update"); !strings.Contains(shown, "\n    they asked for it by telephone, and the postmaster\n    agreed\n") {
		t.Errorf("60 columns:\n%s", shown)
	}
	server.Set(`mail.test TXT "v=spf1 ip4:74.125.8.0/23 -all"`)
	const paste = "    look at the change with: mailallow diff -c c.toml --accept 'a provider with a name of many words'\n"
	for _, columns := range []uint16{60, 80, 132} {
		shown := run(columns, "update")
		if !strings.Contains(shown, paste) || !strings.HasSuffix(shown, "\nlist unchanged; 1 source held; exit 3\n") {
			t.Errorf("%d columns:\n%s", columns, shown)
		}
		for line := range strings.Lines(shown) {
			if width := utf8.RuneCountInString(line) - 1; width > int(columns) && !strings.HasPrefix(line, "    ") && !strings.Contains(line, "/list (cidr)") {
				t.Errorf("%d columns, and this line has %d:\n%s", columns, width, line)
			}
		}
		words := strings.Join(strings.Fields(shown), " ")
		for _, sentence := range []string{"its last good ranges stay, of ", "addresses of the last good state are gone (100%), more than max_shrink = 30%"} {
			if !strings.Contains(words, sentence) {
				t.Errorf("%d columns: %q is not whole in\n%s", columns, sentence, shown)
			}
		}
	}
	log := `2026-11-20T10:00:00Z mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.9]: 554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org; from=<a@b> to=<c@d> proto=SMTP helo=<x>
2026-11-21T10:00:00Z mx1 postfix/smtp[3]: 4ABD: to=<a@b.example>, relay=mx.b.example[192.0.2.80]:25, dsn=5.7.1, status=bounced (host mx.b.example[192.0.2.80] said: 550 5.7.1 Service unavailable, MailFrom domain is listed in Spamhaus (in reply to MAIL FROM command))
`
	if err := os.WriteFile(filepath.Join(dir, "log"), []byte(log), 0o644); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(run(60, "providers", "--verbose")) {
		if width := utf8.RuneCountInString(line) - 1; width > 60 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("providers: this line has %d columns:\n%s", width, line)
		}
	}
	for _, args := range []string{"maillog log", "maillog --unused log", "diff --log log"} {
		for line := range strings.Lines(run(60, strings.Fields(args)...)) {
			if width := utf8.RuneCountInString(line) - 1; width > 60 && !strings.HasPrefix(line, "    ") && !strings.Contains(line, "/list (cidr)") && !strings.HasPrefix(line, "SOURCE ") && !strings.HasPrefix(line, "a provider ") {
				t.Errorf("%s: this line has %d columns:\n%s", args, width, line)
			}
		}
	}
}
