package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist/ascii"
)

// question is one lookup. isName accepts its name.
type question struct {
	kind string // "TXT", "A", "AAAA" or "MX"
	name string
}

func (q question) String() string { return q.kind + " " + ascii.Printable(q.name, maxShown) }

type answer struct {
	texts []string     // TXT
	names []string     // MX, in order of preference
	addrs []netip.Addr // A and AAAA
	err   error        // the answer is unknown
}

func (a answer) void() bool {
	return a.err == nil && len(a.texts) == 0 && len(a.names) == 0 && len(a.addrs) == 0
}

// zone holds every DNS answer about a policy.
type zone struct {
	domain   string // the domain asked
	lim      Limits
	asked    map[question]answer
	skipped  map[question]bool  // questions for addresses of a family that is left out
	policies map[string]*policy // by domain, for every TXT question
	stopped  error              // the context's error, if it ended the gathering early
}

// policy is the SPF policy in the TXT records of a domain.
type policy struct {
	domain string
	text   string // the record, if there is exactly one
	rec    Record
	err    Error // None, PermError or TempError for the whole record
	faults []fault
	missed string // what only looks like the record, if there is none
}

type fault struct{ kind, term, text string }

// gather asks all questions that the evaluation can need, breadth first: one round for each question that depends on an
// earlier answer. It asks also for terms that no address reaches, except those after an "all". It asks in the order of the
// records, so that Limits.Lookups always cuts at the same place.
func gather(ctx context.Context, r Resolver, domain string, lim Limits) *zone {
	z := &zone{domain: domain, lim: lim, asked: map[question]answer{}, skipped: map[question]bool{}, policies: map[string]*policy{}}
	round := z.add(nil, question{"TXT", domain})
	for depth := 0; len(round) > 0; depth++ {
		answers := askAll(ctx, r, round)
		var next []question
		for i, q := range round {
			z.asked[q] = answers[i]
			switch q.kind {
			case "TXT":
				// Only TXT answers lead to TXT questions, so the number of the round is their depth.
				p := readPolicy(q.name, answers[i], lim)
				z.policies[q.name] = p
				next = z.addPolicy(next, p, depth)
			case "MX":
				for _, host := range answers[i].names {
					next = z.addHost(z.addHost(next, v4, host), v6, host)
				}
			}
		}
		if z.stopped = context.Cause(ctx); z.stopped != nil {
			for _, q := range next {
				delete(z.asked, q) // its answer is unknown, not empty
			}
			return z
		}
		round = next
	}
	return z
}

// add appends q to a round unless q was asked before or Limits.Lookups is used up.
func (z *zone) add(round []question, q question) []question {
	if _, known := z.asked[q]; known || len(z.asked) >= z.lim.Lookups {
		return round
	}
	z.asked[q] = answer{} // counts against Limits.Lookups from now on
	return append(round, q)
}

// addHost appends the question for the addresses of a host, unless the family is left out.
func (z *zone) addHost(round []question, family int, host string) []question {
	q := addressQuestion(family, host)
	if family == v4 && z.lim.NoIPv4 || family == v6 && z.lim.NoIPv6 {
		z.skipped[q] = true
		return round
	}
	return z.add(round, q)
}

func (z *zone) addPolicy(round []question, p *policy, depth int) []question {
	for _, i := range p.rec.order {
		t := p.rec.Terms[i]
		if !t.Listable() {
			continue
		}
		for family, name := range z.names(p.domain, t) {
			if name == "" {
				continue
			}
			switch t.Mechanism {
			case Include, Redirect:
				if depth < z.lim.Depth && strings.Contains(name, ".") {
					round = z.add(round, question{"TXT", name})
				}
			case A:
				round = z.addHost(round, family, name)
			case MX:
				round = z.add(round, question{"MX", name})
			case Exists:
				round = z.add(round, question{"A", name})
			}
		}
	}
	return round
}

// names returns the name that t, a listable term in the record of domain, asks about for IPv4 clients and for IPv6
// clients. It is empty if the target does not expand to a domain name.
func (z *zone) names(domain string, t Term) (names [2]string) {
	if t.Target.empty() {
		return [2]string{domain, domain}
	}
	for family := range names {
		if name := t.Target.expand(domain, z.domain, family); isName(name) {
			names[family] = name
		}
	}
	return names
}

// target is a record that an include or redirect leads to, for the addresses in reach.
type target struct {
	name  string // empty if it is not a domain name
	reach set
}

// targets returns the records that t leads the addresses in reach to: one, or one for each family if the name has %{v}.
func (z *zone) targets(domain string, t Term, reach set) []target {
	names := z.names(domain, t)
	if names[v4] == names[v6] {
		return []target{{names[v4], reach}}
	}
	return []target{{names[v4], reach.of(v4)}, {names[v6], reach.of(v6)}}
}

func addressQuestion(family int, name string) question {
	return question{[...]string{v4: "A", v6: "AAAA"}[family], name}
}

// askAll asks all questions at once and returns the answers in the same order. When ctx ends it returns at once; missing
// answers are then errors.
func askAll(ctx context.Context, r Resolver, round []question) []answer {
	type arrival struct {
		index  int
		answer answer
	}
	arrivals := make(chan arrival, len(round)) // late answers must not block their goroutine
	for i, q := range round {
		go func() {
			room(i)
			arrivals <- arrival{i, ask(ctx, r, q)}
		}()
	}
	answers := make([]answer, len(round))
	missing := make([]bool, len(round))
	for i := range missing {
		missing[i] = true
	}
	for range round {
		select {
		case a := <-arrivals:
			answers[a.index], missing[a.index] = a.answer, false
			continue
		case <-ctx.Done():
		}
		break
	}
	for i, m := range missing {
		if m {
			answers[i].err = fmt.Errorf("%s: %w", round[i], context.Cause(ctx))
		}
	}
	return answers
}

// room makes the stack of a goroutine as large as most walks and questions need it, while there is little on it. By itself it grows
// from 2 KiB step by step, and each step goes over the frames of all calls: a tenth of the work of forty walks at once.
//
//go:noinline
func room(i int) byte {
	var stack [3 << 10]byte
	return stack[i%len(stack)]
}

func ask(ctx context.Context, r Resolver, q question) (a answer) {
	switch q.kind {
	case "TXT":
		a.texts, a.err = r.TXT(ctx, q.name)
	case "MX":
		var hosts []string
		hosts, a.err = r.MX(ctx, q.name)
		for _, h := range hosts {
			if h = strings.ToLower(strings.TrimSuffix(h, ".")); isName(h) { // "." is the null MX of RFC 7505
				a.names = append(a.names, h)
			}
		}
	case "A":
		var addrs []netip.Addr
		addrs, a.err = r.A(ctx, q.name)
		for _, addr := range addrs {
			if addr = addr.Unmap(); addr.Is4() {
				a.addrs = append(a.addrs, addr)
			}
		}
	case "AAAA":
		var addrs []netip.Addr
		addrs, a.err = r.AAAA(ctx, q.name)
		for _, addr := range addrs {
			if addr.Is6() {
				a.addrs = append(a.addrs, addr.WithZone(""))
			}
		}
	}
	return a
}

// readPolicy selects the SPF record of a domain (RFC 7208 section 4.5) and parses it.
func readPolicy(domain string, a answer, lim Limits) *policy {
	p := &policy{domain: domain}
	var records []string
	for _, txt := range a.texts {
		if IsRecord(txt) {
			records = append(records, txt)
		}
	}
	switch {
	case a.err != nil:
		p.fail(TempError, KindTempError, "",
			fmt.Sprintf("%v; the policy is unknown", a.err))
	case len(records) == 0:
		p.missed = missed(a.texts)
		p.fail(None, KindNone, "", domain+" has no v=spf1 record, so there is nothing to list"+p.missed)
	case len(records) > 1:
		p.fail(PermError, KindMultiple, "",
			fmt.Sprintf("%d v=spf1 records where one is allowed: receivers use none of them", len(records)))
	case len(records[0]) > lim.RecordBytes:
		p.fail(PermError, KindLimit, "",
			fmt.Sprintf("record of %s bytes: our limit is %s (max_record_bytes), so it was not read",
				ascii.Count(len(records[0])), ascii.Count(lim.RecordBytes)))
	default:
		p.text = records[0]
		p.parse()
	}
	return p
}

func (p *policy) fail(err Error, kind, term, text string) {
	p.err = err
	p.faults = append(p.faults, fault{kind, term, text})
}

func (p *policy) parse() {
	rec, err := Parse(p.text)
	p.rec = rec
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var syntax *SyntaxError
			errors.As(err, &syntax)
			p.fail(PermError, KindSyntax, syntax.Term, syntax.Text+": receivers answer permerror for the whole record")
		}
	}
	for _, t := range rec.Terms {
		name, _, _ := strings.Cut(t.Text, "=")
		switch Mechanism(strings.ToLower(name)) {
		case All, Include, A, MX, PTR, IP4, IP6, Exists:
			if t.Mechanism == Unknown {
				p.faults = append(p.faults, fault{KindModifier, t.Text,
					"an unknown modifier, which receivers ignore: a mechanism has : in place of ="})
			}
		}
	}
}
