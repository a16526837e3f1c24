package spf

import (
	"fmt"

	"mailallow/allowlist/ascii"
)

// Problem names a term or record that is broken, cannot be listed, or will fail at receivers. Its fields are printable
// ASCII of bounded length, whatever the records hold.
type Problem struct {
	Kind   string `json:"kind"`
	Record string `json:"record"` // the domain whose record has the term
	Term   string `json:"term"`   // as written; empty for a problem of the whole record
	Text   string `json:"text"`   // the problem, then its effect
}

// String gives the problem on one line, with its record and term.
func (p Problem) String() string {
	if p.Term == "" {
		return p.Record + ": " + p.Text
	}
	return p.Record + ": " + p.Term + ": " + p.Text
}

// Kinds of problems.
const (
	KindSyntax      = "syntax"       // a term that RFC 7208 section 12 does not allow
	KindMultiple    = "multiple"     // more than one v=spf1 record (section 4.5)
	KindNone        = "none"         // a domain without a policy
	KindTempError   = "temperror"    // a question without an answer
	KindLoop        = "loop"         // an include or redirect that leads back to itself
	KindBadName     = "bad-name"     // macros that do not expand to a domain name
	KindUnlistable  = "unlistable"   // a term that depends on the sender
	KindUncertain   = "uncertain"    // addresses that an earlier unlistable term may stop
	KindMapped      = "mapped"       // IPv4-mapped addresses, which no client has
	KindModifier    = "modifier"     // an unknown modifier that looks like a mechanism with = for :
	KindLimit       = "limit"        // one of Limits
	KindLookupLimit = "lookup-limit" // the receivers' limits (section 4.6.4), which Walk reports and does not apply
	KindVoidLimit   = "void-limit"
	KindMXLimit     = "mx-limit"
)

// Ends reports whether the problem leaves addresses without a result: an error of the policy has such a one for its cause.
func (p Problem) Ends() bool { return EndsPolicy(p.Kind) }

// EndsPolicy is Ends for the kind of a problem.
func EndsPolicy(kind string) bool {
	switch kind {
	case KindSyntax, KindMultiple, KindNone, KindTempError, KindLoop, KindBadName, KindLimit:
		return true
	}
	return false
}

const (
	maxShown    = 200  // bytes of a term or name in a problem or a tree
	maxText     = 500  // bytes of a problem's text
	maxProblems = 1000 // a hostile policy can hold a hundred thousand mistakes
)

// problems collects each problem once.
type problems struct {
	seen       map[Problem]bool // keys have no text
	found      []Problem
	unreported int // problems past maxProblems
}

func (ps *problems) add(kind, record, term, format string, args ...any) {
	key := Problem{Kind: kind, Record: ascii.Printable(record, maxShown), Term: ascii.Printable(term, maxShown)}
	if ps.seen[key] {
		return
	}
	if len(ps.found) == maxProblems {
		ps.unreported++
		return
	}
	ps.seen[key] = true
	key.Text = ascii.Printable(fmt.Sprintf(format, args...), maxText)
	ps.found = append(ps.found, key)
}

func (ps *problems) list() []Problem {
	if ps.unreported == 0 {
		return ps.found
	}
	return append(ps.found, Problem{
		Kind: KindLimit, Record: ps.found[0].Record,
		Text: "more than " + ascii.Count(maxProblems) + " problems: the rest is not shown",
	})
}
