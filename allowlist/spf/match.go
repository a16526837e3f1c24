package spf

import (
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"
)

// lookup evaluates a, mx or exists for the clients of one family. Addresses leave rest for got.
func (e *evaluation) lookup(p *policy, t Term, name string, family int, rest *set, got *outcome) {
	switch t.Mechanism {
	case A:
		e.hosts(p, t, []string{name}, family, rest, got)
	case MX:
		q := question{"MX", name}
		a, err := e.answer(p, t, q)
		if err != OK {
			got.fail(err, rest.take(universe(family)))
			return
		}
		if len(a.names) > maxMX {
			e.problems.add(KindMXLimit, p.domain, t.Text,
				"%s has %d exchanges: receivers allow %d (RFC 7208 section 4.6.4) and answer permerror", q, len(a.names), maxMX)
		}
		e.hosts(p, t, a.names, family, rest, got)
	case Exists:
		a, err := e.answer(p, t, question{"A", name}) // A for IPv6 clients too (section 5.7)
		if err != OK {
			got.fail(err, rest.take(universe(family)))
		} else if len(a.addrs) > 0 {
			got.pass = append(got.pass, rest.take(universe(family))...)
		}
	}
}

// hosts matches the addresses of hosts one host after the other, as receivers do: what cannot be looked up is an error
// only for addresses that no earlier host matched.
func (e *evaluation) hosts(p *policy, t Term, hosts []string, family int, rest *set, got *outcome) {
	for _, host := range hosts {
		if !rest.holds(family) {
			return
		}
		a, err := e.answer(p, t, addressQuestion(family, host))
		if err != OK {
			got.fail(err, rest.take(universe(family)))
			return
		}
		e.steps -= 4*len(a.addrs) + len(*rest) // they are sorted first
		got.match(rest.takeAll(networks(a.addrs, t.Bits[family])))
	}
}

func networks(addrs []netip.Addr, bits int) set {
	var out []netipx.IPRange
	for _, addr := range addrs {
		out = append(out, netipx.RangeOfPrefix(netip.PrefixFrom(addr, bits)))
	}
	return normal(out)
}

// follow evaluates include and redirect: what the other record passes matches; what it does not pass stays in rest.
func (e *evaluation) follow(p *policy, t Term, rest *set, depth int) outcome {
	var got outcome
	for _, to := range e.zone.targets(p.domain, t, *rest) {
		if len(to.reach) > 0 {
			got = got.union(e.target(p, t, to.name, to.reach, depth))
		}
	}
	*rest, got.miss = got.miss, nil
	return got
}

func (e *evaluation) target(p *policy, t Term, name string, reach set, depth int) outcome {
	broken := outcome{perm: slices.Clone(reach)}
	if !e.isName(p, t, name) {
		return broken
	}
	if !strings.Contains(name, ".") {
		e.problems.add(KindNone, p.domain, t.Text,
			"%q has one label and can have no policy: what was not matched before is a permerror", name)
		return broken
	}
	if depth == e.zone.lim.Depth {
		e.problems.add(KindLimit, p.domain, t.Text,
			"our limit of %d nested records (Depth) ends here: what was not matched before is a permerror", e.zone.lim.Depth)
		return broken
	}
	if v := e.visits[name]; v != nil && v.active {
		e.problems.add(KindLoop, p.domain, t.Text,
			"%s is being evaluated already: receivers answer permerror for what comes here unmatched", name)
		return broken
	}
	if _, err := e.answer(p, t, question{"TXT", name}); err != OK {
		var got outcome
		got.fail(err, slices.Clone(reach))
		return got
	}
	next := e.zone.policies[name]
	if next.err == None {
		e.problems.add(KindNone, p.domain, t.Text,
			"%s has no v=spf1 record: what was not matched before is a permerror", name)
		return broken
	}
	return e.record(next, reach, depth+1)
}

// answer returns what is known about q. Where there is no answer, because of the DNS, of Limits.Lookups or because the
// context ended, it reports that for t, and returns the error that the addresses in reach of t get.
func (e *evaluation) answer(p *policy, t Term, q question) (answer, Error) {
	a, asked := e.zone.asked[q]
	err := a.err
	switch {
	case asked && err == nil:
		return a, OK
	case !asked && e.zone.stopped == nil:
		e.problems.add(KindLimit, p.domain, t.Text,
			"%s was not asked: our limit of %d lookups (Lookups) is used up, and what was not matched before is a permerror",
			q, e.zone.lim.Lookups)
		return a, PermError
	case !asked:
		err = e.zone.stopped
	}
	e.problems.add(KindTempError, p.domain, t.Text, "%v; what was not matched before is not known", err)
	return a, TempError
}

// isName reports whether the name that t asks for is one. A term whose name is none matches nothing (sections 4.8, 5);
// of an include or redirect it is a permerror.
func (e *evaluation) isName(p *policy, t Term, name string) bool {
	if name != "" {
		return true
	}
	means := "it never matches"
	if t.Mechanism == Include || t.Mechanism == Redirect {
		means = "what was not matched before is a permerror"
	}
	e.problems.add(KindBadName, p.domain, t.Text, "expands to no domain name: %s", means)
	return false
}

func (e *evaluation) reportFaults(v *visit) {
	if v.reported {
		return
	}
	v.reported = true
	for _, f := range v.policy.faults {
		e.problems.add(f.kind, v.policy.domain, f.term, "%s", f.text)
	}
}

func (e *evaluation) reportUnlistable(p *policy, t Term) {
	text := "what it stops depends on the sender and cannot be listed: what its record passes after it is not certain"
	if t.Qualifier == '+' {
		text = "what it passes depends on the sender and cannot be listed: it is left out"
	}
	e.problems.add(KindUnlistable, p.domain, t.Text, "%s", text)
}
