package dnsq_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// No passing test waits until the time-out patient; tests do wait until hasty, and have answers that come before it.
const (
	patient = time.Minute
	hasty   = 3 * time.Second // the machine may be busy
)

func client(t *testing.T, c dnsq.Config, servers ...*fixtures.DNSServer) *dnsq.Client {
	t.Helper()
	for _, s := range servers {
		c.Resolvers = append(c.Resolvers, s.Addr())
	}
	if c.Timeout == 0 {
		c.Timeout = patient
	}
	q, err := dnsq.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// together runs subtests all at once, whatever -parallel says, because they wait most of the time. The test calls wait at its end.
func together(t *testing.T) (run func(name string, test func(*testing.T)), wait func()) {
	var all sync.WaitGroup
	return func(name string, test func(*testing.T)) { all.Go(func() { t.Run(name, test) }) }, all.Wait
}

// look asks a question, with the type by name, and joins the answers.
func look(ctx context.Context, c *dnsq.Client, qtype, name string) (string, error) {
	var (
		got   []string
		addrs []netip.Addr
		err   error
	)
	switch qtype {
	case "TXT":
		got, err = c.TXT(ctx, name)
	case "MX":
		got, err = c.MX(ctx, name)
	case "A":
		addrs, err = c.A(ctx, name)
	case "AAAA":
		addrs, err = c.AAAA(ctx, name)
	}
	for _, a := range addrs {
		got = append(got, a.String())
	}
	return strings.Join(got, "|"), err
}

// check compares a result with a row. ADDR in an error means addr.
func check(t *testing.T, got string, err error, want, wantErr, addr string) {
	t.Helper()
	text := ""
	if err != nil {
		text = strings.ReplaceAll(err.Error(), addr, "ADDR")
	}
	if got != want || text != wantErr {
		t.Errorf("\n got %q, %q\nwant %q, %q", got, text, want, wantErr)
	}
}

const zone = `
	t.example   TXT   "v=spf1 ip4:192.0.2" ".0/24 -all"
	t.example   TXT   "with \"quote\", back\\slash, \195\188 and \000"
	t.example   TXT   ""
	a.example   A     192.0.2.9
	a.example   A     192.0.2.10
	a.example   A     192.0.2.9
	a.example   AAAA  2001:db8::a
	a.example   AAAA  ::ffff:192.0.2.1
	m.example   MX    20 a.example
	m.example   MX    10 Z.example
	m.example   MX    10 b.example
	null.example MX   0 .
	dot.example MX    10 a\.b.example
	alias.example  CNAME Alias2.example
	alias2.example CNAME a.example
	loop1.example  CNAME loop2.example
	loop2.example  CNAME loop1.example
	void.example   CNAME nowhere.example
	bare.example   CNAME m.example
	back\\slash.example  A 192.0.2.20
	back\.slash.example  A 192.0.2.21
	\195\188.example     A 192.0.2.22
	\\065.example        A 192.0.2.23
`

func TestLookups(t *testing.T) {
	s := fixtures.DNS(t, zone)
	label63 := strings.Repeat("l", 63)
	for _, row := range []struct{ name, qtype, owner, want, err string }{
		{"strings joined, bytes as they are", "TXT", "t.example",
			"v=spf1 ip4:192.0.2.0/24 -all|with \"quote\", back\\slash, \xc3\xbc and \x00|", ""},
		{"another case, final dot", "TXT", "T.Example.",
			"v=spf1 ip4:192.0.2.0/24 -all|with \"quote\", back\\slash, \xc3\xbc and \x00|", ""},
		{"addresses in order, once", "A", "a.example", "192.0.2.9|192.0.2.10", ""},
		{"IPv6, mapped stays mapped", "AAAA", "a.example", "::ffff:192.0.2.1|2001:db8::a", ""},
		{"exchanges by preference, then name", "MX", "m.example", "b.example|z.example|a.example", ""},
		{"null MX", "MX", "null.example", "", ""},
		{"exchange with a dot in a label", "MX", "dot.example", "",
			`MX dot.example: a\.b.example has a dot inside a label`},
		{"NXDOMAIN", "TXT", "none.example", "", ""},
		{"no data", "MX", "a.example", "", ""},
		{"aliases", "A", "alias.example", "192.0.2.9|192.0.2.10", ""},
		{"alias to NXDOMAIN", "A", "void.example", "", ""},
		{"alias to no data", "A", "bare.example", "", ""},
		{"alias loop", "A", "loop1.example", "", "A loop1.example: CNAME loop at loop1.example from ADDR"},
		{"backslash is a backslash", "A", `back\slash.example`, "192.0.2.20", ""},
		{"backslash does not escape a dot", "A", `back\.slash.example`, "", ""},
		{"backslash and digits are no escape", "A", `\065.example`, "192.0.2.23", ""},
		{"bytes above 127", "A", "\xc3\xbc.example", "192.0.2.22", ""},
		{"longest label", "A", label63 + ".example", "", ""},
		{"longest name", "A", strings.Repeat(label63+".", 3) + strings.Repeat("l", 61), "", ""},
		{"long label", "A", label63 + "l.example", "",
			"A " + label63 + "l.example: not a DNS name: a label of 64 octets, the limit is 63"},
		{"long name", "A", strings.Repeat(label63+".", 3) + strings.Repeat("l", 62), "",
			"A " + strings.Repeat(label63+".", 3) + strings.Repeat("l", 58) +
				"...: not a DNS name: 254 octets, the limit is 253"},
		{"empty label", "A", "a..example", "", "A a..example: not a DNS name: empty label"},
		{"empty name", "A", "", "", "A : not a DNS name: empty label"},
		{"two final dots", "A", "a.example..", "", "A a.example.: not a DNS name: empty label"},
		{"errors show names as ASCII", "A", "a b\\\n\xff..", "", `A a\032b\\\010\255.: not a DNS name: empty label`},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := client(t, dnsq.Config{Attempts: 1}, s)
			got, err := look(t.Context(), c, row.qtype, row.owner)
			check(t, got, err, row.want, row.err, s.Addr())
			if unaskable := strings.Contains(row.err, "not a DNS name"); errors.Is(err, dnsq.ErrName) != unaskable {
				t.Errorf("ErrName: %v", err)
			}
		})
	}
}

// TestPublishedZone asks for a real record of three strings and 582 octets, over UDP.
func TestPublishedZone(t *testing.T) {
	s := fixtures.DNS(t, "icloud-2025.zone")
	c := client(t, dnsq.Config{}, s)
	got, err := c.TXT(t.Context(), "icloud.com")
	if err != nil || len(got) != 1 || !strings.Contains(got[0], "ip4:157.255.1.64/29 ip4:106.39.212.64/29") {
		t.Error(got, err)
	}
	if diff := cmp.Diff(map[string]int{"udp TXT icloud.com": 1}, s.Asked()); diff != "" {
		t.Error(diff)
	}
}

func TestEachQuestionOnce(t *testing.T) {
	s := fixtures.DNS(t, zone)
	s.Fault("broken.example", "", fixtures.ServFail)
	arrived, release := s.Hold("a.example", "A")
	c := client(t, dnsq.Config{Attempts: 2}, s)
	var wg sync.WaitGroup
	for _, name := range []string{"a.example", "A.EXAMPLE", "a.example.", "alias.example"} {
		for range 5 {
			wg.Go(func() {
				if got, err := look(t.Context(), c, "A", name); got != "192.0.2.9|192.0.2.10" {
					t.Error(name, got, err)
				}
			})
		}
	}
	<-arrived
	release()
	wg.Wait()
	want := "A broken.example: SERVFAIL from ADDR"
	for range 3 {
		got, err := look(t.Context(), c, "A", "broken.example")
		check(t, got, err, "", want, s.Addr())
		look(t.Context(), c, "A", "none.example")
	}
	look(t.Context(), c, "A", "not..askable")
	wantAsked := map[string]int{
		"udp A a.example": 1, "udp A alias.example": 1, "udp A broken.example": 2, "udp A none.example": 1,
	}
	if diff := cmp.Diff(wantAsked, s.Asked()); diff != "" {
		t.Error(diff)
	}
	if c.Queries() != 5 {
		t.Errorf("%d queries", c.Queries())
	}
}

// TestCancel checks that the end of a context ends the wait of its caller at once, and not that of other callers, and that
// the client does not keep the error.
func TestCancel(t *testing.T) {
	s := fixtures.DNS(t, zone)
	arrived, release := s.Hold("a.example", "A")
	c := client(t, dnsq.Config{}, s)
	type result struct {
		got string
		err error
	}
	start := func(ctx context.Context) <-chan result {
		done := make(chan result, 1)
		go func() {
			got, err := look(ctx, c, "A", "a.example")
			done <- result{got, err}
		}()
		return done
	}
	asking, cancel := context.WithCancel(t.Context())
	asker := start(asking)
	<-arrived
	gone, leave := context.WithCancel(t.Context())
	leave()
	if r := <-start(gone); !errors.Is(r.err, context.Canceled) {
		t.Errorf("a waiter that left: %v", r)
	}
	waiter := start(t.Context())
	cancel()
	r := <-asker
	check(t, r.got, r.err, "", "A a.example: context canceled", s.Addr())
	if !errors.Is(r.err, context.Canceled) {
		t.Errorf("the error hides its cause: %v", r.err)
	}
	<-arrived // the waiting caller asks now
	release()
	if r := <-waiter; r.got != "192.0.2.9|192.0.2.10" || r.err != nil {
		t.Errorf("the waiter: %v", r)
	}
}

// TestCancelHandshake checks the same with a resolver that accepts the connection and sends nothing.
func TestCancelHandshake(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			cancel()
			defer conn.Close()
			<-t.Context().Done()
		}
	}()
	c := client(t, dnsq.Config{Resolvers: []string{"tls://" + listener.Addr().String()}})
	if _, err := c.A(ctx, "a.example"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestConcurrency(t *testing.T) {
	s := fixtures.DNS(t, zone)
	arrived, release := s.Hold("", "A")
	c := client(t, dnsq.Config{Concurrency: 2}, s)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if _, err := c.A(t.Context(), fmt.Sprintf("n%d.example", i)); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.A(ctx, "late.example"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for its turn: %v", err)
	}
	if n := len(s.Asked()); n != 2 {
		t.Errorf("%d questions under way", n)
	}
	release()
	wg.Wait()
	if n := len(s.Asked()); n != 6 {
		t.Errorf("%d questions asked in the end", n)
	}
}

func TestRequireAD(t *testing.T) {
	const not = "an answer not validated by DNSSEC (no AD flag) from ADDR"
	for _, row := range []struct {
		name, owner string
		fault       fixtures.Fault
		want, err   string
	}{
		{"validated", "a.example", fixtures.Validated, "192.0.2.9|192.0.2.10", ""},
		{"validated NXDOMAIN", "none.example", fixtures.Validated, "", ""},
		{"answer", "a.example", 0, "", "A a.example: " + not},
		{"NXDOMAIN", "none.example", 0, "", "A none.example: " + not},
		{"no data", "m.example", 0, "", "A m.example: " + not},
		{"SERVFAIL for bogus records", "a.example", fixtures.ServFail, "", "A a.example: SERVFAIL from ADDR"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := fixtures.DNS(t, zone)
			s.Fault("", "", row.fault)
			got, err := look(t.Context(), client(t, dnsq.Config{RequireAD: true, Attempts: 1}, s), "A", row.owner)
			check(t, got, err, row.want, row.err, s.Addr())
		})
	}
}
