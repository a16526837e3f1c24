package dnsq_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/spf"
	"mailallow/fixtures"
)

// servers starts n resolvers with the same zone.
func servers(t *testing.T, n int) (all []*fixtures.DNSServer) {
	t.Helper()
	for range n {
		all = append(all, fixtures.DNS(t, zone))
	}
	return all
}

// named puts the addresses of the servers into a text, for ONE, TWO and THREE.
func named(text string, all []*fixtures.DNSServer) string {
	for i, name := range []string{"ONE", "TWO", "THREE"}[:len(all)] {
		text = strings.ReplaceAll(text, name, all[i].Addr())
	}
	return text
}

// rotate changes the order of the records with each reply, as resolvers do.
func rotate() func(*dns.Msg) {
	var replies atomic.Int64
	return func(m *dns.Msg) {
		if len(m.Answer) > 0 {
			n := int(replies.Add(1)) % len(m.Answer)
			m.Answer = append(m.Answer[n:], m.Answer[:n]...)
		}
	}
}

// TestAgree asks two resolvers of which the second, or also the first, behaves in another way.
func TestAgree(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	const (
		addrs = "192.0.2.9|192.0.2.10"
		texts = "|v=spf1 ip4:192.0.2.0/24 -all|with \"quote\", back\\slash, \xc3\xbc and \x00"
		alone = "; only ONE answers, and agree = 2 needs two that do"
	)
	type pair struct{ one, two *fixtures.DNSServer }
	two := func(qtype string, f func(*dns.Msg)) func(*testing.T, pair) {
		return func(_ *testing.T, p pair) { p.two.Rewrite("", qtype, f) }
	}
	fault := func(one, two fixtures.Fault) func(*testing.T, pair) {
		return func(_ *testing.T, p pair) {
			p.one.Fault("", "", one)
			p.two.Fault("", "", two)
		}
	}
	set := func(zone string) func(*testing.T, pair) {
		return func(_ *testing.T, p pair) { p.two.Set(zone) }
	}
	add := func(text string) func(*testing.T, pair) {
		return func(t *testing.T, p pair) {
			record := rr(t, text)
			p.two.Rewrite("", "", func(m *dns.Msg) { m.Answer = append(m.Answer, dns.Copy(record)) })
		}
	}
	for _, row := range []struct {
		name         string
		qtype, owner string
		change       func(*testing.T, pair)
		want, err    string
	}{
		{"nothing special", "A", "a.example", func(*testing.T, pair) {}, addrs, ""},
		{"another order", "A", "a.example", func(_ *testing.T, p pair) {
			p.one.Rewrite("", "", rotate())
			p.two.Rewrite("", "", reverse)
		}, addrs, ""},
		{"another order of texts", "TXT", "t.example", two("", reverse), texts, ""},
		{"another order of exchanges", "MX", "m.example", two("", reverse), "b.example|z.example|a.example", ""},
		{"another TTL", "A", "a.example", two("", func(m *dns.Msg) {
			for _, rr := range m.Answer {
				rr.Header().Ttl += 100
			}
		}), addrs, ""},
		{"other letters of names", "MX", "m.example", two("", func(m *dns.Msg) {
			for _, rr := range m.Answer {
				rr.Header().Name = strings.ToUpper(rr.Header().Name)
				rr.(*dns.MX).Mx = strings.ToUpper(rr.(*dns.MX).Mx)
			}
		}), "b.example|z.example|a.example", ""},
		{"other letters of a text", "TXT", "s.example", func(_ *testing.T, p pair) {
			p.one.Set(`s.example TXT "v=spf1 include:a.example -all"`)
			p.two.Set(`s.example TXT "v=spf1 include:A.example -all"`)
		}, "", `TXT s.example: ONE and TWO do not agree: only ONE has "v=spf1 include:a.example -all"; ` +
			`only TWO has "v=spf1 include:A.example -all"`},
		{"a record twice", "A", "a.example", add("a.example A 192.0.2.10"), addrs, ""},
		{"a text in other strings", "TXT", "t.example", two("", func(m *dns.Msg) {
			for _, rr := range m.Answer {
				if txt := rr.(*dns.TXT); len(txt.Txt) == 2 {
					txt.Txt = []string{strings.Join(txt.Txt, "")}
				}
			}
		}), texts, ""},

		{"one record more", "A", "a.example", add("a.example A 203.0.113.1"), "",
			"A a.example: ONE and TWO do not agree: only TWO has 203.0.113.1"},
		{"one record less", "A", "a.example", two("", func(m *dns.Msg) { m.Answer = m.Answer[:1] }), "",
			"A a.example: ONE and TWO do not agree: only ONE has 192.0.2.10"},
		{"another record", "AAAA", "a.example", two("", func(m *dns.Msg) {
			m.Answer = []dns.RR{rr(t, "a.example AAAA 2001:db8::b"), rr(t, "a.example AAAA 2001:db8::a")}
		}), "", "AAAA a.example: ONE and TWO do not agree: only ONE has ::ffff:192.0.2.1; only TWO has 2001:db8::b"},
		{"another preference", "MX", "m.example", two("", func(m *dns.Msg) { m.Answer[0].(*dns.MX).Preference++ }), "",
			"MX m.example: ONE and TWO do not agree: only ONE has 20 a.example.; only TWO has 21 a.example."},
		{"many records", "A", "none.example", set(`
			none.example A 192.0.2.1
			none.example A 192.0.2.2
			none.example A 192.0.2.3`), "", "A none.example: ONE and TWO do not agree: only TWO has 192.0.2.1 and 2 more"},
		{"a long record", "TXT", "none.example", set(`none.example TXT "v=spf1 \027[31m ` + strings.Repeat("+all ", 40) + `"`), "",
			`TXT none.example: ONE and TWO do not agree: only TWO has "v=spf1 \x1b[31m ` + strings.Repeat("+all ", 16) + "..."},
		{"nothing in place of records", "A", "a.example", fault(0, fixtures.NXDomain), "",
			"A a.example: ONE and TWO do not agree: only ONE has 192.0.2.9 and 1 more"},

		{"NXDOMAIN and no data", "A", "m.example", fault(0, fixtures.NXDomain), "", ""},
		{"an alias to nothing and NXDOMAIN", "A", "void.example", func(_ *testing.T, p pair) { p.two.Set() }, "", ""},
		{"an alias that one resolver follows", "A", "alias.example", fault(0, fixtures.OneLink), addrs, ""},
		{"an alias that no resolver follows", "A", "alias.example", fault(fixtures.OneLink, fixtures.OneLink), addrs, ""},
		{"another alias to the same addresses", "A", "alias.example", set(`
			alias.example CNAME near.example
			near.example A 192.0.2.9
			near.example A 192.0.2.10`), addrs, ""},
		{"another alias to other addresses", "A", "alias.example", set(`
			alias.example CNAME evil.example
			evil.example A 203.0.113.1`), "",
			"A alias.example: ONE and TWO do not agree: only ONE has 192.0.2.9 and 1 more; only TWO has 203.0.113.1"},
		{"a loop of aliases", "A", "loop1.example", func(*testing.T, pair) {}, "",
			"A loop1.example: CNAME loop at loop1.example from ONE, TWO"},

		{"SERVFAIL", "A", "a.example", fault(0, fixtures.ServFail), "", "A a.example: SERVFAIL from TWO" + alone},
		{"REFUSED from the first", "A", "a.example", fault(fixtures.Refused, 0), "",
			"A a.example: REFUSED from ONE; only TWO answers, and agree = 2 needs two that do"},
		{"silence", "A", "a.example", fault(0, fixtures.Drop), "", "A a.example: no answer in 3s from TWO" + alone},
		{"silence about nothing", "A", "m.example", fault(0, fixtures.Drop), "", "A m.example: no answer in 3s from TWO" + alone},
		{"both alike", "A", "a.example", fault(fixtures.ServFail, fixtures.ServFail), "", "A a.example: SERVFAIL from ONE, TWO"},
		{"both unlike", "A", "a.example", fault(fixtures.ServFail, fixtures.Lame), "",
			"A a.example: SERVFAIL from ONE; a referral, not an answer from TWO"},
		{"an alias to SERVFAIL", "A", "alias.example", func(_ *testing.T, p pair) {
			p.two.Fault("alias.example", "", fixtures.OneLink)
			p.two.Fault("alias2.example", "", fixtures.ServFail)
		}, "", "A alias.example: CNAME alias2.example: SERVFAIL from TWO" + alone},
		{"over TCP from one", "A", "a.example", fault(0, fixtures.Truncated|fixtures.OnlyUDP), addrs, ""},
		{"half of the list over UDP", "A", "a.example", fault(0, fixtures.Halved|fixtures.OnlyUDP), addrs, ""},
		{"truncated over TCP", "A", "a.example", fault(0, fixtures.Truncated), "",
			"A a.example: an answer truncated over TCP from TWO" + alone},
	} {
		run(row.name, func(t *testing.T) {
			all := servers(t, 2)
			row.change(t, pair{all[0], all[1]})
			config := dnsq.Config{Agree: 2, Attempts: 1}
			if strings.Contains(row.err, "3s") {
				config.Timeout = hasty
			}
			c := client(t, config, all...)
			got, err := look(t.Context(), c, row.qtype, row.owner)
			if row.qtype == "TXT" {
				parts := strings.Split(got, "|")
				slices.Sort(parts)
				got = strings.Join(parts, "|")
			}
			check(t, got, err, row.want, named(row.err, all), "ADDR")
		})
	}
}

func reverse(m *dns.Msg) { slices.Reverse(m.Answer) }

// TestAgreeRequireAD checks that the flag has to be in both answers.
func TestAgreeRequireAD(t *testing.T) {
	for _, row := range []struct {
		name      string
		validated int
		want, err string
	}{
		{"both", 2, "192.0.2.9|192.0.2.10", ""},
		{"the first", 1, "", "A a.example: an answer not validated by DNSSEC (no AD flag) from TWO; " +
			"only ONE answers, and agree = 2 needs two that do"},
		{"none", 0, "", "A a.example: an answer not validated by DNSSEC (no AD flag) from ONE, TWO"},
	} {
		t.Run(row.name, func(t *testing.T) {
			all := servers(t, 2)
			for _, s := range all[:row.validated] {
				s.Fault("", "", fixtures.Validated)
			}
			got, err := look(t.Context(), client(t, dnsq.Config{Agree: 2, RequireAD: true}, all...), "A", "a.example")
			check(t, got, err, row.want, named(row.err, all), "ADDR")
		})
	}
}

// TestAgreeLag runs while one cache still has the old records: the run in between knows nothing, the next one is fine.
func TestAgreeLag(t *testing.T) {
	const before, after = `p.example TXT "v=spf1 ip4:192.0.2.0/24 -all"`, `p.example TXT "v=spf1 ip4:198.51.100.0/24 -all"`
	all := []*fixtures.DNSServer{fixtures.DNS(t, before), fixtures.DNS(t, before)}
	run := func(want, wantErr string) {
		t.Helper()
		got, err := look(t.Context(), client(t, dnsq.Config{Agree: 2}, all...), "TXT", "p.example")
		check(t, got, err, want, named(wantErr, all), "ADDR")
	}
	run("v=spf1 ip4:192.0.2.0/24 -all", "")
	all[0].Set(after)
	run("", `TXT p.example: ONE and TWO do not agree: only ONE has "v=spf1 ip4:198.51.100.0/24 -all"; `+
		`only TWO has "v=spf1 ip4:192.0.2.0/24 -all"`)
	all[1].Set(after)
	run("v=spf1 ip4:198.51.100.0/24 -all", "")
}

// TestAgreeStandIn checks that a third resolver takes the place of one that fails, that still two must agree, and that
// nobody decides between two that differ.
func TestAgreeStandIn(t *testing.T) {
	t.Parallel()
	run, wait := together(t)
	defer wait()
	const (
		answer = "192.0.2.9|192.0.2.10"
		lies   = fixtures.NXDomain
	)
	for _, row := range []struct {
		name      string
		faults    [3]fixtures.Fault
		attempts  int
		want, err string
		asked     [3]int
	}{
		{"all answer", [3]fixtures.Fault{}, 0, answer, "", [3]int{1, 1, 0}},
		{"the first is silent", [3]fixtures.Fault{fixtures.Drop, 0, 0}, 0, answer, "", [3]int{1, 1, 1}},
		{"the second is silent", [3]fixtures.Fault{0, fixtures.Drop, 0}, 0, answer, "", [3]int{1, 1, 1}},
		{"the second has no answer", [3]fixtures.Fault{0, fixtures.ServFail, 0}, 0, answer, "", [3]int{1, 1, 1}},
		{"one attempt is enough", [3]fixtures.Fault{0, fixtures.ServFail, 0}, 1, answer, "", [3]int{1, 1, 1}},
		{"a lie is not outvoted", [3]fixtures.Fault{0, lies, 0}, 0, "",
			"A a.example: ONE and TWO do not agree: only ONE has 192.0.2.9 and 1 more", [3]int{1, 1, 0}},
		{"a lie after silence", [3]fixtures.Fault{fixtures.Drop, lies, 0}, 0, "",
			"A a.example: TWO and THREE do not agree: only THREE has 192.0.2.9 and 1 more", [3]int{1, 1, 1}},
		{"the stand-in lies", [3]fixtures.Fault{0, fixtures.ServFail, lies}, 0, "",
			"A a.example: ONE and THREE do not agree: only ONE has 192.0.2.9 and 1 more", [3]int{1, 1, 1}},
		{"two are silent", [3]fixtures.Fault{fixtures.Drop, 0, fixtures.Drop}, 0, "",
			"A a.example: no answer in 3s from ONE, THREE; only TWO answers, and agree = 2 needs two that do", [3]int{2, 1, 1}},
		{"all have no answer", [3]fixtures.Fault{fixtures.ServFail, fixtures.ServFail, fixtures.ServFail}, 0, "",
			"A a.example: SERVFAIL from ONE, TWO, THREE", [3]int{2, 2, 2}},
	} {
		run(row.name, func(t *testing.T) {
			all := servers(t, 3)
			for i, s := range all {
				s.Fault("", "", row.faults[i])
			}
			config := dnsq.Config{Agree: 2, Attempts: row.attempts}
			if slices.Contains(row.faults[:], fixtures.Drop) {
				config.Timeout = hasty
			}
			got, err := look(t.Context(), client(t, config, all...), "A", "a.example")
			check(t, got, err, row.want, named(row.err, all), "ADDR")
			var asked [3]int
			for i, s := range all {
				asked[i] = s.Asked()["udp A a.example"]
			}
			if asked != row.asked {
				t.Errorf("asked %v, want %v", asked, row.asked)
			}
		})
	}
}

// TestAgreeDeadResolver checks that only the first question waits for a dead resolver, whether it is the first or the
// second of three, and that a lost answer is asked for again.
func TestAgreeDeadResolver(t *testing.T) {
	t.Parallel()
	for dead := range 2 {
		all := servers(t, 2)
		resolvers := slices.Insert([]string{all[0].Addr(), all[1].Addr()}, dead, fixtures.Nobody(t))
		c := client(t, dnsq.Config{Agree: 2, Resolvers: resolvers})
		for _, name := range []string{"a.example", "m.example", "t.example"} {
			if _, err := c.A(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		if c.Queries() != 7 || len(all[0].Asked()) != 3 || len(all[1].Asked()) != 3 {
			t.Errorf("%d queries, %v, %v", c.Queries(), all[0].Asked(), all[1].Asked())
		}
	}
	all := servers(t, 2)
	all[1].Weather(func(_ string, n int) fixtures.Conditions {
		if n == 1 {
			return fixtures.Conditions{Fault: fixtures.Drop}
		}
		return fixtures.Conditions{}
	})
	c := client(t, dnsq.Config{Agree: 2, Timeout: hasty}, all...)
	got, err := look(t.Context(), c, "A", "a.example")
	check(t, got, err, "192.0.2.9|192.0.2.10", "", "ADDR")
	if c.Queries() != 3 {
		t.Errorf("%d queries, want one from the first resolver and two from the second", c.Queries())
	}
}

// TestAgreeRounds walks a policy with a chain and a fan of includes. Each question arrives at both resolvers before
// either answers, so the walk has as many rounds as with one resolver. Each resolver gets the questions that a single
// one gets, each once.
func TestAgreeRounds(t *testing.T) {
	const chain, fan = 5, 6
	policy := ""
	for i := range chain {
		policy += fmt.Sprintf("c%d.example TXT \"v=spf1 include:c%d.example -all\"\n", i, i+1)
	}
	policy += fmt.Sprintf("c%d.example TXT \"v=spf1 a:alias.example", chain)
	for i := range fan {
		policy += fmt.Sprintf(" include:f%d.example", i)
	}
	policy += " -all\"\nalias.example CNAME a.example\na.example A 192.0.2.1\n"
	for i := range fan {
		policy += fmt.Sprintf("f%d.example TXT \"v=spf1 ip4:198.51.100.%d -all\"\n", i, i)
	}
	single := fixtures.DNS(t, policy)
	one := client(t, dnsq.Config{}, single)
	want := spf.Walk(t.Context(), one, "c0.example", spf.DefaultLimits())
	if want.Error != "" || want.Pass.Prefixes() == nil {
		t.Fatal(want.Error, want.Problems)
	}

	all := []*fixtures.DNSServer{fixtures.DNS(t, policy), fixtures.DNS(t, policy)}
	type gate struct {
		arrived <-chan struct{}
		release func()
	}
	hold := func(name, qtype string) (gates []gate) {
		for _, s := range all {
			arrived, release := s.Hold(name, qtype)
			gates = append(gates, gate{arrived, release})
		}
		return gates
	}
	var rounds [][]gate
	for i := range chain + 1 {
		rounds = append(rounds, hold(fmt.Sprintf("c%d.example", i), "TXT"))
	}
	last := append(hold("alias.example", "A"), hold("alias.example", "AAAA")...)
	for i := range fan {
		last = append(last, hold(fmt.Sprintf("f%d.example", i), "TXT")...)
	}
	rounds = append(rounds, last)

	two := client(t, dnsq.Config{Agree: 2}, all...)
	var got spf.Result
	var wait sync.WaitGroup
	wait.Go(func() { got = spf.Walk(t.Context(), two, "c0.example", spf.DefaultLimits()) })
	for _, gates := range rounds {
		for _, g := range gates {
			select {
			case <-g.arrived:
			case <-time.After(patient / 2):
				t.Fatal("a question waits for the answer to another one of its round")
			}
		}
		for _, g := range gates {
			g.release()
		}
	}
	wait.Wait()
	if got.Error != "" || !got.Pass.Equal(want.Pass) {
		t.Errorf("%s %v, want %v", got.Error, got.Problems, want.Pass.Prefixes())
	}
	for _, s := range all {
		if diff := cmp.Diff(single.Asked(), s.Asked()); diff != "" {
			t.Error(diff)
		}
	}
	if two.Queries() != 2*one.Queries() || got.Queries != want.Queries {
		t.Errorf("%d queries and %d look-ups, with one resolver %d and %d", two.Queries(), got.Queries, one.Queries(), want.Queries)
	}
}

// TestAgreeEachQuestionOnce checks that all callers share one lookup, also of the alias that several names have, and that
// one slot is enough for the queries to both resolvers.
func TestAgreeEachQuestionOnce(t *testing.T) {
	all := servers(t, 2)
	for _, s := range all {
		s.Fault("", "", fixtures.OneLink)
		s.Fault("m.example", "", fixtures.ServFail)
	}
	c := client(t, dnsq.Config{Agree: 2, Concurrency: 1}, all...)
	var wait sync.WaitGroup
	for _, name := range []string{"alias.example", "alias2.example", "a.example", "ALIAS.example", "m.example"} {
		for range 4 {
			wait.Go(func() { look(t.Context(), c, "A", name) })
		}
	}
	wait.Wait()
	want := map[string]int{"udp A alias.example": 1, "udp A alias2.example": 1, "udp A a.example": 1, "udp A m.example": 3}
	for _, s := range all {
		if diff := cmp.Diff(want, s.Asked()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestAgreeCancel checks that the end of a context ends the wait for both resolvers, and that the client does not keep
// the error.
func TestAgreeCancel(t *testing.T) {
	all := servers(t, 2)
	arrived, release := all[1].Hold("a.example", "A")
	c := client(t, dnsq.Config{Agree: 2}, all...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.A(ctx, "a.example")
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	got, err := look(t.Context(), c, "A", "a.example")
	check(t, got, err, "192.0.2.9|192.0.2.10", "", "ADDR")
}

// TestAgreeApart checks that the clients of Apart give the answer of one resolver each, as a look-up in a DNSBL needs.
func TestAgreeApart(t *testing.T) {
	all := servers(t, 2)
	all[1].Fault("a.example", "", fixtures.NXDomain)
	clients := client(t, dnsq.Config{Agree: 2}, all...).Apart()
	for i, want := range []string{"192.0.2.9|192.0.2.10", ""} {
		got, err := look(t.Context(), clients[i], "A", "a.example")
		check(t, got, err, want, "", "ADDR")
	}
}

func TestTooFewResolvers(t *testing.T) {
	const few = "needs two resolvers, and Resolvers gives only 127.0.0.1:53: name another that shares no cache with it"
	for _, row := range []struct {
		name   string
		config dnsq.Config
		err    string
	}{
		{"two", dnsq.Config{Resolvers: []string{"127.0.0.1", "127.0.0.2"}, Agree: 2}, ""},
		{"two ports", dnsq.Config{Resolvers: []string{"127.0.0.1", "127.0.0.1:5353"}, Agree: 2}, ""},
		{"one is enough", dnsq.Config{Resolvers: []string{"127.0.0.1"}, Agree: 1}, ""},
		{"one", dnsq.Config{Resolvers: []string{"127.0.0.1"}, Agree: 2}, "agree = 2 " + few},
		{"one in three notations", dnsq.Config{Resolvers: []string{"127.0.0.1", "127.0.0.1:053", "::ffff:127.0.0.1"}, Agree: 2},
			"agree = 2 " + few},
		{"one name", dnsq.Config{Resolvers: []string{"tls://Dns.example", "tls://dns.example.:853"}, Agree: 2, Origin: "--resolver", AgreeAt: "c.toml:4"},
			"c.toml:4: agree = 2 needs two resolvers, and --resolver gives only tls://Dns.example:853: name another that shares no cache with it"},
		{"three that agree", dnsq.Config{Resolvers: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, Agree: 3}, "agree = 3 is not between 1 and 2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := dnsq.New(row.config)
			check(t, "", err, "", row.err, "ADDR")
			if _, few := errors.AsType[*dnsq.TooFewError](err); few != strings.Contains(row.err, "needs two") {
				t.Errorf("%T", err)
			}
		})
	}
	// A resolver that is written twice is one, so the third takes part.
	all := servers(t, 2)
	c := client(t, dnsq.Config{Agree: 2, Resolvers: []string{all[0].Addr()}}, all...)
	if _, err := c.A(t.Context(), "a.example"); err != nil {
		t.Error(err)
	}
	for _, s := range all {
		if diff := cmp.Diff(map[string]int{"udp A a.example": 1}, s.Asked()); diff != "" {
			t.Error(diff)
		}
	}
}
