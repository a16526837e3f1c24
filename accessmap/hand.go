package accessmap

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"mailallow/allowlist"

	"go4.org/netipx"
)

// Problem is something in a target's file that a person should know of. Line 0
// is the file as a whole.
type Problem struct {
	Kind string `json:"kind"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// handKey is a line that a person wrote and that Sendmail matches with a
// client's address.
type handKey struct {
	line   int
	key    string // as written, folded as makemap does
	prefix netip.Prefix
	value  string
}

func (h handKey) String() string {
	return printable(h.key, 60) + " " + printable(h.value, 60)
}

func (h handKey) says(a allowlist.Action) bool { return strings.EqualFold(h.value, a.String()) }

// handKeys finds the address keys that people wrote, tagged Connect: or not at
// all; other tags are asked by other rulesets (facts.md 3). What makemap would
// refuse of their lines comes beside it.
func handKeys(m managed) ([]handKey, []MapProblem) {
	entries, problems := ReadMapText(m.byHand())
	var keys []handKey
	for _, e := range entries {
		address := strings.TrimPrefix(e.Key, strings.ToLower(connectTag))
		if prefix, ok := parseKey(address); ok {
			keys = append(keys, handKey{e.Line, e.Key, prefix, e.Value})
		}
	}
	return keys, problems
}

// overlaps tells where hand-written keys and the list speak of the same
// addresses and which of the two the server will follow: keys of ours that are
// left out because a person has them, and keys that say something else. An
// excluded address that a hand-written line lets in comes first.
func overlaps(hand []handKey, left []allowlist.Entry, set *allowlist.Set, spans []allowlist.Span) []Problem {
	leftOut := map[netip.Prefix]allowlist.Entry{}
	for _, e := range left {
		leftOut[e.Prefix] = e
	}
	var excluded, others []Problem
	for _, h := range hand {
		if set.Excluded.OverlapsPrefix(h.prefix) && !h.says(allowlist.Reject) {
			excluded = append(excluded, Problem{Kind: "excluded", Line: h.line,
				Text: fmt.Sprintf("%s covers %s, which is excluded from the list: the hand-written line still decides there",
					h, firstWithin(set.Excluded, h.prefix))})
		}
		if e, ok := leftOut[h.prefix]; ok {
			others = append(others, Problem{Kind: "hand-written", Line: h.line,
				Text: fmt.Sprintf("%s is hand-written and stays; our key with %s is not written", h, e.Action)})
			continue
		}
		others = append(others, overlap(h, spans)...)
	}
	return append(excluded, others...)
}

func firstWithin(set *netipx.IPSet, p netip.Prefix) netip.Prefix {
	var b netipx.IPSetBuilder
	b.AddPrefix(p)
	b.Intersect(set)
	common, _ := b.IPSet() // both are valid, so their intersection is
	return common.Prefixes()[0]
}

// overlap tells of one key, once an action that it contradicts.
func overlap(h handKey, spans []allowlist.Span) []Problem {
	last := netipx.PrefixLastIP(h.prefix)
	i := sort.Search(len(spans), func(i int) bool { return !spans[i].To.Less(h.prefix.Addr()) })
	differing := map[*allowlist.Entry]bool{}
	var entries []*allowlist.Entry
	for ; i < len(spans) && !last.Less(spans[i].From); i++ {
		if e := spans[i].Entry; !h.says(e.Action) && !differing[e] {
			differing[e] = true
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b *allowlist.Entry) int { return cmp.Compare(b.Action, a.Action) })
	var problems []Problem
	for len(entries) > 0 {
		e := entries[0]
		n := len(entries)
		if other := slices.IndexFunc(entries, func(o *allowlist.Entry) bool { return o.Action != e.Action }); other > 0 {
			n = other
		}
		problems = append(problems, Problem{Kind: "overlap", Line: h.line, Text: h.against(e, n-1)})
		entries = entries[n:]
	}
	return problems
}

func (h handKey) against(e *allowlist.Entry, more int) string {
	ours := fmt.Sprintf("%s of %s (%s)", e.Action, e.Prefix, printable(e.Owners[0].Source, 60))
	if more > 0 {
		ours += fmt.Sprintf(" and %d more", more)
	}
	if h.prefix.Bits() > e.Prefix.Bits() || h.prefix == e.Prefix {
		return fmt.Sprintf("%s is hand-written and wins over %s", h, ours)
	}
	return fmt.Sprintf("%s is hand-written and wider than %s: the longer key wins, inside ours", h, ours)
}
