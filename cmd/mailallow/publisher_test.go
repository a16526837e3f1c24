package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// figure holds the costs of a run, as the kernel counts them.
type figure struct {
	Wall   time.Duration
	Memory int64 // bytes: the largest resident set (VmHWM)
	Exit   int
	said   string // on stderr
	doc    []byte // on stdout
}

func (f figure) String() string {
	return fmt.Sprintf("exit %d, %.1f s, %d MiB", f.Exit, f.Wall.Seconds(), f.Memory>>20)
}

// stopwatch is a role of the test binary: it runs a program and writes the figure to file 3. It is a process of its own,
// because the kernel gives a new program the largest resident set of the process that started it (exec(2)), and a test
// that serves large zones is large.
func stopwatch() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	f := figure{
		Wall: time.Since(start), Exit: cmd.ProcessState.ExitCode(),
		Memory: int64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) << 10,
	}
	if err := json.NewEncoder(os.NewFile(3, "figure")).Encode(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// timed runs a program under the stopwatch.
func timed(t *testing.T, program string, args ...string) (f figure) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var out, talk bytes.Buffer
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"stopwatch", program}, args...)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &talk, []*os.File{write}
	err = cmd.Run()
	write.Close()
	if err = errors.Join(err, json.NewDecoder(read).Decode(&f)); err != nil {
		t.Fatalf("%v\n%s", err, &talk)
	}
	f.said, f.doc = talk.String(), out.Bytes()
	return f
}

// mailServer is a host with an access file and a CIDR table, whose sources are good.test, an inline REJECT list, and the
// publishers that a test adds.
type mailServer struct {
	t   *testing.T
	dir string
	dns *fixtures.DNSServer
}

const (
	goodZone = "good.test TXT \"v=spf1 ip4:74.125.4.0/23 -all\"\n"
	goodKey  = "Connect:74.125.4\tOK\n"
	ownKey   = "Connect:185.70.40\tREJECT\n" // of the administrator
)

func newMailServer(t *testing.T) *mailServer {
	s := &mailServer{t: t, dir: t.TempDir(), dns: fixtures.DNS(t, goodZone)}
	fixtures.MakeAccess(t, filepath.Join(s.dir, "access"), "Connect:localhost\tRELAY")
	s.configure("")
	return s
}

// configure writes the configuration, with more at its end: keys of [dns], then sources.
func (s *mailServer) configure(more string) {
	s.t.Helper()
	fixtures.WriteFile(s.t, filepath.Join(s.dir, "c.toml"), fmt.Sprintf(`
state_dir = "state"
action = "OK"
[[target]]
format = "sendmail-access"
path = "access"
makemap = %q
[[target]]
format = "postfix-cidr"
path = "mailallow.cidr"
[[source]]
name = "good"
spf = ["good.test"]
[[source]]
name = "own"
cidr = ["185.70.40.0/24"]
action = "REJECT"
[dns]
resolvers = [%q]
%s`, fixtures.Makemap(s.t), s.dns.Addr(), more))
}

const evilSource = "[[source]]\nname = \"evil\"\nspf = [\"evil.test\"]\n"

// run runs mailallow with arguments.
func (s *mailServer) run(args ...string) figure {
	s.t.Helper()
	return timed(s.t, fixtures.Mailallow(s.t), append([]string{"-c", filepath.Join(s.dir, "c.toml")}, args...)...)
}

// longName gives a domain name of 252 bytes: the longest has 253.
func longName(i int) string {
	return fmt.Sprintf("p%05d.", i) + strings.Repeat(strings.Repeat("x", 58)+".", 4) + "evil.test"
}

// nested gives the policy of evil.test: a chain of includes with long names, and in its last record an include for each
// 3,000 terms.
func nested(includes int, terms []string) string {
	const each = 3000 // a DNS message holds 64 KiB
	var zone strings.Builder
	name := "evil.test"
	for i := 1; i < includes; i++ {
		zone.WriteString(txt(name, "v=spf1 include:"+longName(i)+" -all"))
		name = longName(i)
	}
	last := "v=spf1"
	for i := 0; len(terms) > 0; i++ {
		n := min(each, len(terms))
		leaf := longName(includes + i)
		last += " include:" + leaf
		zone.WriteString(txt(leaf, "v=spf1 "+strings.Join(terms[:n], " ")+" -all"))
		terms = terms[n:]
	}
	zone.WriteString(txt(name, last+" -all"))
	return zone.String()
}

// singleTerms gives a term for each of n addresses from first on.
func singleTerms(first string, n int) (terms []string) {
	addr := netip.MustParseAddr(first)
	for range n {
		terms = append(terms, "ip4:"+addr.String())
		addr = addr.Next()
	}
	return terms
}

const (
	most    = 256 << 20 // the memory that no publisher may make a run need, in bytes
	longest = 120_000   // the ranges that a source of a publisher may have
)

// TestManyTerms: a provider that publishes 110,000 addresses as single terms behind 49 long includes. With a path of
// 12 KB for each range, update needed 5,694 MiB and fetch 3,944, and both failed for all sources.
func TestManyTerms(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	const addresses, includes = 110_000, 49
	s := newMailServer(t)
	snapshot := filepath.Join(s.dir, "snapshot.json")
	runs := [][]string{{"update"}, {"update"}, {"fetch", "-o", snapshot}, {"update", "--snapshot", snapshot}}
	var alone []figure
	for _, args := range runs {
		alone = append(alone, s.run(args...))
	}
	s.configure(evilSource)
	s.dns.Set(goodZone + nested(includes, singleTerms("20.0.0.0", addresses)))
	for i, args := range runs {
		f := s.run(args...)
		t.Logf("%s: %s; without it %s", strings.Join(args, " "), f, alone[i])
		if f.Exit != exit.Done || f.Memory > alone[i].Memory+most {
			t.Errorf("%.2000s", f.said)
		}
	}
	if text := fixtures.ReadFile(t, filepath.Join(s.dir, "access")); strings.Count(text, "\nConnect:20.") != 1+173+176 {
		t.Errorf("%d keys", strings.Count(text, "\nConnect:20."))
	}
}

// hostile is what a publisher can do, in the zone of evil.test or in a document, and how update and fetch end.
type hostile struct {
	name    string
	zone    string
	page    string
	source  string // keys of the source
	exit    int
	says    string
	problem int // warnings about the source
}

// scattered gives n single addresses of which no two are neighbours, all in 2a00:1111:2222::/48.
func scattered(n int) string { return scatteredFrom(0, n) }

func scatteredFrom(first, n int) string {
	var b strings.Builder
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, "2a00:1111:2222:%x:%x:7777:6666:%x\n", i>>16, i&0xffff, i&0xffff)
	}
	return b.String()
}

// wide gives a policy of n IPv6 networks, each of which needs 32,768 access keys.
func wide(n int) string {
	policy := "v=spf1"
	for i := range n {
		policy += fmt.Sprintf(" ip6:2a%02x:100::/33", i)
	}
	return txt("evil.test", policy+" -all")
}

// unlistable gives a policy with n terms that are each a problem.
func unlistable(n int) string {
	policy := "v=spf1"
	for i := range n {
		policy += fmt.Sprintf(" exists:%%{l}.x%d.test", i)
	}
	return txt("evil.test", policy+" ip4:74.126.0.0/24 -all")
}

// crumbs gives a policy that passes a network but for n single addresses, so that its prefixes are many more than its terms.
func crumbs(n int) string {
	var zone strings.Builder
	const each = 1000
	policy := "v=spf1"
	for i := 0; i*each < n; i++ {
		leaf := "v=spf1"
		for j := range each {
			leaf += fmt.Sprintf(" ip6:2a00:1450:%x:%x::1", i, j)
		}
		name := fmt.Sprintf("l%d.evil.test", i)
		policy += " -include:" + name
		zone.WriteString(txt(name, leaf+" -all"))
	}
	return zone.String() + txt("evil.test", policy+" ip6:2a00:1450::/32 -all")
}

// scatteredTerms gives a term for each of n addresses of which no two are neighbours.
func scatteredTerms(n int) (terms []string) {
	for i := range n {
		terms = append(terms, fmt.Sprintf("ip4:16.%d.%d.%d", i>>14, i>>6&255, i<<2&255))
	}
	return terms
}

func hostilePublishers() []hostile {
	objects := "{\"x\": [\"74.126.0.0/24\"], \"y\": [" + strings.Repeat("{\"\":0},", 333_000) + "0]}"
	return []hostile{
		{name: "a document of one range more", page: scattered(longest + 1),
			exit: exit.Stale, says: "more than 120,000 addresses and networks"},
		{name: "a million keys", zone: wide(31),
			exit: exit.Held, says: "it needs 1,015,808 access keys for DIR/access, and max_keys of a source is 250,000"},
		{name: "a thousand warnings", zone: unlistable(900), says: "and 881 more problems", problem: 21},
		{name: "special-purpose space behind long includes", zone: nested(49, singleTerms("10.0.0.0", 110_000)),
			exit: exit.Held, says: "not one address is left in it"},
		{name: "a key too many", zone: wide(1), source: "max_keys = 32767\n",
			exit: exit.Held, says: "it needs 32,768 access keys for DIR/access, and max_keys of a source is 32,767"},
		{name: "as many keys as it may need", zone: wide(7)},
		{name: "a document of as many ranges as there may be", page: scattered(longest)},
		{name: "a document with everything in every line", page: strings.Repeat("::/0\n", longest),
			exit: exit.Held, says: "::/0 is wider than widest_ipv6 = 28"},
		{name: "a document of a million values", page: objects, source: "select = \".x[]\"\n"},
		{name: "prefixes without end", zone: crumbs(30_000),
			exit: exit.Stale, says: "it passes more than 120,000 prefixes, our limit (Ranges)"},
		{name: "scattered terms behind long includes", zone: nested(48, scatteredTerms(30_000)),
			exit: exit.Stale, says: "it takes more than 2,000,000 ranges of addresses in memory, our limit (Kept): none is listed"},
	}
}

// TestHostilePublisher: whatever one publisher does, the good source and the administrator's own line are installed, and
// update and fetch need less than 256 MiB more than without it.
func TestHostilePublisher(t *testing.T) {
	t.Parallel()
	alone := newMailServer(t)
	runs := [][]string{{"update"}, {"update"}, {"fetch", "-o", os.DevNull}}
	var before []figure
	for _, args := range runs {
		before = append(before, alone.run(args...))
	}
	const everyTime = 3 // of the rows: most others take seconds
	for i, row := range hostilePublishers() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if i >= everyTime {
				fixtures.All(t)
			}
			s := newMailServer(t)
			source := evilSource
			if row.page != "" {
				web := fixtures.HTTP(t)
				web.Set("/list", fixtures.Page{Body: row.page})
				source = fmt.Sprintf("[[source]]\nname = \"evil\"\nurl = %q\n", web.URL("/list"))
			}
			s.configure(source + row.source)
			s.dns.Set(goodZone + row.zone)
			for i, args := range runs {
				f := s.run(args...)
				t.Logf("%s: %s", args[0], f)
				says := strings.ReplaceAll(row.says, "DIR", s.dir)
				if f.Exit != row.exit || f.Memory > before[i].Memory+most || !strings.Contains(f.said, says) {
					t.Errorf("%s: exit %d, want %d, and %q in\n%.2000s", args[0], f.Exit, row.exit, says, f.said)
				}
				if n := strings.Count(f.said, "warning: source \"evil\": "); row.problem > 0 && n != row.problem {
					t.Errorf("%d warnings, want %d", n, row.problem)
				}
				access := fixtures.ReadFile(t, filepath.Join(s.dir, "access"))
				if !strings.Contains(access, goodKey) || !strings.Contains(access, ownKey) {
					t.Errorf("%s: the other sources are not installed", args[0])
				}
			}
		})
	}
}

// TestChangingPublisher: whatever a publisher's list changes to, update, diff and fetch need less than 256 MiB more than
// without it. The longest lists are for the long run.
func TestChangingPublisher(t *testing.T) {
	t.Parallel()
	fixtures.All(t)
	alone := newMailServer(t)
	runs := [][]string{{"diff", "--json"}, {"update"}, {"update"}, {"fetch", "-o", os.DevNull}}
	var before []figure
	for _, args := range runs {
		before = append(before, alone.run(args...))
	}
	most := most + before[1].Memory
	var daily []string // as different from the first as a list may be, every day in another way, until the guard's memory is full
	for i := range 6 {
		daily = append(daily, scattered(longest*7/10)+scatteredFrom(longest*(10+i), longest*3/10))
	}
	const wide, tooLong = "2a00:1111:2222::/48\n", "more than 250,000 networks come or go at once"
	for _, row := range []struct {
		name  string
		long  bool
		pages []string
		says  string // of the last page; empty: it is installed
	}{
		{name: "a network narrows to addresses", pages: []string{wide, scattered(3000), scattered(2990)}},
		{name: "to so many that no difference is told", pages: []string{wide, scattered(longest)}, says: tooLong},
		{name: "addresses widen to a network", pages: []string{scattered(6000), wide}, says: tooLong},
		{name: "a network goes for a day and comes back", pages: []string{wide + "2a00:3333::/48\n2a00:4444::/48\n2a00:5555::/48\n",
			"2a00:3333::/48\n2a00:4444::/48\n2a00:5555::/48\n", "2a00:3333::/48\n2a00:4444::/48\n2a00:5555::/48\n" + scattered(20_000),
			"2a00:3333::/48\n2a00:4444::/48\n2a00:5555::/48\n" + scattered(20_001)}},
		{name: "the longest list, from a third", long: true, pages: []string{scattered(longest / 3), scattered(longest)}},
		{name: "the longest list, of which less than a third is replaced", long: true, pages: []string{scattered(longest), scatteredFrom(longest*3/10, longest)}},
		{name: "the longest list, another every day", long: true, pages: daily},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.long {
				fixtures.All(t)
			}
			s, web := newMailServer(t), fixtures.HTTP(t)
			s.configure(fmt.Sprintf("[[source]]\nname = \"evil\"\nurl = %q\n", web.URL("/list")))
			for i, page := range row.pages {
				web.Set("/list", fixtures.Page{Body: page})
				says := ""
				if i == len(row.pages)-1 {
					says = row.says
				}
				for _, args := range runs {
					f := s.run(args...)
					t.Logf("page %d: %s: %s", i, args[0], f)
					want := exit.Done
					if says != "" {
						want = exit.Held
					} else if args[0] == "diff" {
						want = exit.Finding
					}
					if f.Exit != want || !strings.Contains(f.said, says) || f.Memory > most {
						t.Errorf("page %d: %s: exit %d, %d MiB, and %q in\n%.2000s", i, args[0], f.Exit, f.Memory>>20, says, f.said)
					}
				}
				makeEarlier(t, filepath.Join(s.dir, "state"), 25*time.Hour)
			}
		})
	}
}

// TestDeepest: the next runs read back every path that max_depth lets in.
func TestDeepest(t *testing.T) {
	t.Parallel()
	s := newMailServer(t)
	const includes = 230
	for _, row := range []struct{ depth, exit int }{{includes - 1, exit.Stale}, {includes, exit.Done}, {300, exit.Done}} {
		s.dns.Set(goodZone + nested(includes, singleTerms("20.0.0.0", 1)))
		s.configure(fmt.Sprintf("max_depth = %d\n", row.depth) + evilSource)
		for range 2 {
			if f := s.run("update"); f.Exit != row.exit {
				t.Errorf("max_depth = %d: %s\n%.2000s", row.depth, f, f.said)
			}
		}
	}
}
