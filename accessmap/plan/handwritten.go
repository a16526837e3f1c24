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
	"mailallow/allowlist/prefixes"
)

// Problem is a finding about a target's file that a person should read.
type Problem struct {
	Kind string `json:"kind"` // error, excluded, foreign, hand-written, makemap, not-ours, not-read, overlap or unknown
	Line int    `json:"line"` // of the file, from 1; 0: the whole file
	Text string `json:"text"`
}

// handKey is a hand-written key that Sendmail looks up for a client's address.
type handKey struct {
	line   int    // of the file, from 1
	key    string // in lower case, as makemap stores it
	prefix netip.Prefix
	value  string
	tagged bool // it decides before the same key without the tag
	named  bool // it is [192.0.2.7] or [192.0.2], of a client without a name: it decides before any key of the address (docs/facts.md 30)
}

func (h *handKey) String() string {
	return ascii.Printable(h.key, 60) + " " + ascii.Printable(h.value, 60)
}

func (h *handKey) hasValue(a allowlist.Action) bool { return ascii.IsWord(h.value, a.String()) }

// handKeys finds the hand-written address keys with the tag Connect: or without a tag, and the hand-written lines that
// makemap would refuse. Other rulesets look up other tags (docs/facts.md 3).
func handKeys(file block.File) ([]handKey, []makemap.Problem) {
	text := outsideBlock(file)
	var keys []handKey
	for e := range text.All() {
		k := key.Cut(e.Key)
		if !k.ForClients() {
			continue
		}
		address, named := strings.CutPrefix(k.Address, "[")
		if named {
			address, named = strings.CutSuffix(address, "]")
		}
		prefix, ok := key.Parse(address)
		if address+":" == strings.ToLower(key.IPv6) { // the last key that Sendmail looks up for every IPv6 client
			prefix, ok = netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		if ok && named == strings.HasPrefix(k.Address, "[") {
			keys = append(keys, handKey{e.Line, e.Key, prefix, e.Value, k.Tag != "", named})
		}
	}
	return keys, text.Problems
}

// ofAddresses leaves out the keys that are names.
func ofAddresses(handWritten []handKey) (others []handKey) {
	if !slices.ContainsFunc(handWritten, func(h handKey) bool { return h.named }) {
		return handWritten
	}
	for _, h := range handWritten {
		if !h.named {
			others = append(others, h)
		}
	}
	return others
}

// outsideBlock reads the lines outside of the block as makemap does.
func outsideBlock(file block.File) *makemap.Text {
	const markers = 2
	if !file.Found {
		return makemap.ReadText(file.Before)
	}
	return makemap.ReadAround(file.Before, bytes.Count(file.Inside, []byte("\n"))+markers, file.After)
}

// overlaps reports each hand-written key that covers addresses of the list, and which value the server will use. written are
// the generated keys, in address order; omitted are those that a hand-written key replaces. Hand-written keys that let an
// excluded address in come first.
func overlaps(handWritten []handKey, written, omitted []allowlist.Entry, set *allowlist.Set, spans []allowlist.Span) []Problem {
	replaced := map[netip.Prefix]allowlist.Entry{}
	for _, e := range omitted {
		replaced[e.Prefix] = e
	}
	var sorted prefixes.List
	for i, h := range handWritten {
		sorted.Add(h.prefix, uint32(i))
	}
	sorted = sorted.Sorted()
	var excluded, others []Problem
	for i := range handWritten {
		h := &handWritten[i]
		longer := h.longer(handWritten, sorted)
		if first, ok := h.decides(set.Excluded, longer); ok && !h.hasValue(allowlist.Reject) {
			excluded = append(excluded, Problem{Kind: "excluded", Line: h.line,
				Text: fmt.Sprintf("%s covers %s, which is excluded from the list: the hand-written line still decides for it", h, first)})
		}
		e, taken := replaced[h.prefix]
		if taken = taken && !h.named; taken {
			others = append(others, Problem{Kind: "hand-written", Line: h.line,
				Text: fmt.Sprintf("%s is hand-written and stays; our key with %s is not written", h, e.Action)})
		}
		others = append(others, h.overlap(written, longer, spans, taken)...)
	}
	return append(excluded, others...)
}

// longer gives the other hand-written keys that decide within this one, one for each network: those that are longer, and the
// tagged one of the same length. sorted has the number of each as its label.
func (h *handKey) longer(handWritten []handKey, sorted prefixes.List) (longer []allowlist.Entry) {
	first, end := sorted.Inside(h.prefix)
	var last netip.Prefix
	for i := first; i < end; i++ {
		p, number := sorted.At(i)
		other := &handWritten[number]
		if other.named == h.named && p != last && (p != h.prefix || other.tagged && !h.tagged) {
			longer, last = append(longer, allowlist.Entry{Prefix: p}), p
		}
	}
	return longer
}

// decides finds the first network of a list with addresses that the key decides.
func (h *handKey) decides(networks prefixes.List, longer []allowlist.Entry) (first netip.Prefix, ok bool) {
	if first, ok = networks.Overlap(h.prefix); !ok || len(longer) == 0 {
		return first, ok
	}
	others := allowlist.Nest(longer)
	for i, end := networks.Inside(h.prefix); len(remaining(allowlist.Span{From: first.Addr(), To: netipx.PrefixLastIP(first)}, others, 0)) == 0; {
		if i++; i >= end {
			return first, false
		}
		first, _ = networks.At(i)
	}
	return first, true
}

// undecided takes from the spans the addresses that hand-written keys decide: those under a key that is at least as long as
// the prefix of the span.
func undecided(spans []allowlist.Span, handWritten []handKey) (rest []allowlist.Span) {
	var keys []allowlist.Entry
	for i := range handWritten {
		if h := &handWritten[i]; h.meets(spans) { // few of a million
			keys = append(keys, allowlist.Entry{Prefix: h.prefix})
		}
	}
	longest := allowlist.Nest(keys) // the ranges in which each key is the longest
	for _, s := range spans {
		rest = append(rest, remaining(s, longest, s.Prefix().Bits())...)
	}
	return rest
}

// remaining gives the parts of a span that are in none of the others, which are in address order. Others whose prefix is
// shorter than bits do not count.
func remaining(s allowlist.Span, others []allowlist.Span, bits int) (rest []allowlist.Span) {
	i := sort.Search(len(others), func(i int) bool { return !others[i].To.Less(s.From) })
	for ; i < len(others) && !s.To.Less(others[i].From); i++ {
		o := others[i]
		if o.Prefix().Bits() < bits {
			continue
		}
		if s.From.Less(o.From) {
			part := s
			part.To = o.From.Prev()
			rest = append(rest, part)
		}
		if !o.To.Less(s.To) {
			return rest
		}
		s.From = o.To.Next()
	}
	return append(rest, s)
}

// overlap reports where the value of a hand-written key contradicts the list: the spans that the key overrides, and the spans
// whose longer generated keys override it. It says nothing of a span for which a longer hand-written key decides. taken: what
// the key overrides is a key of its own length, which is told already.
func (h *handKey) overlap(written, longer []allowlist.Entry, spans []allowlist.Span, taken bool) []Problem {
	covered := h.within(spans)
	if len(covered) == 0 {
		return nil
	}
	if !h.named { // a name is asked for first, so that no longer key of an address overrides it
		longer = append(longer, h.longerKeys(written)...)
	}
	decided := allowlist.Nest(longer)
	var generated []allowlist.Span
	for _, s := range decided {
		if s.Action() != allowlist.None {
			generated = append(generated, s)
		}
	}
	var loses, wins []allowlist.Span
	for _, s := range covered {
		if h.hasValue(s.Action()) {
			continue
		}
		if !taken && len(remaining(s, decided, 0)) > 0 {
			wins = append(wins, s)
		}
		if rest := remaining(s, generated, 0); len(rest) != 1 || rest[0].From != s.From || rest[0].To != s.To {
			loses = append(loses, s)
		}
	}
	return append(h.problems("%s is hand-written and wins over %s", wins),
		h.problems("%s is hand-written and shorter than our keys with %s: the longer keys win", loses)...)
}

// longerKeys gives the longer generated keys within a hand-written key.
func (h *handKey) longerKeys(written []allowlist.Entry) (longer []allowlist.Entry) {
	first, _ := slices.BinarySearchFunc(written, h.prefix.Addr(), func(e allowlist.Entry, a netip.Addr) int { return e.Prefix.Addr().Compare(a) })
	for _, e := range written[first:] {
		if !h.prefix.Contains(e.Prefix.Addr()) {
			break
		}
		if e.Prefix.Bits() > h.prefix.Bits() {
			longer = append(longer, e)
		}
	}
	return longer
}

// meets reports whether the key covers addresses of the spans.
func (h *handKey) meets(spans []allowlist.Span) bool {
	i := h.firstOf(spans)
	return i < len(spans) && !netipx.PrefixLastIP(h.prefix).Less(spans[i].From)
}

// firstOf gives the number of the first span that does not end before the key.
func (h *handKey) firstOf(spans []allowlist.Span) int {
	return sort.Search(len(spans), func(i int) bool { return !spans[i].To.Less(h.prefix.Addr()) })
}

// within gives the parts of the spans that the key covers.
func (h *handKey) within(spans []allowlist.Span) []allowlist.Span {
	first, last := h.prefix.Addr(), netipx.PrefixLastIP(h.prefix)
	var parts []allowlist.Span
	for i := h.firstOf(spans); i < len(spans) && !last.Less(spans[i].From); i++ {
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

// problems makes at most one problem for each action, in their order of precedence. It names the first entry and counts the
// others.
func (h *handKey) problems(format string, spans []allowlist.Span) (problems []Problem) {
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
		entries := fmt.Sprintf("%s of %s (%s)", a, first.Prefix, ascii.Shown(first.Owners[0].Source, 60))
		if more := len(seen) - 1; more > 0 {
			entries += " and " + ascii.Count(more) + " more"
		}
		problems = append(problems, Problem{Kind: "overlap", Line: h.line, Text: fmt.Sprintf(format, h, entries)})
	}
	return problems
}
