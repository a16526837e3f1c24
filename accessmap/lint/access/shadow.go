package access

import (
	"fmt"
	"iter"
	"net/netip"
	"sort"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
)

// clients yields the entries of clients whose prefix is of some kind, with their prefix.
func (l *linter) clients(of func(netip.Prefix) bool) iter.Seq[*textLine] {
	return func(yield func(*textLine) bool) {
		for _, list := range []prefixes.List{l.tagged, l.untagged} {
			for p, number := range list.All() {
				if of(p) && !yield(l.client(p, number)) {
					return
				}
			}
		}
	}
}

func (l *linter) client(p netip.Prefix, number uint32) *textLine {
	line := l.at(int(number))
	line.prefix = p
	return line
}

// last yields the prefixes of a sorted list, each once, with the last line that has it.
func last(list prefixes.List) iter.Seq2[netip.Prefix, uint32] {
	return func(yield func(netip.Prefix, uint32) bool) {
		for i := range list.Len() {
			p, number := list.At(i)
			if i+1 < list.Len() {
				if next, _ := list.At(i + 1); next == p {
					continue
				}
			}
			if !yield(p, number) {
				return
			}
		}
	}
}

// lineOf gives the last line of a sorted list with a prefix, but for one whose key stays hidden; nil: there is none.
func (l *linter) lineOf(list prefixes.List, p netip.Prefix) *textLine {
	first, end := list.Inside(p)
	equal := sort.Search(end-first, func(i int) bool { other, _ := list.At(first + i); return other != p })
	for i := first + equal - 1; i >= first; i-- {
		if line := l.client(p, list.Label(i)); !line.hidden || line.hold == nil && line.takenBy == 0 {
			return line
		}
	}
	return nil
}

// shadowed finds keys that do not decide as their writer expects, because the same key has an entry with Connect: and another
// value, or an untagged key wins over a shorter one (docs/facts.md 3).
func shadowed(l *linter) (found []rule.Finding) {
	if l.tagged.Len() == 0 {
		return nil
	}
	for prefix, number := range last(l.untagged) {
		winner := l.lineOf(l.tagged, prefix)
		if winner == nil {
			found = append(found, l.winsUntagged(prefix, number)...)
		} else if line := l.client(prefix, number); !strings.EqualFold(line.means, winner.means) {
			found = append(found, line.Found(fmt.Sprintf("%s: for clients Sendmail finds line %d first, which has the key with Connect: and the value %s",
				rule.Shown(line.written), winner.Number, rule.Shown(winner.means)), "remove one of the two"))
		}
	}
	return found
}

// redundant finds keys that decide for no address, because the same key has an entry with Connect: and the same value, or longer
// keys cover every address (docs/facts.md 3).
func redundant(l *linter) (found []rule.Finding) {
	all := prefixes.Join(l.tagged, l.untagged)
	for prefix, number := range last(l.untagged) {
		winner := l.lineOf(l.tagged, prefix)
		if winner == nil {
			continue
		}
		if line := l.client(prefix, number); strings.EqualFold(line.means, winner.means) {
			found = append(found, line.Found(fmt.Sprintf("%s: for clients Sendmail finds line %d first, which has the key with Connect: and the same value",
				rule.Shown(line.written), winner.Number), "remove one of the two"))
		}
	}
	for prefix := range last(all) {
		if prefix.Bits() == 0 || !all.FilledByLonger(prefix) {
			continue
		}
		for _, line := range []*textLine{l.lineOf(l.tagged, prefix), l.lineOf(l.untagged, prefix)} {
			if line != nil {
				found = append(found, line.Found(rule.Shown(line.written)+": longer keys cover every address of this key, and win", "remove it, or some of the longer keys"))
			}
		}
	}
	return found
}

// winsUntagged finds a key without a tag that wins over a shorter key with Connect: and the opposite value. If both keys have
// a tag, or neither, the longer key is an exception that its writer wants.
func (l *linter) winsUntagged(prefix netip.Prefix, number uint32) []rule.Finding {
	step := key.Step(prefix)
	for bits := prefix.Bits() - step; bits > 0; bits -= step {
		wider := l.lineOf(l.tagged, netip.PrefixFrom(prefix.Addr(), bits).Masked())
		if wider == nil {
			continue
		}
		line := l.client(prefix, number)
		if line.accepts() && wider.refuses() || line.refuses() && wider.accepts() {
			return []rule.Finding{line.Found(fmt.Sprintf("%s: it is longer than %s on line %d, which has the value %s: it wins although it has no tag",
				rule.Shown(line.written), rule.Shown(wider.written), wider.Number, rule.Shown(wider.means)), "write Connect: before it if you want that, or remove it")}
		}
		return nil
	}
	return nil
}

func (line *textLine) accepts() bool { return line.says(allowlist.OK) || line.says(allowlist.Relay) }

func (line *textLine) refuses() bool {
	return addressValue().MatchString(line.means) && !line.accepts() && !strings.EqualFold(line.means, "SKIP")
}
