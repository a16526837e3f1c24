package plan

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"go4.org/netipx"

	"mailallow/accessmap/block"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
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
	return ascii.Printable(h.key, 60) + " " + ascii.Printable(h.value, 60)
}

func (h handKey) says(a allowlist.Action) bool { return strings.EqualFold(h.value, a.String()) }

// handKeys finds the address keys that people wrote, tagged Connect: or not at
// all; other tags are asked by other rulesets (docs/facts.md 3). What makemap would
// refuse of their lines comes beside it.
func handKeys(m block.File) ([]handKey, []makemap.Problem) {
	text := byHand(m)
	var keys []handKey
	for _, e := range text.Entries {
		k := key.Cut(e.Key)
		if !k.ForClients() {
			continue
		}
		prefix, ok := key.Parse(k.Address)
		if k.Address+":" == strings.ToLower(key.IPv6) { // the last key that is asked of every IPv6 client
			prefix, ok = netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		if ok {
			keys = append(keys, handKey{e.Line, e.Key, prefix, e.Value})
		}
	}
	return keys, text.Problems
}

// byHand reads the lines outside of our block, as makemap does, on the lines where they are.
func byHand(m block.File) *makemap.Text {
	const markers = 2
	if !m.Found {
		return makemap.ReadText(m.Before)
	}
	return makemap.ReadTextAround(m.Before, m.After, bytes.Count(m.Inside, []byte("\n"))+markers)
}

// overlaps tells where hand-written keys and the list speak of the same
// addresses and which of the two the server will follow: keys of ours that are
// left out because a person has them, and keys that say something else. written
// are our keys, in order of address. An excluded address that a hand-written
// line lets in comes first.
func overlaps(hand []handKey, written []allowlist.Entry, left []allowlist.Entry, set *allowlist.Set, spans []allowlist.Span) []Problem {
	leftOut := map[netip.Prefix]allowlist.Entry{}
	for _, e := range left {
		leftOut[e.Prefix] = e
	}
	var excluded, others []Problem
	for _, h := range hand {
		if first, ok := set.Excluded.Overlap(h.prefix); ok && !h.says(allowlist.Reject) {
			excluded = append(excluded, Problem{Kind: "excluded", Line: h.line,
				Text: fmt.Sprintf("%s covers %s, which is excluded from the list: the hand-written line still decides there", h, first)})
		}
		if e, ok := leftOut[h.prefix]; ok {
			others = append(others, Problem{Kind: "hand-written", Line: h.line,
				Text: fmt.Sprintf("%s is hand-written and stays; our key with %s is not written", h, e.Action)})
			continue
		}
		others = append(others, h.overlap(written, spans)...)
	}
	return append(excluded, others...)
}

// leftToUs takes out of spans what hand-written keys decide: a prefix is theirs
// where it is no longer than a key.
func leftToUs(spans []allowlist.Span, hand []handKey) (ours []allowlist.Span) {
	theirs := longestKeys(hand)
	for _, s := range spans {
		for len(theirs) > 0 && theirs[0].To.Less(s.From) {
			theirs = theirs[1:]
		}
		left := true // something of it, to the end
		for _, t := range theirs {
			if s.To.Less(t.From) {
				break
			}
			if t.Prefix().Bits() < s.Prefix().Bits() {
				continue
			}
			if s.From.Less(t.From) {
				before := s
				before.To = t.From.Prev()
				ours = append(ours, before)
			}
			if left = t.To.Less(s.To); !left {
				break
			}
			s.From = t.To.Next()
		}
		if left {
			ours = append(ours, s)
		}
	}
	return ours
}

// longestKeys are the runs of addresses for which each hand-written key is the
// longest, in address order.
func longestKeys(hand []handKey) []allowlist.Span {
	entries := make([]allowlist.Entry, len(hand))
	for i, h := range hand {
		entries[i].Prefix = h.prefix
	}
	return allowlist.Nest(entries)
}

// overlap tells of one key where it contradicts the list: what it wins over, and
// what our longer keys say inside it.
func (h handKey) overlap(written []allowlist.Entry, spans []allowlist.Span) []Problem {
	ours := h.longerKeys(written)
	var loses, wins []allowlist.Span
	for _, s := range h.within(spans) {
		for len(ours) > 0 && ours[0].To.Less(s.From) {
			ours = ours[1:]
		}
		if h.says(s.Action()) {
			continue
		}
		some, all := covered(s, ours)
		if !all {
			wins = append(wins, s)
		}
		if some {
			loses = append(loses, s)
		}
	}
	return append(h.problems("%s is hand-written and wins over %s", wins),
		h.problems("%s is hand-written and shorter than our keys with %s: those win inside it", loses)...)
}

// longerKeys are the addresses of our longer keys in the range of a hand-written
// key, in order.
func (h handKey) longerKeys(written []allowlist.Entry) []allowlist.Span {
	first, _ := slices.BinarySearchFunc(written, h.prefix.Addr(), func(e allowlist.Entry, a netip.Addr) int { return e.Prefix.Addr().Compare(a) })
	var longer []allowlist.Entry
	for _, e := range written[first:] {
		if !h.prefix.Contains(e.Prefix.Addr()) {
			break
		}
		if e.Prefix.Bits() > h.prefix.Bits() {
			longer = append(longer, e)
		}
	}
	return allowlist.Nest(longer)
}

// covered tells whether some of the addresses of a span are in others, and whether
// all are. None of the others, which are in order, ends before it.
func covered(s allowlist.Span, others []allowlist.Span) (some, all bool) {
	for _, o := range others {
		if s.To.Less(o.From) {
			break
		}
		some = true
		if s.From.Less(o.From) {
			return some, false
		}
		if !o.To.Less(s.To) {
			return some, true
		}
		s.From = o.To.Next()
	}
	return some, false
}

// within gives the parts of spans that lie in the range of the key.
func (h handKey) within(spans []allowlist.Span) []allowlist.Span {
	first, last := h.prefix.Addr(), netipx.PrefixLastIP(h.prefix)
	i := sort.Search(len(spans), func(i int) bool { return !spans[i].To.Less(first) })
	var parts []allowlist.Span
	for ; i < len(spans) && !last.Less(spans[i].From); i++ {
		s := spans[i]
		if s.From.Less(first) {
			s.From = first
		}
		if last.Less(s.To) {
			s.To = last
		}
		parts = append(parts, s)
	}
	return parts
}

// problems tells of entries once an action, the one that takes precedence first.
func (h handKey) problems(format string, spans []allowlist.Span) (problems []Problem) {
	for _, a := range []allowlist.Action{allowlist.Reject, allowlist.OK, allowlist.Relay} {
		seen := map[netip.Prefix]bool{}
		var first *allowlist.Entry
		for _, s := range spans {
			if s.Action() != a {
				continue
			}
			if seen[s.Prefix()] = true; first == nil {
				first = s.Entry()
			}
		}
		if first == nil {
			continue
		}
		ours := fmt.Sprintf("%s of %s (%s)", a, first.Prefix, ascii.Printable(first.Owners[0].Source, 60))
		if more := len(seen) - 1; more > 0 {
			ours += fmt.Sprintf(" and %d more", more)
		}
		problems = append(problems, Problem{Kind: "overlap", Line: h.line, Text: fmt.Sprintf(format, h, ours)})
	}
	return problems
}
