//go:build linux

package docs

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"

	"github.com/google/go-cmp/cmp"
)

// workDir is where the commands of a page are run: a checkout as far as they need one.
const workDir = "/root/mailallow"

// TestConsole runs the console blocks of each page in order, on a host of the page's own, and compares what each command
// writes with the lines below it. A line "..." stands for any lines. With MAILALLOW_UPDATE set, outputs that differ are
// written anew, whole; read the difference before you keep it.
func TestConsole(t *testing.T) {
	program, err := os.ReadFile(fixtures.Mailallow(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages(t) {
		if len(p.of("host")) == 0 {
			continue
		}
		t.Run(filepath.Base(p.path), func(t *testing.T) {
			t.Parallel()
			r := newReader(t, program)
			var source bytes.Buffer
			rest := 0
			for i, s := range p.steps {
				switch s.kind {
				case "console":
					got := r.console(s)
					source.Write(p.source[rest:s.start])
					source.WriteString(got)
					rest = s.end
				case "json":
					if i > 0 && p.steps[i-1].kind == "shape" {
						r.shape(p.steps[i-1].text, s.text)
					}
				default:
					r.prepare(s)
				}
			}
			source.Write(p.source[rest:])
			if os.Getenv("MAILALLOW_UPDATE") != "" && !bytes.Equal(source.Bytes(), p.source) {
				if err := os.WriteFile("../"+p.path, source.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// reader does what a page says.
type reader struct {
	*host.Host
	t    *testing.T
	dns  *fixtures.DNSServer
	dns2 *fixtures.DNSServer // nil: the page needs none
	exit int                 // of the last command of the next block; -1: not said
	wide int                 // columns of the terminal of the next block; 0: its commands write into a pipe
}

func newReader(t *testing.T, program []byte) *reader {
	t.Helper()
	r := &reader{Host: host.New(t), t: t, exit: -1}
	r.Write("/usr/local/sbin/mailallow", string(program), 0o755)
	r.Run("rm", "-f", "/usr/bin/facter") // Ansible runs it for each play, for facts that the role does not ask for
	r.Write("/etc/ansible/ansible.cfg", "[connection]\npipelining = true\n", 0o644)
	r.dns = r.DNS()
	r.Run("ip", "address", "add", "192.0.2.25/24", "dev", "lo")
	for _, folder := range []string{"packaging", "fixtures/logs", "fixtures/lint", "fixtures/demo"} {
		r.copy(folder)
	}
	return r
}

// copy brings files of the checkout to where the commands are run.
func (r *reader) copy(folder string) {
	r.t.Helper()
	err := filepath.WalkDir("../"+folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		r.Write(filepath.Join(workDir, strings.TrimPrefix(path, "../")), string(text), info.Mode().Perm())
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// prepare does what a comment says.
func (r *reader) prepare(s step) {
	r.t.Helper()
	switch s.kind {
	case "host":
		r.server(s.text)
	case "dns":
		r.setDNS(r.dns, strings.Fields(s.text))
	case "dns2":
		if r.dns2 == nil {
			r.dns2 = r.DNSAt("127.0.0.2")
		}
		r.setDNS(r.dns2, strings.Fields(s.text))
	case "first":
		if out, status := r.shell(s.text); status != 0 {
			r.t.Fatalf("%s: status %d\n%s", s.text, status, out)
		}
	case "exit", "terminal":
		n, err := strconv.Atoi(s.text)
		if err != nil {
			r.t.Fatal(err)
		}
		if s.kind == "exit" {
			r.exit = n
		} else {
			r.wide = n
		}
	}
}

// server sets one up. On Debian a host has Sendmail or Postfix, and not both; here the programs of both are laid over it.
func (r *reader) server(name string) {
	r.t.Helper()
	switch name {
	case "sendmail":
		r.Sendmail()
		r.Run("ln", "-sf", "/usr/libexec/sendmail/makemap", "/usr/libexec/sendmail/sendmail", "/usr/sbin")
		r.Run("rm", "/usr/sbin/postconf")
	case "postfix":
		r.Postfix()
		r.Run("rm", "/usr/libexec/sendmail/sendmail")
	case "nftables":
		r.program("nft", "/usr/sbin/nft", fixtures.FindParts().Nft)
		unit, err := os.ReadFile(filepath.Join(fixtures.PartsFolder(), "nftables/lib/systemd/system/nftables.service"))
		if err != nil {
			fixtures.Missing(r.t, "no unit of nftables here: `make parts` fetches it")
		}
		r.Write("/etc/systemd/system/nftables.service", string(unit), 0o644)
		r.Write("/etc/nftables.conf", "flush ruleset\n", 0o644)
	case "exim":
		r.program("exim", "/usr/sbin/exim4", fixtures.FindParts().Exim)
		r.Run("useradd", "--system", "--user-group", "Debian-exim")
		r.Write("/etc/exim4/exim4.conf", "", 0o644)
	case "rbldnsd":
		r.program("rbldnsd", "/usr/sbin/rbldnsd", fixtures.FindParts().Rbldnsd)
		r.Run("useradd", "--system", "--user-group", "rbldns")
		r.Run("ip", "address", "add", "192.0.2.53/24", "dev", "lo")
	case "lists":
		r.lists()
	default:
		r.t.Fatalf("host: %q", name)
	}
}

// lists serves the files of /srv/www at https://lists.example.com, a name that is in the certificate.
func (r *reader) lists() {
	r.t.Helper()
	r.Run("mkdir", "-p", "/srv/www")
	web := httptest.NewUnstartedServer(http.FileServer(http.Dir(r.Path("/srv/www"))))
	web.Listener.Close()
	web.Listener = r.Listen("127.0.0.1:443")
	web.StartTLS()
	r.t.Cleanup(web.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	r.Write("/etc/ssl/certs/lists.pem", string(authority), 0o644)
	r.Run("sh", "-c", "echo 127.0.0.1 lists.example.com >> /etc/hosts")
}

// program copies a program of fetch.sh.
func (r *reader) program(name, path, from string) {
	r.t.Helper()
	program, err := os.ReadFile(fixtures.Need(r.t, name, from))
	if err != nil {
		r.t.Fatal(err)
	}
	r.Write(path, string(program), 0o755)
}

func (r *reader) setDNS(server *fixtures.DNSServer, words []string) {
	r.t.Helper()
	var zones []string
	server.Fault("", "", 0)
	for _, word := range words {
		if name, silent := strings.CutPrefix(word, "!"); silent {
			server.Fault(strings.TrimPrefix(name, "*"), "", fixtures.ServFail)
		} else if text, err := os.ReadFile(filepath.Join("testdata", word)); err == nil {
			zones = append(zones, string(text))
		} else {
			zones = append(zones, word)
		}
	}
	if len(zones) > 0 {
		server.Set(zones...)
	}
}

// shell runs a line as an administrator types it.
func (r *reader) shell(line string) (output string, status int) {
	r.t.Helper()
	output, err := r.Try("timeout", "300", "bash", "-c", "cd "+workDir+" && "+line)
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		r.t.Fatal(err)
	}
	if err != nil {
		status = ended.ExitCode()
	}
	return output, status
}

// console runs the commands of a block, and returns the block as it would have to be.
func (r *reader) console(s step) (block string) {
	r.t.Helper()
	all := commands(s.text)
	if len(all) == 0 {
		r.t.Errorf("no command in\n%s", s.text)
	}
	var b strings.Builder
	for i, c := range all {
		run := r.shell
		if r.wide > 0 {
			run = r.onTerminal
		}
		got, status := run(c.line)
		wanted := []int{0}
		if mayFind(c.line) {
			wanted = []int{0, 1}
		}
		if r.exit >= 0 && i == len(all)-1 {
			wanted, r.exit = []int{r.exit}, -1
		}
		if !slices.Contains(wanted, status) {
			r.t.Errorf("$ %s\nends with %d, want %d\n%s", c.line, status, wanted, got)
		}
		b.WriteString(c.typed)
		if alike(c.output, got) {
			b.WriteString(c.output)
			continue
		}
		b.WriteString(got)
		if os.Getenv("MAILALLOW_UPDATE") == "" {
			r.t.Errorf("$ %s\nwrites (-page +program)\n%s", c.line, cmp.Diff(normal(c.output), normal(got)))
		}
	}
	r.wide = 0
	return b.String()
}

// onTerminal runs a line on a terminal and gives what stays on its screen, without colours.
func (r *reader) onTerminal(line string) (output string, status int) {
	r.t.Helper()
	r.Write("/root/line", fmt.Sprintf("stty cols %d\n%s\n", r.wide, line), 0o644)
	output, status = r.shell("TERM=xterm script -qec 'bash /root/line' /dev/null </dev/null")
	for _, gone := range []string{`\r\n?`, `(?m)^.*\x1b\[K`, `\x1b\[[\d;]*m`} {
		with := ""
		if strings.HasPrefix(gone, `\r`) {
			with = "\n"
		}
		output = regexp.MustCompile(gone).ReplaceAllString(output, with)
	}
	return output, status
}

// mayFind: 1 is what these end with when they did what they are for.
func mayFind(line string) bool {
	return regexp.MustCompile(`^mailallow (\S+ )*(diff|lint|dnsbl)\b`).MatchString(line)
}

type command struct {
	line   string // for the shell
	typed  string // the lines of the page, with the prompt
	output string
}

// commands takes a block apart. A command begins behind "$ ", and goes on after a backslash, or down to the word behind <<.
func commands(block string) (all []command) {
	more, until := false, ""
	for line := range strings.Lines(block) {
		typed, begins := strings.CutPrefix(line, "$ ")
		if !begins && !more {
			if len(all) > 0 {
				all[len(all)-1].output += line
			}
			continue
		}
		if !more {
			all = append(all, command{})
		}
		c := &all[len(all)-1]
		c.typed += line
		c.line += typed
		if here := regexp.MustCompile(`<<'(\w+)'`).FindStringSubmatch(typed); here != nil {
			until = here[1] + "\n"
		}
		more = until != "" && line != until || until == "" && strings.HasSuffix(line, "\\\n")
		if !more {
			until = ""
			c.line = strings.TrimSuffix(c.line, "\n")
		}
	}
	return all
}

// alike compares an output of the page with one of the program. The journal takes the lines of systemd and those of programs from
// two sockets, so that only the lines of one sender are in order.
func alike(want, got string) bool {
	want, got = normal(want), normal(got)
	senders := map[string]bool{}
	for line := range strings.Lines(want + got) {
		senders[sender(line)] = true
	}
	for s := range senders {
		var pattern, lines strings.Builder
		for line := range strings.Lines(want) {
			if strings.TrimSpace(line) == "..." {
				pattern.WriteString(`(?:.*\n)*?`)
			} else if sender(line) == s {
				pattern.WriteString(regexp.QuoteMeta(line))
			}
		}
		for line := range strings.Lines(got) {
			if sender(line) == s {
				lines.WriteString(line)
			}
		}
		if !regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(lines.String()) {
			return false
		}
	}
	return true
}

// sender is the program that a line of a journal came from; empty for a line of another output.
func sender(line string) string {
	if name := journalLine.FindStringSubmatch(line); name != nil {
		return name[1]
	}
	return ""
}

var journalLine = regexp.MustCompile(`^STAMP (\S+)\[PID\]: `)

// normal writes the same for what differs from run to run: times, ages, processes, names of temporary files.
func normal(output string) string {
	for _, v := range [][2]string{
		{`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`, "TIME"},
		{`20\d\d-\d\d-\d\d( \d\d:\d\d)?`, "DATE"},
		{`(?m)^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d `, "STAMP "},
		{`(?m) (\d+[mhd]|now)( \||$)`, " AGE$2"},
		{`[\d,]+ days old`, "N days old"},
		{`\[\d+\]:`, "[PID]:"},
		{`process \d+`, "process PID"},
		{`(duration_seconds"?[=: ])[\d.e-]+`, "${1}N"},
		{`("age_seconds":\s?)\d+`, "${1}N"},
		{`\b\d(\.\d+)?e\+09\b`, "SECONDS"},
		{`(_age_seconds\{.*\}) \d+`, "$1 N"},
		{`\bgo1\.[\d.]+`, "GOVERSION"},
		{`by the key [0-9A-F]{16}`, "by the key NUMBER"},
		{`\.mailallow-[0-9a-f]{16}`, ".mailallow-NAME"},
		{`[ \t]+\n`, "\n"},
	} {
		output = regexp.MustCompile(v[0]).ReplaceAllString(output, v[1])
	}
	return output
}

// shape compares the members of the JSON that a command writes with those of an example: every member of the one is in the
// other, with a value of the same type. Where the command has an empty list or null, the example may say more.
func (r *reader) shape(line, example string) {
	r.t.Helper()
	got, _ := r.shell(line + " 2>/dev/null")
	var is, want any
	if err := json.Unmarshal([]byte(got), &is); err != nil {
		r.t.Errorf("$ %s\n%v\n%s", line, err, got)
		return
	}
	if err := json.Unmarshal([]byte(example), &want); err != nil {
		r.t.Errorf("%v\n%s", err, example)
		return
	}
	for _, difference := range unlike("", want, is) {
		r.t.Errorf("$ %s\n%s", line, difference)
	}
}

func unlike(at string, want, is any) (differences []string) {
	if is == nil {
		return nil
	}
	switch want := want.(type) {
	case map[string]any:
		is, ok := is.(map[string]any)
		if !ok {
			return []string{at + " is no object"}
		}
		for name := range want {
			if _, has := is[name]; !has {
				differences = append(differences, at+"."+name+" is on the page alone")
			}
		}
		for name, value := range is {
			if member, has := want[name]; has {
				differences = append(differences, unlike(at+"."+name, member, value)...)
			} else {
				differences = append(differences, at+"."+name+" is not on the page")
			}
		}
	case []any:
		is, ok := is.([]any)
		if !ok {
			return []string{at + " is no list"}
		}
		for _, value := range is {
			if len(want) == 0 {
				return []string{at + " is an empty list on the page"}
			}
			differences = append(differences, unlike(at+"[]", want[0], value)...)
		}
	case nil:
	default:
		if a, b := fmt.Sprintf("%T", want), fmt.Sprintf("%T", is); a != b {
			return []string{fmt.Sprintf("%s is %s, and %s on the page", at, b, a)}
		}
	}
	return differences
}
