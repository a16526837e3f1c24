package access

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
)

// byTag gives the entries of clients by their prefix, with Connect: and without a tag.
func (l *linter) byTag() (tagged, untagged map[netip.Prefix]*textLine) {
	if l.tagged != nil {
		return l.tagged, l.untagged
	}
	tagged, untagged = map[netip.Prefix]*textLine{}, map[netip.Prefix]*textLine{}
	l.tagged, l.untagged = tagged, untagged
	for _, line := range l.lines {
		if line.form != formEntry || !line.prefix.IsValid() || !line.key.ForClients() {
			continue
		}
		if line.key.Tag == "" {
			untagged[line.prefix] = line
		} else {
			tagged[line.prefix] = line
		}
	}
	return tagged, untagged
}

// shadowed finds keys that do not decide as their writer expects, because the same key has an entry with Connect: and another
// value, or an untagged key wins over a shorter one (docs/facts.md 3).
func shadowed(l *linter) (found []rule.Finding) {
	tagged, untagged := l.byTag()
	for prefix, line := range untagged {
		winner := tagged[prefix]
		if winner == nil {
			found = append(found, winsUntagged(line, tagged)...)
		} else if !strings.EqualFold(line.means, winner.means) {
			found = append(found, line.Found(fmt.Sprintf("%s: for clients Sendmail finds line %d first, which has the key with Connect: and the value %s",
				rule.Shown(line.written), winner.Number, rule.Shown(winner.means)), "remove one of the two"))
		}
	}
	return found
}

// redundant finds keys that decide for no address, because the same key has an entry with Connect: and the same value, or longer
// keys cover every address (docs/facts.md 3).
func redundant(l *linter) (found []rule.Finding) {
	tagged, untagged := l.byTag()
	for prefix, line := range untagged {
		if winner := tagged[prefix]; winner != nil && strings.EqualFold(line.means, winner.means) {
			found = append(found, line.Found(fmt.Sprintf("%s: for clients Sendmail finds line %d first, which has the key with Connect: and the same value",
				rule.Shown(line.written), winner.Number), "remove one of the two"))
		}
	}
	for prefix := range coveredByLonger(tagged, untagged) {
		for _, line := range []*textLine{tagged[prefix], untagged[prefix]} {
			if line != nil {
				found = append(found, line.Found(rule.Shown(line.written)+": longer keys cover every address of this key, and win", "remove it, or some of the longer keys"))
			}
		}
	}
	return found
}

// winsUntagged finds a key without a tag that wins over a shorter key with Connect: and the opposite value. If both keys have
// a tag, or neither, the longer key is an exception that its writer wants.
func winsUntagged(line *textLine, tagged map[netip.Prefix]*textLine) []rule.Finding {
	step := key.Step(line.prefix)
	for bits := line.prefix.Bits() - step; bits > 0; bits -= step {
		wider := tagged[netip.PrefixFrom(line.prefix.Addr(), bits).Masked()]
		if wider == nil {
			continue
		}
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

// coveredByLonger gives the prefixes in which every address has a longer key.
func coveredByLonger(tagged, untagged map[netip.Prefix]*textLine) map[netip.Prefix]bool {
	const longest = 128
	ofLength := make([][]netip.Prefix, longest+1) // both families: a parent has the family of its child
	for p := range tagged {
		ofLength[p.Bits()] = append(ofLength[p.Bits()], p)
	}
	for p := range untagged {
		if tagged[p] == nil {
			ofLength[p.Bits()] = append(ofLength[p.Bits()], p)
		}
	}
	covered := map[netip.Prefix]bool{}
	for bits := longest; bits > 0; bits-- {
		children := map[netip.Prefix]int{}
		for _, p := range ofLength[bits] {
			if step := key.Step(p); bits > step {
				children[netip.PrefixFrom(p.Addr(), bits-step).Masked()]++
			}
		}
		for parent, n := range children {
			if n < 1<<key.Step(parent) {
				continue
			}
			covered[parent] = true
			if tagged[parent] == nil && untagged[parent] == nil {
				ofLength[parent.Bits()] = append(ofLength[parent.Bits()], parent)
			}
		}
	}
	return covered
}
