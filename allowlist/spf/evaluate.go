package spf

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"go4.org/netipx"

	"mailallow/allowlist/ascii"
)

// outcome holds the addresses that can get each result. After an unlistable term an address can be in several sets;
// without one, the sets are disjoint.
type outcome struct {
	pass   set
	listed set // the part of pass that listable terms pass; it includes all addresses that pass for certain
	miss   set // fail, softfail or neutral, which are the same for an include
	perm   set
	temp   set
}

// certain returns the addresses that can only pass.
func (o outcome) certain() set { return o.pass.minus(o.miss).minus(o.perm).minus(o.temp) }

// fail adds addresses that end in an error.
func (o *outcome) fail(err Error, s set) {
	if err == TempError {
		o.temp = append(o.temp, s...)
	} else {
		o.perm = append(o.perm, s...)
	}
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

// evaluation evaluates the answers in a zone. It evaluates a record only for addresses that reach it, and only once for
// each address, however many paths lead to the record: its visit keeps the results.
//
// The results are right inside loops too. An include of a record that is being evaluated is a loop, and the addresses
// that reach it get permerror in every record above. So they reach no later term, and no record evaluates them again.
// (After an unlistable term they can reach a record again, and get the kept result; the permerror above already makes
// their pass uncertain.) The same is true of the limit of depth.
type evaluation struct {
	ctx      context.Context
	zone     *zone
	visits   map[string]*visit
	problems problems
	steps    int     // left of Limits.Steps
	look     int     // at the context when so many steps are left
	kept     int     // see Limits.Kept
	ending   *ending // nil: it comes to its end
}

// ending is why an evaluation ends early. Nothing is listed then.
type ending struct {
	err  Error
	kind string // of the problem
	text string
}

// visit holds the evaluation of one record so far.
type visit struct {
	policy   *policy
	active   bool // the evaluation is inside this record
	reported bool // the faults of the policy are in problems
	known    set  // addresses evaluated
	out      outcome
	reached  []bool // by term: some address reached it
	matched  []set  // by term: the addresses that it matched; for an include, those that its target lists
}

func newEvaluation(ctx context.Context, z *zone) *evaluation {
	return &evaluation{
		ctx: ctx, zone: z, visits: map[string]*visit{}, problems: problems{seen: map[Problem]bool{}},
		steps: z.lim.Steps, look: z.lim.Steps - stepsBetweenLooks,
	}
}

// stepsBetweenLooks is the number of steps between two looks at the context: some milliseconds.
const stepsBetweenLooks = 1 << 16

// spend counts steps. It reports whether the evaluation goes on.
func (e *evaluation) spend(steps int) bool {
	if e.steps -= steps; e.steps < e.look {
		e.look = e.steps - stepsBetweenLooks
		if err := context.Cause(e.ctx); err != nil {
			e.end(TempError, KindTempError, "%v: the evaluation did not come to its end, and nothing is listed", err)
		}
	}
	return e.ending == nil
}

// keep counts ranges of addresses that the evaluation keeps. It reports whether the evaluation goes on.
func (e *evaluation) keep(ranges int) bool {
	if e.kept += ranges; e.kept > e.zone.lim.Kept {
		e.end(PermError, KindLimit, "it is too entangled: it takes more than %s ranges of addresses in memory, our limit (Kept): none is listed", ascii.Count(e.zone.lim.Kept))
	}
	return e.ending == nil
}

func (e *evaluation) end(err Error, kind, format string, args ...any) {
	e.ending = cmp.Or(e.ending, &ending{err, kind, fmt.Sprintf(format, args...)})
}

// top evaluates the policy of the domain asked, for all addresses. none reports that it has no policy.
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

// record is check_host() for all addresses in reach at once. depth counts the includes and redirects above the record.
func (e *evaluation) record(p *policy, reach set, depth int) outcome {
	v := e.visit(p)
	e.spend(len(reach) + len(v.known) + v.out.size())
	fresh := reach.minus(v.known)
	if len(fresh) > 0 {
		e.keep(2 * len(fresh)) // those that are known, and those that reach the next term
		v.active = true
		out := e.terms(v, fresh, depth)
		v.active = false
		if !e.keep(out.size() - len(fresh)) {
			return outcome{}
		}
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

// term evaluates term i of a record. In its outcome, pass holds the addresses that match, and miss those that do not match
// and that no later term sees. The addresses for the next term stay in rest.
func (e *evaluation) term(v *visit, i int, rest *set, depth int) outcome {
	t := v.policy.rec.Terms[i]
	if !e.spend(1 + len(*rest)/64) {
		*rest = nil
		return outcome{}
	}
	if e.steps < 0 {
		e.problems.add(KindLimit, v.policy.domain, t.Text,
			"our limit of %s steps (Steps) ends here: the policy is too entangled, and addresses that no earlier term matches get permerror",
			ascii.Count(e.zone.lim.Steps))
		return outcome{perm: emptied(rest)}
	}
	if !t.Listable() {
		e.reportUnlistable(v.policy, t)
		return outcome{pass: slices.Clone(*rest)} // each address may match or not, so all stay in rest too
	}
	var got outcome
	switch t.Mechanism {
	case All:
		got.pass = emptied(rest)
	case IP4, IP6:
		e.match(v.policy, t, rest.take(netipx.RangeOfPrefix(t.Prefix)), &got)
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
	e.spend(len(v.matched[i]))
	e.keep(len(got.listed))
	v.matched[i] = normal(append(v.matched[i], got.listed...))
	return got
}

// emptied returns the addresses of s and leaves s empty.
func emptied(s *set) set {
	all := *s
	*s = nil
	return all
}
