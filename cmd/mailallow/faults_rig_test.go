package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/exit"
	pipeline "mailallow/cmd/mailallow/internal/run"
	"mailallow/fixtures"
)

// network is a host with sources behind real sockets, and the files that one good update installed from them.
type network struct {
	t       *testing.T
	dir     string
	dns     *fixtures.DNSServer
	web     *fixtures.HTTPServer
	tls     *fixtures.HTTPServer
	list    string            // URL of the source "web", in terms of places
	query   string            // select of the source "web"
	time    time.Duration     // of CPU, of the dearest update
	program []string          // the command that runs mailallow
	env     []string          // more of its environment
	good    map[string]string // the installed files
}

// networkZone is the policy of the source "provider", and one for "partner" that no fault touches.
const networkZone = `
mail.test TXT "v=spf1 include:_a.mail.test a:out.mail.test mx:mail.test -all"
_a.mail.test TXT "v=spf1 ip4:74.125.4.0/23 ip6:2a00:1450:4864::/48 -all"
out.mail.test A 209.85.128.7
out.mail.test AAAA 2a00:1450:4864:1::7
mail.test MX 10 in.mail.test
in.mail.test A 209.85.129.9
partner.test TXT "v=spf1 ip4:185.70.40.0/24 -all"
`

const networkList = "17.41.0.0/16\n17.58.1.0/24\n"

const networkConfig = `
state_dir = "state"
[dns]
%s
[[source]]
name = "provider"
spf = ["mail.test"]
action = "OK"
[[source]]
name = "partner"
spf = ["partner.test"]
action = "RELAY"
[[source]]
name = "web"
url = %q
%s
action = "OK"
[[target]]
format = "sendmail-access"
path = "access"
makemap = %q
[[target]]
format = "postfix-cidr"
path = "mailallow.cidr"
`

var installedFiles = []string{"access", "access.db", "mailallow.cidr"}

func newNetwork(t *testing.T) *network { return blankNetwork(t).begin() }

func blankNetwork(t *testing.T) *network {
	return &network{t: t, dir: fixtures.MemoryDir(t), dns: fixtures.DNS(t), web: fixtures.HTTP(t), tls: fixtures.HTTPS(t), list: "WEB/list", program: []string{"mailallow"}}
}

// begin makes the good update.
func (n *network) begin() *network {
	t := n.t
	t.Helper()
	fixtures.WriteFile(t, filepath.Join(n.dir, "access"), "Connect:localhost\tRELAY\n")
	n.mend()
	if doc, said := n.update(0); !doc.Changed {
		t.Fatalf("the first update changed nothing: %s", said)
	}
	n.good = n.files()
	return n
}

// mend repairs everything.
func (n *network) mend() {
	n.dns.Set(networkZone)
	list := networkList
	if n.query != "" {
		list = `["17.41.0.0/16", "17.58.1.0/24"]`
	}
	for _, server := range []*fixtures.HTTPServer{n.web, n.tls} {
		server.Set("/list", fixtures.Page{Body: list})
	}
	n.configure("", "")
}

// configure writes the configuration: the keys of [dns] and the URL of the source "web"; empty: ones that work. Both may
// name an address of places.
func (n *network) configure(dns, list string) {
	n.t.Helper()
	if !strings.Contains(dns, "resolvers") {
		dns = "resolvers = [\"DNS\"]\n" + dns
	}
	if list == "" {
		list = n.list
	}
	query := ""
	if n.query != "" {
		query = fmt.Sprintf("select = %q", n.query)
	}
	text := fmt.Sprintf(networkConfig, n.places(dns), n.places(list), query, fixtures.Makemap(n.t))
	if err := os.WriteFile(filepath.Join(n.dir, "c.toml"), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// places puts addresses for names: DNS and WEB and SECURE are the servers, NOTCP cuts every answer and has TCP closed,
// DYING answers the first question of each policy and dies, BADTLS has a certificate that nobody uses, NAMEDTLS has one for
// another name, NOBODY is a closed port.
func (n *network) places(text string) string {
	for name, place := range map[string]func() string{
		"DNS": n.dns.Addr, "WEB": func() string { return n.web.URL("") }, "SECURE": func() string { return n.tls.URL("") },
		"NOBODY": func() string { return fixtures.Nobody(n.t) }, "NOTCP": func() string { return datagrams(n.t, 1000, cut) },
		"DYING":  func() string { return datagrams(n.t, 2, n.forwardFirst) },
		"BADTLS": func() string { addr, _ := n.dns.TLS(); return addr },
		"NAMEDTLS": func() string {
			addr, _ := n.dns.TLS()
			return strings.Replace(addr, "127.0.0.1", "localhost", 1)
		},
	} {
		if strings.Contains(text, name) {
			text = strings.ReplaceAll(text, name, place())
		}
	}
	return text
}

// datagrams gives so many answers to datagrams, and then hears no more.
func datagrams(t *testing.T, count int, answer func([]byte) []byte) (addr string) {
	conn := fixtures.Datagrams(t)
	go func() {
		buf := make([]byte, 4096)
		for given := 0; given < count; {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := answer(buf[:size]); reply != nil {
				conn.WriteTo(reply, from)
				given++
			}
		}
		_ = fixtures.Deafen(conn) // unless the test has ended
	}()
	return conn.LocalAddr().String()
}

// cut makes an answer of a query, with the bits QR and TC set (RFC 1035 section 4.1.1).
func cut(query []byte) []byte {
	query[2] |= 0x80 | 0x02
	return query
}

// forwardFirst lets the DNS server answer the first question of each of the two policies, and no others.
func (n *network) forwardFirst(query []byte) []byte {
	const (
		header = 12             // bytes before the name
		txt    = "\x00\x00\x10" // the end of a name, and the type
	)
	if asked := string(query[header:]); !strings.HasPrefix(asked, "\x04mail\x04test"+txt) && !strings.HasPrefix(asked, "\x07partner\x04test"+txt) {
		return nil
	}
	conn, err := net.Dial("udp", n.dns.Addr())
	if err != nil {
		return nil
	}
	defer conn.Close()
	conn.Write(query)
	buf := make([]byte, 4096)
	size, _ := conn.Read(buf)
	return buf[:size]
}

// mailallow makes a process of its own: in this one, a program that another test starts would inherit the open lock.
func (n *network) mailallow(args ...string) *exec.Cmd {
	argv := slices.Concat(n.program, []string{"-c", filepath.Join(n.dir, "c.toml")}, args)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), n.env...)
	return cmd
}

// update runs `mailallow update --json` and wants an exit code.
func (n *network) update(code int) (doc pipeline.Document, stderr string) {
	n.t.Helper()
	cmd := n.mailallow("--json", "update")
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		n.t.Fatal(err)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	n.time = max(n.time, time.Duration(used.Utime.Nano()+used.Stime.Nano()))
	if got := cmd.ProcessState.ExitCode(); got != code {
		n.t.Fatalf("exit code %d, want %d\n%s", got, code, &messages)
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		n.t.Fatalf("%v in %s", err, &out)
	}
	return doc, messages.String()
}

// files gives the properties of every installed file that a change would change, its bytes included.
func (n *network) files() map[string]string {
	n.t.Helper()
	found := map[string]string{}
	for _, name := range installedFiles {
		path := filepath.Join(n.dir, name)
		info, err := os.Stat(path)
		if err != nil {
			n.t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			n.t.Fatal(err)
		}
		found[name] = fmt.Sprintf("inode %d, %v, %v\n%q", info.Sys().(*syscall.Stat_t).Ino, info.ModTime(), info.Mode(), text)
	}
	return found
}

// trouble is one thing that goes wrong between a good update and another.
type trouble struct {
	name  string
	fault fixtures.Fault // of the DNS server, for the question at: "NAME TYPE"; without TYPE, for all questions of the name
	at    string
	zone  string        // in place of networkZone
	page  fixtures.Page // in place of the list
	dns   string        // keys of [dns]
	query string        // select of the source "web", before the trouble too

	source string       // the names of the sources that it hits
	status guard.Status // of these sources
	says   []string     // on stderr, in this order
}

// eachOf runs a test for each trouble: first those that wait for a time-out, all at once whatever -parallel says, because they do
// nothing else for seconds.
func eachOf(t *testing.T, rows []trouble, test func(*testing.T, trouble)) {
	var waiting sync.WaitGroup
	for _, row := range rows {
		if strings.Contains(row.dns, "deadline") || strings.Contains(row.dns, "timeout = \"3s\"") {
			waiting.Go(func() { t.Run(row.name, func(t *testing.T) { test(t, row) }) })
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			test(t, row)
		})
	}
	waiting.Wait()
}

// hits runs an update with the trouble, and one without it.
func (n *network) hits(row trouble) {
	n.t.Helper()
	owner, qtype, _ := strings.Cut(row.at, " ")
	n.dns.Fault(owner, qtype, row.fault)
	if row.zone != "" {
		n.dns.Set(row.zone + "\npartner.test TXT \"v=spf1 ip4:185.70.40.0/24 -all\"")
	}
	if row.page.Status != 0 || row.page.Fault != 0 || row.page.Body != "" {
		for _, server := range []*fixtures.HTTPServer{n.web, n.tls} {
			header := map[string]string{}
			for key, value := range row.page.Header {
				header[key] = n.places(value)
			}
			server.Set("/list", fixtures.Page{Status: row.page.Status, Header: header, Body: row.page.Body, Fault: row.page.Fault})
		}
	}
	if row.dns != "" {
		n.configure(row.dns, "")
	}
	code := map[guard.Status]int{guard.Fresh: exit.Done, guard.Stale: exit.Stale, guard.Held: exit.Held}[row.status]
	doc, said := n.update(code)
	if doc.Changed {
		n.t.Error("the document says that something changed")
	}
	for _, src := range doc.Sources {
		want := guard.Fresh
		if slices.Contains(strings.Fields(row.source), src.Name) {
			want = row.status
		}
		if src.Status != want {
			n.t.Errorf("source %s is %s, want %s", src.Name, src.Status, want)
		}
	}
	rest := said
	for _, want := range row.says {
		_, after, found := strings.Cut(rest, n.placesSaid(want))
		if !found {
			n.t.Errorf("%q is not where it should be in\n%s", n.placesSaid(want), said)
		}
		rest = after
	}
	n.unmoved("with the trouble")
	n.dns.Fault(owner, qtype, 0)
	n.mend()
	n.update(exit.Done)
	n.unmoved("when all is well again")
}

// unmoved wants the installed files to be those of the good update.
func (n *network) unmoved(when string) {
	n.t.Helper()
	if diff := cmp.Diff(n.good, n.files()); diff != "" {
		n.t.Errorf("installed files differ %s:\n%s", when, diff)
	}
}

// placesSaid puts addresses for the names of running servers.
func (n *network) placesSaid(text string) string {
	return strings.NewReplacer("from DNS", "from "+n.dns.Addr(), "resolver DNS", "resolver "+n.dns.Addr(), "tls://DNS", "tls://"+n.dns.Addr(), "WEB", n.web.URL(""), "SECURE", n.tls.URL("")).Replace(text)
}

// trusted gives the path of a file with the certificate of a server.
func trusted(t *testing.T, server *fixtures.HTTPServer) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(server.URL(""), "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := filepath.Join(t.TempDir(), "roots.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw}
	if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
