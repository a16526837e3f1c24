// Package spf turns an SPF policy (RFC 7208) into the exact set of networks it passes.
//
// Parse reads one record. Walk follows a policy through its includes and redirects, asking a Resolver, and answers with
// the addresses that certainly pass, the terms that passed them, and everything that stood in the way. The result is set
// algebra over all addresses, left to right with all four qualifiers, not a collection of tokens (docs/facts.md 14).
//
// The package knows no DNS library, no files and no mail server. It judges no sender: what depends on one (ptr, and
// macros of the client, the local part or the HELO name) is reported and never listed.
package spf

import (
	"context"
	"net/netip"

	"go4.org/netipx"

	"mailallow/allowlist/ascii"
)

// Resolver answers DNS questions. An empty answer with a nil error means that nothing is there (NXDOMAIN, or a name
// without that type); any error means "don't know" (docs/facts.md 16), and its text names the question. Names are lower case,
// without a trailing dot and without escapes; macros can put any visible ASCII character and spaces into them. CNAMEs
// are the Resolver's business, and so is bounding how many questions are under way: Walk asks all that it can ask at
// once.
type Resolver interface {
	// TXT returns one string for every TXT record, its character-strings joined with no separator.
	TXT(ctx context.Context, name string) ([]string, error)
	A(ctx context.Context, name string) ([]netip.Addr, error)
	AAAA(ctx context.Context, name string) ([]netip.Addr, error)
	// MX returns the names of the exchanges in order of preference.
	MX(ctx context.Context, name string) ([]string, error)
}

// Limits bound one walk. They are ours, not the receivers': exceeding one is a permerror there, and a problem of kind
// "limit" that names it. A field that is zero or less means its default.
type Limits struct {
	Lookups     int // distinct questions (name and type)
	Depth       int // includes and redirects between the domain asked and a record
	RecordBytes int // length of one record's text
	Steps       int // work of the evaluation, in address ranges touched; bounds the time hostile zones can take
}

// DefaultLimits are far above any honest policy: receivers allow 10 lookups, a DNS message holds 64 KiB, and a policy of
// ten thousand terms takes some two million steps.
func DefaultLimits() Limits {
	return Limits{Lookups: 500, Depth: 50, RecordBytes: 256 << 10, Steps: 10_000_000}
}

func (l Limits) orDefault() Limits {
	def := DefaultLimits()
	for _, f := range []struct{ have, def *int }{
		{&l.Lookups, &def.Lookups}, {&l.Depth, &def.Depth}, {&l.RecordBytes, &def.RecordBytes}, {&l.Steps, &def.Steps},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	return l
}

// Result is what a walk found.
type Result struct {
	Domain   string        // lower case, without a trailing dot; as given when it is no domain name
	Error    Error         // how the policy ends for some addresses at least
	Pass     *netipx.IPSet // the addresses that pass for certain; never nil
	Ranges   []Range       // Pass again, by the term that passes; disjoint, in the order of evaluation
	Problems []Problem     // in the order met, each once
	Queries  int           // distinct questions asked
	Tree     *Node         // the policy as walked; never nil
}

// Error is the error result of an evaluation, as RFC 7208 section 2.6 names it. With PermError and TempError the walk
// went wrong for some addresses only, and what Pass holds is still right; where both happen, TempError is shown.
type Error string

// The errors of a policy.
const (
	OK        Error = ""
	None      Error = "none"
	PermError Error = "permerror"
	TempError Error = "temperror"
)

// Range is what one term contributes to Pass.
type Range struct {
	Prefixes []netip.Prefix // the fewest, sorted, IPv4 first
	Path     []string       // the domain asked, then each term as written, down to the one that passed
}

// Walk lists the policy of domain. Everything is asked first, in rounds: all questions known at a time go to r at once,
// each question once. What the answers mean is then worked out without r, so that equal answers give an equal Result
// whatever their timing. When ctx ends, Walk returns at once, with a temperror where an answer is missing.
func Walk(ctx context.Context, r Resolver, domain string, lim Limits) Result {
	name, why := checkDomain(domain)
	if why != "" {
		p := Problem{KindNone, ascii.Printable(domain, maxShown), "", why}
		return Result{
			Domain: domain, Error: None, Pass: set(nil).ipset(), Problems: []Problem{p},
			Tree: &Node{Domain: p.Record, Error: None, Problems: []Problem{p}},
		}
	}
	lim = lim.orDefault()
	z := gather(ctx, r, name, lim)
	e := newEvaluation(z, lim)
	out, none := e.top()
	pass := out.certain()
	res := Result{Domain: name, Pass: pass.ipset(), Queries: len(z.asked)}
	res.Ranges = e.ranges(e.attribute(out.listed), pass)
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
	res.Tree = e.tree(res.Problems, res.Error)
	return res
}
