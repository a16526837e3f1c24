package dnsq_test

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// TestFaults tries each fault of a resolver, with a question that has an answer and one that has none.
func TestFaults(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	const answer = "192.0.2.9|192.0.2.10"
	for _, row := range []struct {
		name      string
		fault     fixtures.Fault
		want, err string
		asked     string // transports, in order of sending
	}{
		{"none", 0, answer, "", "udp"},
		{"SERVFAIL", fixtures.ServFail, "", "SERVFAIL from ADDR", "udp"},
		{"REFUSED", fixtures.Refused, "", "REFUSED from ADDR", "udp"},
		{"NXDOMAIN", fixtures.NXDomain, "", "", "udp"},
		{"lame", fixtures.Lame, "", "a referral, not an answer from ADDR", "udp"},
		{"truncated", fixtures.Truncated | fixtures.OnlyUDP, answer, "", "udp tcp"},
		{"truncated and broken", fixtures.Truncated | fixtures.Garbage | fixtures.OnlyUDP, answer, "", "udp tcp"},
		{"truncated over TCP", fixtures.Truncated, "", "an answer truncated over TCP from ADDR", "udp tcp tcp"},
		{"garbage", fixtures.Garbage, "", "a malformed answer from ADDR", "udp"},
		{"no EDNS", fixtures.NoEDNS, answer, "", "udp udp"},
		{"drop", fixtures.Drop, "", "no answer in 3s from ADDR", "udp"},
		{"wrong id first", fixtures.WrongID, answer, "", "udp"},
		{"wrong question first", fixtures.WrongQuestion, answer, "", "udp"},
		{"another port first", fixtures.OtherPort, answer, "", "udp"},
		{"forgeries of all kinds first", fixtures.WrongID | fixtures.WrongQuestion | fixtures.OtherPort, answer, "", "udp"},
		{"forgeries over TCP", fixtures.WrongID | fixtures.WrongQuestion | fixtures.Truncated, "",
			"an answer truncated over TCP from ADDR", "udp tcp tcp"},
		{"only forgeries", fixtures.WrongID | fixtures.WrongQuestion | fixtures.Drop, "",
			"no answer in 3s, 2 that did not fit the question from ADDR", "udp"},
		{"forged answers from all sides first", fixtures.Poison | fixtures.WrongID | fixtures.WrongQuestion | fixtures.OtherPort | fixtures.OtherAddress |
			fixtures.Noise, answer, "", "udp"},
		{"twice", fixtures.Twice, answer, "", "udp"},
		{"truncated in the middle of the list", fixtures.Halved | fixtures.OnlyUDP, answer, "", "udp tcp"},
		{"more counted than there are", fixtures.MoreCounted, "", "a malformed answer from ADDR", "udp"},
		{"fewer counted than there are", fixtures.FewerCounted, "", "a malformed answer from ADDR", "udp"},
		{"records of another name", fixtures.Misnamed, "", "an answer to another question from ADDR", "udp"},
		{"records of other names beside", fixtures.Gossip, answer, "", "udp"},
		{"records of another class", fixtures.OtherClass, "", "a malformed answer from ADDR", "udp"},
		{"only from another port", fixtures.OtherPort | fixtures.Drop, "", "no answer in 3s from ADDR", "udp"},
	} {
		run(row.name, func(t *testing.T) {
			s := fixtures.DNS(t, zone)
			s.Fault("a.example", "", row.fault)
			config := dnsq.Config{Attempts: 1}
			if row.fault&fixtures.Drop != 0 {
				config.Timeout = hasty
			}
			c := client(t, config, s)
			if row.err != "" {
				row.err = "A a.example: " + row.err
			}
			got, err := look(t.Context(), c, "A", "a.example")
			check(t, got, err, row.want, row.err, s.Addr())

			asked := map[string]int{}
			for transport := range strings.FieldsSeq(row.asked) {
				asked[transport+" A a.example"]++
			}
			if diff := cmp.Diff(asked, s.Asked()); diff != "" {
				t.Error(diff)
			}
			if n := len(strings.Fields(row.asked)); c.Queries() != n {
				t.Errorf("%d queries counted, want %d", c.Queries(), n)
			}
		})
	}
}

// TestSizedTCP checks that an answer which a resolver cuts over TCP too, because of the size in OPT, is asked for without OPT.
func TestSizedTCP(t *testing.T) {
	long := strings.Repeat("x", 250)
	s := fixtures.DNS(t, "long.example TXT"+strings.Repeat(` "`+long+`"`, 12))
	s.Fault("", "", fixtures.SizedTCP)
	addr, roots := s.TLS()
	for _, row := range []struct {
		config dnsq.Config
		asked  map[string]int
	}{
		{dnsq.Config{Resolvers: []string{s.Addr()}}, map[string]int{"udp TXT long.example": 1, "tcp TXT long.example": 2}},
		{dnsq.Config{Resolvers: []string{"tls://" + addr}, RootCAs: roots}, map[string]int{"udp TXT long.example": 1, "tcp TXT long.example": 4}},
	} {
		c, err := dnsq.New(row.config)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.TXT(t.Context(), "long.example")
		if err != nil || len(got) != 1 || got[0] != strings.Repeat(long, 12) {
			t.Errorf("got %d records, %v", len(got), err)
		}
		if diff := cmp.Diff(row.asked, s.Asked()); diff != "" {
			t.Error(diff)
		}
	}
}

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// TestReplies reads replies that a correct server does not send.
func TestReplies(t *testing.T) {
	const answer = "192.0.2.9|192.0.2.10"
	for _, row := range []struct {
		name    string
		owner   string
		rewrite func(*dns.Msg)
		want    string
		err     string
	}{
		{"records of other names do not count", "a.example", func(m *dns.Msg) {
			m.Answer = append(m.Answer, rr(t, "b.example A 203.0.113.1"), rr(t, "b.example CNAME c.example"))
		}, answer, ""},
		{"records of other names alone are not nothing", "none.example", func(m *dns.Msg) {
			m.Rcode, m.Answer = dns.RcodeSuccess, []dns.RR{rr(t, "b.example A 203.0.113.1")}
		}, "", "A none.example: an answer to another question from ADDR"},
		{"nor are they with NXDOMAIN", "none.example", func(m *dns.Msg) {
			m.Answer = []dns.RR{rr(t, "b.example A 203.0.113.1")}
		}, "", "A none.example: an answer to another question from ADDR"},
		{"nor are records of other types", "m.example", func(m *dns.Msg) {
			m.Answer = []dns.RR{rr(t, "m.example MX 10 b.example")}
		}, "", "A m.example: an answer to another question from ADDR"},
		{"NXDOMAIN without SOA", "none.example", func(m *dns.Msg) { m.Ns = nil }, "", ""},
		{"NXDOMAIN of a server that says nothing of itself", "none.example", func(m *dns.Msg) {
			m.Authoritative, m.RecursionAvailable, m.Ns = false, false, nil
		}, "", ""},
		{"no data with the SOA alone", "m.example", func(m *dns.Msg) { m.Authoritative, m.RecursionAvailable = false, false }, "", ""},
		{"the order of a chain is free", "alias.example", func(m *dns.Msg) {
			m.Answer[0], m.Answer[2] = m.Answer[2], m.Answer[0]
		}, answer, ""},
		{"the case of a reply is free", "alias.example", func(m *dns.Msg) {
			m.Question[0].Name = "ALIAS.example."
			for _, rr := range m.Answer {
				rr.Header().Name = strings.ToUpper(rr.Header().Name)
			}
		}, answer, ""},
		{"another class", "a.example", func(m *dns.Msg) {
			m.Answer[1].Header().Class = dns.ClassCHAOS
		}, "", "A a.example: a malformed answer from ADDR"},
		{"another type", "a.example", func(m *dns.Msg) {
			m.Answer = append(m.Answer, rr(t, `a.example TXT "text"`))
		}, answer, ""},
		{"two CNAMEs", "alias.example", func(m *dns.Msg) {
			m.Answer = append(m.Answer, rr(t, "alias.example CNAME other.example"))
		}, "", "A alias.example: alias.example has two CNAMEs from ADDR"},
		{"the same CNAME twice", "alias.example", func(m *dns.Msg) {
			m.Answer = append(m.Answer, rr(t, "alias.example CNAME ALIAS2.example"))
		}, answer, ""},
		{"NXDOMAIN with an answer", "a.example", func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }, "",
			"A a.example: NXDOMAIN with an answer from ADDR"},
		{"a record without data", "a.example", func(m *dns.Msg) {
			m.Answer[0] = &dns.A{Hdr: *m.Answer[0].Header()}
		}, "", "A a.example: a malformed answer from ADDR"},
		{"no data without SOA", "m.example", func(m *dns.Msg) { m.Ns = nil }, "", ""},
		{"no data with SOA and NS", "m.example", func(m *dns.Msg) {
			m.Authoritative = false
			m.Ns = append(m.Ns, rr(t, "example NS ns.example"))
		}, "", ""},
		{"a referral from a server that recurses for others", "m.example", func(m *dns.Msg) {
			m.Authoritative, m.Ns = false, []dns.RR{rr(t, "example NS ns.example")}
		}, "", "A m.example: a referral, not an answer from ADDR"},
		{"no data from the authority, NS beside it", "m.example", func(m *dns.Msg) {
			m.Ns = []dns.RR{rr(t, "example NS ns.example")}
		}, "", ""},
		{"REFUSED without question", "a.example", func(m *dns.Msg) {
			*m = dns.Msg{MsgHdr: m.MsgHdr}
			m.Rcode = dns.RcodeRefused
		}, "", "A a.example: REFUSED from ADDR"},
		{"an RCODE without name", "a.example", func(m *dns.Msg) { m.Rcode = 12 }, "", "A a.example: RCODE 12 from ADDR"},
		{"BADVERS, twice", "a.example", func(m *dns.Msg) {
			m.SetEdns0(512, false)
			m.Rcode = dns.RcodeBadVers
		}, "", "A a.example: BADVERS from ADDR"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := fixtures.DNS(t, zone)
			s.Rewrite(row.owner, "A", row.rewrite)
			got, err := look(t.Context(), client(t, dnsq.Config{Attempts: 1}, s), "A", row.owner)
			check(t, got, err, row.want, row.err, s.Addr())
		})
	}
}

// TestNoStrings checks that a TXT record without a string is an empty record and does not make the answer an error.
func TestNoStrings(t *testing.T) {
	s := fixtures.DNS(t, zone)
	s.Rewrite("t.example", "TXT", func(m *dns.Msg) {
		m.Answer = []dns.RR{&dns.TXT{Hdr: *m.Answer[0].Header()}, m.Answer[0]}
	})
	got, err := look(t.Context(), client(t, dnsq.Config{Attempts: 1}, s), "TXT", "t.example")
	check(t, got, err, "|v=spf1 ip4:192.0.2.0/24 -all", "", s.Addr())
}

// TestUnfitReplies checks that the client ignores messages that do not answer the question, until the end of the try.
func TestUnfitReplies(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	for name, rewrite := range map[string]func(*dns.Msg){
		"a query":        func(m *dns.Msg) { m.Response = false },
		"another opcode": func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"another type":   func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"another class":  func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"two questions":  func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"no question":    func(m *dns.Msg) { m.Question = nil },
		"NXDOMAIN, no question": func(m *dns.Msg) {
			*m = dns.Msg{MsgHdr: m.MsgHdr}
			m.Rcode = dns.RcodeNameError
		},
	} {
		run(name, func(t *testing.T) {
			s := fixtures.DNS(t, zone)
			s.Rewrite("a.example", "A", rewrite)
			got, err := look(t.Context(), client(t, dnsq.Config{Attempts: 1, Timeout: hasty}, s), "A", "a.example")
			check(t, got, err, "",
				"A a.example: no answer in 3s, 1 that did not fit the question from ADDR", s.Addr())
		})
	}
}

// TestAliasAskedOn follows chains of which each reply shows one alias, as those of an authoritative server do.
func TestAliasAskedOn(t *testing.T) {
	s := fixtures.DNS(t, `
		c9.example CNAME c8.example
		c8.example CNAME c7.example
		c7.example CNAME c6.example
		c6.example CNAME c5.example
		c5.example CNAME c4.example
		c4.example CNAME c3.example
		c3.example CNAME c2.example
		c2.example CNAME c1.example
		c1.example CNAME c0.example
		c0.example A 192.0.2.1
		l1.example CNAME l2.example
		l2.example CNAME l1.example
		v.example  CNAME nowhere.example
		b.example  CNAME broken.example
	`)
	s.Fault("broken.example", "", fixtures.ServFail)
	s.Rewrite("", "A", func(m *dns.Msg) {
		if len(m.Answer) > 0 && m.Answer[0].Header().Rrtype == dns.TypeCNAME {
			m.Answer, m.Rcode = m.Answer[:1], dns.RcodeSuccess
		}
	})
	for owner, row := range map[string]struct{ want, err string }{
		"c8.example": {"192.0.2.1", ""},
		"c9.example": {"", "A c9.example: CNAME c8.example: CNAME c7.example: CNAME c6.example: CNAME c5.example: " +
			"CNAME c4.example: CNAME c3.example: CNAME c2.example: CNAME c1.example: CNAME c0.example: " +
			"more than 8 CNAMEs to follow"},
		"l1.example": {"", "A l1.example: CNAME l2.example: CNAME loop at l1.example"},
		"v.example":  {"", ""},
		"b.example":  {"", "A b.example: CNAME broken.example: SERVFAIL from ADDR"},
	} {
		t.Run(owner, func(t *testing.T) {
			c := client(t, dnsq.Config{Attempts: 1}, s)
			got, err := look(t.Context(), c, "A", owner)
			check(t, got, err, row.want, row.err, s.Addr())
		})
	}
}

func TestFailover(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	const answer = "192.0.2.9|192.0.2.10"
	for _, row := range []struct {
		name          string
		first, second fixtures.Fault
		attempts      int
		want, err     string
		asked         [2]int
	}{
		{"the first answers", 0, 0, 0, answer, "", [2]int{1, 0}},
		{"SERVFAIL", fixtures.ServFail, 0, 0, answer, "", [2]int{1, 1}},
		{"REFUSED", fixtures.Refused, 0, 0, answer, "", [2]int{1, 1}},
		{"garbage", fixtures.Garbage, 0, 0, answer, "", [2]int{1, 1}},
		{"lame", fixtures.Lame, 0, 0, answer, "", [2]int{1, 1}},
		{"silence", fixtures.Drop, 0, 0, answer, "", [2]int{1, 1}},
		{"NXDOMAIN is final", fixtures.NXDomain, 0, 0, "", "", [2]int{1, 0}},
		{"one attempt still asks both", fixtures.ServFail, 0, 1, answer, "", [2]int{1, 1}},
		{"both alike", fixtures.ServFail, fixtures.ServFail, 3, "", "A a.example: SERVFAIL from ONE, TWO", [2]int{2, 1}},
		{"both unlike", fixtures.Refused, fixtures.Drop, 4, "",
			"A a.example: REFUSED from ONE; no answer in 3s from TWO", [2]int{2, 2}},
	} {
		run(row.name, func(t *testing.T) {
			one, two := fixtures.DNS(t, zone), fixtures.DNS(t, zone)
			one.Fault("", "", row.first)
			two.Fault("", "", row.second)
			config := dnsq.Config{Attempts: row.attempts}
			if (row.first|row.second)&fixtures.Drop != 0 {
				config.Timeout = hasty
			}
			c := client(t, config, one, two)
			got, err := look(t.Context(), c, "A", "a.example")
			row.err = strings.NewReplacer("ONE", one.Addr(), "TWO", two.Addr()).Replace(row.err)
			check(t, got, err, row.want, row.err, "ADDR")
			asked := [2]int{one.Asked()["udp A a.example"], two.Asked()["udp A a.example"]}
			if asked != row.asked {
				t.Errorf("asked %v, want %v", asked, row.asked)
			}
		})
	}
}

// TestDeadResolver checks that the client asks a silent resolver last from then on, but not one that replies SERVFAIL.
func TestDeadResolver(t *testing.T) {
	dead := fixtures.Nobody(t)
	alive, other := fixtures.DNS(t, zone), fixtures.DNS(t, zone)
	c := client(t, dnsq.Config{Resolvers: []string{dead}}, alive, other)
	for _, name := range []string{"a.example", "m.example", "t.example"} {
		if _, err := c.A(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if c.Queries() != 4 || len(alive.Asked()) != 3 {
		t.Errorf("%d queries, %v", c.Queries(), alive.Asked())
	}
	alive.Fault("", "", fixtures.ServFail)
	for _, name := range []string{"x.example", "y.example"} {
		if _, err := c.A(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if len(alive.Asked()) != 5 || len(other.Asked()) != 2 {
		t.Errorf("after SERVFAIL: %v, %v", alive.Asked(), other.Asked())
	}
	only := client(t, dnsq.Config{Resolvers: []string{dead}})
	_, err := only.A(t.Context(), "a.example")
	check(t, "", err, "", "A a.example: connection refused from ADDR", dead)
}

// TestTruncatedWithoutTCP checks that a truncated answer is an error if the TCP port is closed.
func TestTruncatedWithoutTCP(t *testing.T) {
	conn := fixtures.Datagrams(t)
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		reply.Truncated, reply.Answer = true, []dns.RR{rr(t, "a.example A 192.0.2.1")}
		w.WriteMsg(reply)
	})}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go server.ActivateAndServe()
	<-started
	defer server.Shutdown()
	addr := conn.LocalAddr().String()
	c := client(t, dnsq.Config{Resolvers: []string{addr}, Attempts: 1})
	got, err := look(t.Context(), c, "A", "a.example")
	check(t, got, err, "", "A a.example: TCP: connection refused from ADDR", addr)
}

func TestTLS(t *testing.T) {
	s := fixtures.DNS(t, zone)
	addr, roots := s.TLS()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	nobody := fixtures.Nobody(t)
	for _, row := range []struct {
		name   string
		config dnsq.Config
		want   string
		err    string
	}{
		{"known authority", dnsq.Config{Resolvers: []string{"tls://" + addr}, RootCAs: roots}, "192.0.2.9|192.0.2.10", ""},
		{"unknown authority", dnsq.Config{Resolvers: []string{"tls://" + addr}}, "",
			"A a.example: tls: failed to verify certificate: x509: certificate signed by unknown authority from tls://ADDR"},
		{"nobody there", dnsq.Config{Resolvers: []string{"tls://" + nobody}}, "",
			"A a.example: connection refused from tls://" + nobody},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := look(t.Context(), client(t, row.config), "A", "a.example")
			check(t, got, err, row.want, row.err, addr)
		})
	}
	// If localhost is ::1 first, the error names that try too, so this compares a part.
	c := client(t, dnsq.Config{Resolvers: []string{"tls://localhost:" + port}, RootCAs: roots})
	if _, err := c.A(t.Context(), "a.example"); err == nil || !strings.Contains(err.Error(), "not localhost from") {
		t.Errorf("another name: %v", err)
	}
	if asked := s.Asked(); len(asked) != 1 || asked["tcp A a.example"] != 1 {
		t.Errorf("asked %v", asked)
	}
}

// TestHostName checks that a resolver may be a name, and that the client tries each of its addresses.
func TestHostName(t *testing.T) {
	s := fixtures.DNS(t, zone)
	_, port, _ := net.SplitHostPort(s.Addr())
	c := client(t, dnsq.Config{Resolvers: []string{"localhost:" + port}, Attempts: 4})
	if got, err := look(t.Context(), c, "A", "a.example"); got == "" {
		t.Error(err)
	}
}
