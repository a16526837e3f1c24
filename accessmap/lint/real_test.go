package lint

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist"
	"mailallow/fixtures"
)

// TestHealthyIsHealthy: makemap takes a file without findings, and Sendmail finds each of its keys.
func TestHealthyIsHealthy(t *testing.T) {
	text := fixtures.ReadFile(t, fixtures.Path("lint", "healthy.access"))
	read := makemap.ReadText([]byte(text))
	if len(read.Problems) > 0 {
		t.Fatal(read.Problems)
	}
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	rules := fixtures.NewRules(t, fixtures.RulesOptions{Access: path, Skip: true})
	var keys []string
	for e := range read.All() {
		keys = append(keys, e.Key)
	}
	values, err := rules.Lookup(keys)
	if err != nil {
		t.Fatal(err)
	}
	var clients []netip.Addr
	want := map[netip.Addr]string{}
	for e := range read.All() {
		if value := values[e.Key]; value != e.Value {
			t.Errorf("line %d: Sendmail finds %q under %s", e.Line, value, e.Key)
		}
		// Every address key decides for an address that it matches.
		k := key.Cut(e.Key)
		p, ok := key.Parse(k.Address)
		if !ok || !k.ForClients() || p.Addr() == netip.IPv4Unspecified() {
			continue
		}
		clients = append(clients, netipx.PrefixLastIP(p))
		switch value := strings.ToUpper(e.Value); value {
		case "OK", "RELAY", "REJECT":
			want[netipx.PrefixLastIP(p)] = value
		default:
			want[netipx.PrefixLastIP(p)] = "ERROR"
		}
	}
	for i, verdict := range rules.Ask(clients) {
		// check_relay returns an accepting value as it is written.
		got := strings.ToUpper(verdict.RelayText)
		if got != "OK" && got != "RELAY" {
			got = verdict.Relay
		}
		if got != want[clients[i]] || verdict.Relays != (got == "RELAY") {
			t.Errorf("%s: %+v, want %s", clients[i], verdict, want[clients[i]])
		}
	}
}

// TestSeedFixed: with the fixed list from the blogs Sendmail relays for the first and last address of every range, and not
// for their neighbours; and where lint knows the provider of a range, for none of it.
func TestSeedFixed(t *testing.T) {
	t.Parallel()
	text := fixtures.ReadFile(t, fixtures.Path("lint", "seed-gmail.access"))
	fixed, _ := access.Fix([]byte(text), access.Options{})
	guarded, _ := access.Fix([]byte(text), access.Options{Options: known})
	path := filepath.Join(fixtures.SafeDir(t), "access")
	var clients []netip.Addr
	in, shared := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for line := range strings.Lines(text) {
		p := netip.MustParsePrefix(strings.Fields(line)[0])
		last := netipx.PrefixLastIP(p)
		clients = append(clients, p.Addr(), last, p.Addr().Prev(), last.Next())
		in[p.Addr()], in[last] = true, true
		shared[p.Addr()], shared[last] = google(p) != "", google(p) != ""
	}
	for _, made := range []struct {
		text           string
		fixed, guarded bool
	}{{text, false, false}, {string(fixed), true, false}, {string(guarded), true, true}} {
		fixtures.MakeAccess(t, path, strings.Split(strings.TrimSuffix(made.text, "\n"), "\n")...)
		for i, verdict := range fixtures.NewRules(t, fixtures.RulesOptions{Access: path}).Ask(clients) {
			if want := made.fixed && in[clients[i]] && !(made.guarded && shared[clients[i]]); verdict.Relays != want || (verdict.Relay == "RELAY") != want {
				t.Errorf("fixed %v, guarded %v: %s: %+v", made.fixed, made.guarded, clients[i], verdict)
			}
		}
	}
}

// TestBrokenIsBroken: Sendmail finds no key of which lint says that it never matches, and refuses for every value that lint
// calls unknown.
func TestBrokenIsBroken(t *testing.T) {
	t.Parallel()
	var text []string
	var clients []netip.Addr
	for _, name := range []string{"keys.access", "values.access", "forms.access"} {
		all := strings.Split(fixtures.ReadFile(t, fixtures.Path("lint", name)), "\n")
		findings := access.Check([]byte(strings.Join(all, "\n")), access.Options{})
		for _, f := range findings {
			line := all[f.Line-1]
			key := key.Cut(strings.Fields(line)[0])
			if !key.ForClients() || slices.Contains(text, line) {
				continue
			}
			if p, _, fault := address.Read(key, nil); p.IsValid() {
				clients = append(clients, p.Addr())
			} else if fault != nil && fault.Meant != nil {
				clients = append(clients, fault.Meant[0].Addr())
			} else {
				continue
			}
			text = append(text, line)
		}
	}
	path := filepath.Join(fixtures.SafeDir(t), "access")
	rules := fixtures.NewRules(t, fixtures.RulesOptions{Access: path})
	for i, line := range text { // one line a file, so that no other line decides
		fixtures.MakeAccess(t, path, line)
		verdict := rules.Ask(clients[i : i+1])[0]
		// check_rcpt lets the loopback relay by itself.
		if verdict.Relay != "" && verdict.Relay != "ERROR" || verdict.Relays && !clients[i].IsLoopback() {
			t.Errorf("%s for %s: %+v", line, clients[i], verdict)
		}
	}
}

// TestMappedClient: Sendmail knows a client whose address its socket gives as IPv4-mapped by its IPv4 address.
func TestMappedClient(t *testing.T) {
	t.Parallel()
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, "Connect:192.0.2.1\tOK")
	rules := fixtures.NewRules(t, fixtures.RulesOptions{Access: path})
	listener, err := net.Listen("tcp", "[::]:0") // for IPv4, too
	if err != nil {
		fixtures.Missing(t, err.Error())
	}
	defer listener.Close()
	client, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", listener.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	socket, err := accepted.(*net.TCPConn).File()
	accepted.Close()
	if err != nil {
		t.Fatal(err)
	}
	replies := make(chan string)
	go func() {
		in := bufio.NewReader(client)
		in.ReadString('\n') // Sendmail refuses a client that does not wait for its greeting
		fmt.Fprint(client, "EHLO x\r\n")
		reply, _ := in.ReadString('\n')
		client.Close()
		replies <- reply
	}()
	cmd := exec.Command(fixtures.Sendmail(t), "-C", rules.CF(), "-bs", "-O", "QueueDirectory="+t.TempDir())
	cmd.Stdin, cmd.Stdout = socket, socket
	err = rules.Run(cmd)
	socket.Close()
	if reply := <-replies; !strings.Contains(reply, " [127.0.0.1], ") {
		t.Errorf("%q, %v", reply, err)
	}
}

// TestCIDRAgrees: lint has a finding on every line for which the real Postfix warns, and calls no line skipped for which it
// does not; in the fixed text Postfix warns only for lines with findings that are not certain.
func TestCIDRAgrees(t *testing.T) {
	warned := regexp.MustCompile(`line (\d+): `)
	lineNumbers := func(path string) (found []int, stderr string) {
		_, stderr = fixtures.PostmapQuery(t, "cidr:"+path, []netip.Addr{netip.MustParseAddr("203.0.113.9")})
		for _, match := range warned.FindAllStringSubmatch(stderr, -1) {
			n, _ := strconv.Atoi(match[1])
			found = append(found, n)
		}
		return found, stderr
	}
	for _, name := range []string{"healthy.cidr", "rules.cidr", "behind.cidr", "postscreen.cidr", "mynetworks.cidr", "negated.cidr", "conditions.cidr", "open.cidr", "blanks.cidr"} {
		path := fixtures.Path("lint", name)
		text := []byte(fixtures.ReadFile(t, path))
		findings, fixed := checkAndFix(text, format.UseNone, known)
		numbers, stderr := lineNumbers(path)
		for _, n := range numbers {
			if !slices.ContainsFunc(findings, func(f rule.Finding) bool { return f.Line == n }) {
				t.Errorf("%s: Postfix warns on line %d, and lint does not:\n%s", name, n, stderr)
			}
		}
		skipping := []string{"host-bits", "pattern", "access-syntax", "missing-value", "if"}
		for _, f := range findings {
			silent := strings.Contains(f.Text, "blank before the slash") || strings.Contains(f.Text, "takes the line below")
			if slices.Contains(skipping, f.Rule) && !slices.Contains(numbers, f.Line) && !silent {
				t.Errorf("%s: lint says that Postfix skips line %d (%s), and Postfix says nothing", name, f.Line, f.Text)
			}
		}
		after := filepath.Join(t.TempDir(), name)
		fixtures.WriteFile(t, after, string(fixed))
		left, stderr := lineNumbers(after)
		again := table.Check(fixed, format.UseNone, known)
		for _, n := range left {
			if !slices.ContainsFunc(again, func(f rule.Finding) bool { return f.Line == n && !f.Certain }) {
				t.Errorf("%s: after the fix Postfix warns on line %d:\n%s", name, n, stderr)
			}
		}
	}
}

// TestNeverDecides: the real Postfix takes no value from a line of which lint says that it never decides, and from each of the
// others.
func TestNeverDecides(t *testing.T) {
	text := fixtures.ReadFile(t, fixtures.Path("lint", "negated.cidr"))
	entry := regexp.MustCompile(`^(!*([0-9a-f.:/]+)\t+)`)
	lines := strings.Split(text, "\n")
	entries := map[int]bool{} // by line: whether it decides
	var addrs []netip.Addr
	for i, line := range lines {
		if m := entry.FindStringSubmatch(line); m != nil {
			lines[i], entries[i+1] = m[1]+strconv.Itoa(i+1), false
			p, _ := postfix.ParsePattern(m[2])
			addrs = append(addrs, p.Addr(), netipx.PrefixLastIP(p), p.Addr().Prev(), netipx.PrefixLastIP(p).Next())
		}
	}
	path := filepath.Join(t.TempDir(), "numbers.cidr")
	fixtures.WriteFile(t, path, strings.Join(lines, "\n"))
	values, _ := fixtures.PostmapQuery(t, "cidr:"+path, addrs)
	for _, value := range values {
		n, _ := strconv.Atoi(strings.Fields(value)[0])
		entries[n] = true
	}
	for _, f := range table.Check([]byte(text), format.UseNone, rule.Options{}) {
		if strings.Contains(f.Text, "this line never") {
			if entries[f.Line] {
				t.Errorf("%+v: for Postfix it does", f)
			}
			delete(entries, f.Line)
		}
	}
	for n, decides := range entries {
		if !decides {
			t.Errorf("line %d, %s: it never decides, and lint does not say so", n, lines[n-1])
		}
	}
}

// mapFixture is an access file whose maps the real makemap builds.
type mapFixture struct {
	t                   *testing.T
	makemap, path, text string
}

func (m *mapFixture) build(mapType string) {
	cmd := exec.Command(m.makemap, "-C", "/dev/null", mapType, m.path)
	cmd.Stdin = strings.NewReader(m.text)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %s", err, out)
	}
}

// age sets the time of the text, or with ".db" of the map, back.
func (m *mapFixture) age(suffix string, by time.Duration) {
	at := time.Now().Add(-by)
	if err := os.Chtimes(m.path+suffix, at, at); err != nil {
		m.t.Fatal(err)
	}
}

// mapRows put a text and its map out of step, one after the other.
var mapRows = []struct {
	name    string
	prepare func(*mapFixture)
	mapType string
	want    string
}{
	{"no map", func(*mapFixture) {}, "", ""},
	{"in step", func(m *mapFixture) { m.build("hash"); m.age("", time.Hour) }, "", ""},
	{"older, and still in step", func(m *mapFixture) { m.age(".db", 2*time.Hour) }, "", "map-older"},
	{"btree", func(m *mapFixture) { m.build("btree") }, "", ""},
	{"btree as hash: they share a suffix", func(*mapFixture) {}, "hash", ""},
	{"older and different", func(m *mapFixture) { m.build("hash"); m.age(".db", 2*time.Hour); m.text += "Connect:192.0.3\tOK\n" }, "hash", "map-older map-differs"},
	{"a text that makemap refuses", func(m *mapFixture) { m.text += "novalue\n" }, "hash", "map-older"},
	{"no map at all in it", func(m *mapFixture) { m.text = "a\tb\n"; fixtures.WriteFile(m.t, m.path+".db", "") }, "", "map-differs"},
}

func TestLintMap(t *testing.T) {
	makemap := fixtures.Makemap(t)
	t.Setenv("PATH", filepath.Dir(makemap)+":"+os.Getenv("PATH")) // lint starts no other
	m := &mapFixture{t, makemap, filepath.Join(t.TempDir(), "access"), "Connect:192.0.2\tOK\nexample.com\tREJECT\n"}
	fixtures.WriteFile(t, m.path, m.text)
	for _, row := range mapRows {
		row.prepare(m)
		findings, err := access.CheckMap(t.Context(), m.path, []byte(m.text), access.MapOptions{Type: row.mapType, Makemap: m.makemap})
		if err != nil {
			t.Fatal(err)
		}
		if got := rulesOf(findings); got != row.want {
			t.Errorf("%s: %q, want %q: %v", row.name, got, row.want, findings)
		}
	}
}

// decider finds the value for an address like Sendmail: the longest key first, and with Connect: before without
// (docs/facts.md 3).
type decider map[string]string

func newDecider(text []byte) decider {
	d := decider{}
	for e := range makemap.ReadText(text).All() {
		d[e.Key] = e.Value
	}
	return d
}

func (d decider) value(addr netip.Addr) string {
	step := 8
	if addr.Is6() {
		step = 16
	}
	for bits := addr.BitLen(); bits > 0; bits -= step {
		p, _ := addr.Prefix(bits)
		key := strings.ToLower(string(key.Append(nil, p)))
		for _, k := range []string{"connect:" + key, key} {
			if value, ok := d[k]; ok {
				return fmt.Sprint(strings.TrimSpace(value))
			}
		}
	}
	return allowlist.None.String()
}
