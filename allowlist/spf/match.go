package spf

import (
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"
)

// lookup evaluates a, mx or exists for the clients of one family. It moves their addresses from rest to got.
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

// hosts matches the addresses of one host after another, as receivers do: a lookup that fails is an error only for
// addresses that no earlier host matches.
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
		e.spend(4*len(a.addrs) + len(*rest)) // sorting the addresses costs more than one pass
		e.match(p, t, rest.takeAll(networks(a.addrs, t.Bits[family])), got)
	}
}

// match adds addresses that are in a network of ip4, ip6, a or mx to got. IPv4-mapped ones do not match, and no later term sees
// them: see mapped.
func (e *evaluation) match(p *policy, t Term, s set, got *outcome) {
	pass, miss := s.minus(mapped), s.intersect(mapped)
	if len(pass) == 0 && len(miss) > 0 {
		e.problems.add(KindMapped, p.domain, t.Text, "no client has an IPv4-mapped address (RFC 7208 section 5): these match nobody, and are left out")
	}
	got.pass, got.miss = append(got.pass, pass...), append(got.miss, miss...)
}

func networks(addrs []netip.Addr, bits int) set {
	var out []netipx.IPRange
	for _, addr := range addrs {
		out = append(out, netipx.RangeOfPrefix(netip.PrefixFrom(addr, bits)))
	}
	return normal(out)
}

// follow evaluates include and redirect. Addresses that the target record passes match; those that it does not pass stay
// in rest.
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
			"%q has one label and can have no policy: addresses that no earlier term matches get permerror", name)
		return broken
	}
	if depth == e.zone.lim.Depth {
		e.problems.add(KindLimit, p.domain, t.Text,
			"our limit of %d nested records (max_depth) ends here: addresses that no earlier term matches get permerror", e.zone.lim.Depth)
		return broken
	}
	if v := e.visits[name]; v != nil && v.active {
		e.problems.add(KindLoop, p.domain, t.Text,
			"%s leads back to itself: receivers answer permerror for addresses that no earlier term matches", name)
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
			"%s has no v=spf1 record: addresses that no earlier term matches get permerror%s", name, next.missed)
		return broken
	}
	return e.record(next, reach, depth+1)
}

// answer returns the answer to q. Without an answer, because of the DNS, Limits.Lookups or the end of the context, it
// reports a problem of t and returns the error for the addresses that reach t.
func (e *evaluation) answer(p *policy, t Term, q question) (answer, Error) {
	a, asked := e.zone.asked[q]
	err := a.err
	switch {
	case asked && err == nil, !asked && e.zone.skipped[q]:
		return a, OK
	case !asked && e.zone.stopped == nil:
		e.problems.add(KindLimit, p.domain, t.Text,
			"%s was not asked: our limit of %d lookups (max_lookups) is used up, and addresses that no earlier term matches get permerror",
			q, e.zone.lim.Lookups)
		return a, PermError
	case !asked:
		err = e.zone.stopped
	}
	e.problems.add(KindTempError, p.domain, t.Text, "%v; addresses that no earlier term matches get temperror", err)
	return a, TempError
}

// isName reports whether the target of t is a domain name. A term without one matches nothing (sections 4.8 and 5); an
// include or redirect is a permerror.
func (e *evaluation) isName(p *policy, t Term, name string) bool {
	if name != "" {
		return true
	}
	effect := "it never matches"
	if t.Mechanism == Include || t.Mechanism == Redirect {
		effect = "addresses that no earlier term matches get permerror"
	}
	e.problems.add(KindBadName, p.domain, t.Text, "does not expand to a domain name: %s", effect)
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
	text := "the addresses it stops depend on the sender and cannot be listed: addresses that later terms of its record pass are not certain"
	if t.Qualifier == '+' {
		text = "the addresses it passes depend on the sender and cannot be listed: they are left out"
	}
	e.problems.add(KindUnlistable, p.domain, t.Text, "%s", text)
}
