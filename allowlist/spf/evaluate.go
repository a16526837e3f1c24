package spf

import (
	"slices"

	"go4.org/netipx"
)

// outcome says which addresses can get which result. Without unlistable terms the sets are disjoint; with them, an
// address can be in several.
type outcome struct {
	pass   set
	listed set // of pass, what some listable term passes; all that passes for certain is among it
	miss   set // fail, softfail, neutral: for an include it is all one
	perm   set
	temp   set
}

// certain returns the addresses that can do nothing but pass.
func (o outcome) certain() set { return o.pass.minus(o.miss).minus(o.perm).minus(o.temp) }

// fail adds addresses that end in an error.
func (o *outcome) fail(err Error, s set) {
	if err == TempError {
		o.temp = append(o.temp, s...)
	} else {
		o.perm = append(o.perm, s...)
	}
}

// match adds addresses that are in a network of ip4, ip6, a or mx. IPv4-mapped ones match nothing, and go no further.
func (o *outcome) match(s set) {
	o.pass = append(o.pass, s.minus(mapped)...)
	o.miss = append(o.miss, s.intersect(mapped)...)
}

func (o outcome) union(p outcome) outcome {
	return outcome{
		union(o.pass, p.pass), union(o.listed, p.listed), union(o.miss, p.miss), union(o.perm, p.perm), union(o.temp, p.temp),
	}
}

func (o outcome) within(s set) outcome {
	return outcome{
		o.pass.intersect(s), o.listed.intersect(s), o.miss.intersect(s), o.perm.intersect(s), o.temp.intersect(s),
	}
}

// size is the number of ranges in all sets.
func (o outcome) size() int {
	return len(o.pass) + len(o.listed) + len(o.miss) + len(o.perm) + len(o.temp)
}

// evaluation works out what the answers in a zone mean. Every record is evaluated only for the addresses that really
// come to it, and only once for each address, whatever the number of paths that lead there: known addresses are
// answered from its visit.
//
// That memory is right inside loops too. A record met again while it is being evaluated is a loop for the addresses
// that came with it; those end in permerror all the way up, and so come to no other term that could ask for them again.
// (Behind an unlistable term they can come again, and find what is known of them; being permerror at the top already,
// they pass for certain neither way.) The same holds for the limit of depth.
type evaluation struct {
	zone     *zone
	visits   map[string]*visit
	problems problems
	steps    int // left of Limits.Steps
}

// visit is what is known about the evaluation of one record.
type visit struct {
	policy   *policy
	active   bool
	reported bool // the policy's faults are
	known    set  // addresses evaluated
	out      outcome
	reached  []bool // by term: some address came to it
	matched  []set  // by term, what it matches of what came to it; of an include, what its target lists
}

func newEvaluation(z *zone, lim Limits) *evaluation {
	return &evaluation{
		zone: z, visits: map[string]*visit{}, problems: problems{seen: map[Problem]bool{}}, steps: lim.Steps,
	}
}

// top evaluates the policy of the domain asked for all addresses.
func (e *evaluation) top() (out outcome, none bool) {
	p := e.zone.policies[e.zone.domain]
	if p.err == None {
		e.reportFaults(e.visit(p))
		return outcome{}, true
	}
	return e.record(p, everything(), 0), false
}

func (e *evaluation) visit(p *policy) *visit {
	v := e.visits[p.domain]
	if v == nil {
		v = &visit{policy: p, reached: make([]bool, len(p.rec.Terms)), matched: make([]set, len(p.rec.Terms))}
		e.visits[p.domain] = v
	}
	return v
}

// record is check_host() for all addresses in reach at once. Depth counts the includes and redirects that led here.
func (e *evaluation) record(p *policy, reach set, depth int) outcome {
	v := e.visit(p)
	e.steps -= len(reach) + len(v.known) + v.out.size()
	fresh := reach.minus(v.known)
	if len(fresh) > 0 {
		v.active = true
		out := e.terms(v, fresh, depth)
		v.active = false
		v.known = union(v.known, fresh)
		v.out = v.out.union(out)
	}
	return v.out.within(reach)
}

func (e *evaluation) terms(v *visit, reach set, depth int) outcome {
	p := v.policy
	e.reportFaults(v)
	switch p.err {
	case PermError:
		return outcome{perm: reach}
	case TempError:
		return outcome{temp: reach}
	}
	var out outcome
	rest := slices.Clone(reach)
	for _, i := range p.rec.order {
		if len(rest) == 0 {
			break
		}
		v.reached[i] = true
		got := e.term(v, i, &rest, depth)
		out.perm = append(out.perm, got.perm...)
		out.temp = append(out.temp, got.temp...)
		out.miss = append(out.miss, got.miss...)
		if p.rec.Terms[i].Qualifier == '+' {
			out.pass = append(out.pass, got.pass...)
			out.listed = append(out.listed, got.listed...)
		} else {
			out.miss = append(out.miss, got.pass...)
		}
	}
	out.miss = append(out.miss, rest...) // the default is neutral (section 4.7)
	return outcome{normal(out.pass), normal(out.listed), normal(out.miss), normal(out.perm), normal(out.temp)}
}

// term evaluates term i of a record. In what it returns, pass stands for "matches", and miss for what matches nothing and
// goes no further; rest is left with the addresses that can go on to the next term.
func (e *evaluation) term(v *visit, i int, rest *set, depth int) outcome {
	t := v.policy.rec.Terms[i]
	if e.steps -= 1 + len(*rest)/64; e.steps < 0 {
		e.problems.add(KindLimit, v.policy.domain, t.Text,
			"our limit of %d steps (Steps) ends here: the policy is too entangled, and what was not matched before is a permerror",
			e.zone.lim.Steps)
		return outcome{perm: emptied(rest)}
	}
	if !t.Listable() {
		e.reportUnlistable(v.policy, t)
		return outcome{pass: slices.Clone(*rest)} // and all can miss: rest stays as it is
	}
	var got outcome
	switch t.Mechanism {
	case All:
		got.pass = emptied(rest)
	case IP4, IP6:
		got.match(rest.take(netipx.RangeOfPrefix(t.Prefix)))
	case A, MX, Exists:
		for family, name := range e.zone.names(v.policy.domain, t) {
			if rest.holds(family) && e.isName(v.policy, t, name) {
				e.lookup(v.policy, t, name, family, rest, &got)
			}
		}
	case Include, Redirect:
		got = e.follow(v.policy, t, rest, depth)
	}
	if t.Mechanism != Include && t.Mechanism != Redirect {
		got.listed = got.pass
	}
	e.steps -= len(v.matched[i])
	v.matched[i] = normal(append(v.matched[i], got.listed...))
	return got
}

// emptied returns what was in s and leaves s empty.
func emptied(s *set) set {
	all := *s
	*s = nil
	return all
}
