// Package spf turns an SPF policy (RFC 7208) into the exact set of networks that it passes.
//
// Parse reads one record. Walk follows a policy through its includes and redirects and asks a Resolver. It gives the
// addresses that pass for certain, the terms that pass them, and every problem on the way. It evaluates terms from left
// to right with all four qualifiers, for all addresses at once, because a policy is a set and not a list of tokens
// (docs/facts.md 14).
//
// The package knows no DNS library, no files and no mail server. It does not check a sender: Walk reports terms that
// depend on one (ptr, and macros of the client, the local part or the HELO name) and never lists their addresses.
package spf

import (
	"context"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// Resolver answers DNS questions. An empty answer with a nil error means that the name or its records of this type do not
// exist. An error means that the answer is unknown (docs/facts.md 16); its text names the question. Names are in lower
// case, without a trailing dot and without escapes; macros can put spaces and any visible ASCII character into them. A
// Resolver follows CNAMEs. Walk asks many questions at once, so a Resolver bounds the number of queries on their way.
type Resolver interface {
	// TXT returns one string for every TXT record, its character-strings joined with no separator.
	TXT(ctx context.Context, name string) ([]string, error)
	A(ctx context.Context, name string) ([]netip.Addr, error)
	AAAA(ctx context.Context, name string) ([]netip.Addr, error)
	// MX returns the names of the exchanges in order of preference.
	MX(ctx context.Context, name string) ([]string, error)
}

// Limits bound one walk. They are not the receivers' limits. What is past a limit is a permerror, and a problem of kind
// "limit" that names it, by its key in the configuration if it has one. A field that is zero or less means its default.
type Limits struct {
	Lookups     int // distinct questions (name and type)
	Depth       int // includes and redirects between the domain asked and a record
	RecordBytes int // length of the text of one record
	Ranges      int // prefixes that pass
	Steps       int // address ranges that the evaluation touches; bounds the time that a hostile zone can take
	Kept        int // address ranges that the evaluation keeps, of 48 bytes; bounds the memory
	// NoIPv4 and NoIPv6 leave out the questions for addresses of the family: the hosts of a and mx have none. What the policy
	// passes by ip4, ip6 and all stays.
	NoIPv4, NoIPv6 bool
}

// DefaultLimits are far above any honest policy: receivers allow 10 lookups, a DNS message holds 64 KiB, a policy of
// ten thousand terms takes about two million steps and keeps fifty thousand ranges, and the longest one in use passes some
// hundred prefixes.
func DefaultLimits() Limits {
	return Limits{Lookups: 500, Depth: 50, RecordBytes: 256 << 10, Ranges: 120_000, Steps: 10_000_000, Kept: 2_000_000}
}

func (l Limits) orDefault() Limits {
	def := DefaultLimits()
	for _, f := range []struct{ value, def *int }{
		{&l.Lookups, &def.Lookups}, {&l.Depth, &def.Depth}, {&l.RecordBytes, &def.RecordBytes}, {&l.Ranges, &def.Ranges},
		{&l.Steps, &def.Steps}, {&l.Kept, &def.Kept},
	} {
		if *f.value <= 0 {
			*f.value = *f.def
		}
	}
	return l
}

// Result is the result of a walk.
type Result struct {
	Domain   string        // in lower case, without a trailing dot; as given if it is not a domain name
	Error    Error         // the error that some addresses, or all, get
	Pass     *netipx.IPSet // the addresses that pass for certain; never nil
	Ranges   []Range       // Pass, divided by the term that passes; disjoint, in the order of evaluation
	Problems []Problem     // each once, in the order of evaluation
	Queries  int           // distinct questions asked
}

// Broken reports whether the error of the policy is its owner's: a permerror, and no limit of this walk. Pass then has what
// the policy passes before the error.
func (r Result) Broken() bool {
	return r.Error == PermError && !slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Kind == KindLimit })
}

// Error is the error result of an evaluation, as RFC 7208 section 2.6 names it. With PermError and TempError some
// addresses get the error, and all addresses in Pass still pass. If there are both, Error is TempError.
type Error string

// The errors of a policy.
const (
	OK        Error = ""
	None      Error = "none"
	PermError Error = "permerror"
	TempError Error = "temperror"
)

// Range is the part of Pass that one term passes.
type Range struct {
	Prefixes []netip.Prefix // the fewest, sorted, IPv4 first
	// Path has the domain asked, then each term as written, down to the term that passes. Ranges share its steps.
	Path *provenance.Path
}

// Walk lists the policy of domain. It first asks all questions in rounds: each round asks every question that is known so
// far, and Walk asks no question twice. Then it evaluates the answers without r, so that equal answers give an equal
// Result whatever their timing. When ctx ends, Walk returns at once: a missing answer is a temperror, and so is a policy
// whose evaluation takes longer, with nothing in Pass.
func Walk(ctx context.Context, r Resolver, domain string, lim Limits) Result {
	res, _ := walked(ctx, r, domain, lim)
	return res
}

// Draw is Walk, and gives the records of the policy as well.
func Draw(ctx context.Context, r Resolver, domain string, lim Limits) (Result, *Node) {
	res, e := walked(ctx, r, domain, lim)
	if e == nil {
		return res, &Node{Domain: res.Problems[0].Record, Error: None, Problems: res.Problems}
	}
	return res, e.tree(res.Problems, res.Error)
}

// walked gives no evaluation for what is not a domain name.
func walked(ctx context.Context, r Resolver, domain string, lim Limits) (Result, *evaluation) {
	room(len(domain))
	name, reason := checkDomain(domain)
	if reason != "" {
		p := Problem{KindNone, ascii.Printable(domain, maxShown), "", reason}
		return Result{Domain: domain, Error: None, Pass: set(nil).ipset(), Problems: []Problem{p}}, nil
	}
	return gather(ctx, r, name, lim.orDefault()).list(ctx)
}

// list evaluates the answers.
func (z *zone) list(ctx context.Context) (Result, *evaluation) {
	e := newEvaluation(ctx, z)
	out, none := e.top()
	pass := out.certain()
	res := Result{Domain: z.domain, Queries: len(z.asked)}
	ranges := e.ranges(e.attribute(out.listed), pass)
	if early := e.ending; early != nil {
		e.problems.add(early.kind, z.domain, "", "%s", early.text)
		out, pass, ranges = outcome{}, nil, nil
		out.fail(early.err, everything())
	}
	res.Pass, res.Ranges = pass.ipset(), ranges
	e.reportReceiverLimits()
	res.Problems = e.problems.list()
	switch {
	case none:
		res.Error = None
	case len(out.temp) > 0:
		res.Error = TempError
	case len(out.perm) > 0:
		res.Error = PermError
	}
	return res, e
}
