package lint

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
)

// shadowed finds the keys that decide for no address: the same one stands under Connect:, or longer ones stand for
// everything under it (docs/facts.md 3).
func shadowed(l *accessLinter) (found []Finding) {
	tagged, untagged := map[netip.Prefix]*accessLine{}, map[netip.Prefix]*accessLine{}
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
	for prefix, line := range untagged {
		if winner := tagged[prefix]; winner != nil {
			says := "says the same"
			if !strings.EqualFold(line.means, winner.means) {
				says = "says " + shown(winner.means)
			}
			found = append(found, line.found(fmt.Sprintf("%s: for clients line %d is found first, which has the key with Connect: and %s",
				shown(line.written), winner.number, says), "remove one of the two"))
		}
	}
	for prefix, line := range untagged {
		if tagged[prefix] == nil {
			found = append(found, winsUntagged(line, tagged)...)
		}
	}
	for prefix := range coveredByLonger(tagged, untagged) {
		for _, line := range []*accessLine{tagged[prefix], untagged[prefix]} {
			if line != nil {
				found = append(found, line.found(shown(line.written)+": longer keys stand for every address of it, and win", "remove it, or some of those"))
			}
		}
	}
	return found
}

// winsUntagged tells of a key without a tag that wins over a shorter one with Connect: and says the opposite. Of two keys
// with a tag, or without one, the longer is taken for the exception that it is.
func winsUntagged(line *accessLine, tagged map[netip.Prefix]*accessLine) []Finding {
	step := key.Step(line.prefix)
	for bits := line.prefix.Bits() - step; bits > 0; bits -= step {
		wider := tagged[netip.PrefixFrom(line.prefix.Addr(), bits).Masked()]
		if wider == nil {
			continue
		}
		if line.accepts() && wider.refuses() || line.refuses() && wider.accepts() {
			return []Finding{line.found(fmt.Sprintf("%s: it is longer than %s on line %d, which says %s: without a tag it wins all the same",
				shown(line.written), shown(wider.written), wider.number, shown(wider.means)), "write Connect: before it if that is meant, or remove it")}
		}
		return nil
	}
	return nil
}

func (line *accessLine) accepts() bool { return line.says(allowlist.OK) || line.says(allowlist.Relay) }

func (line *accessLine) refuses() bool {
	return addressValue().MatchString(line.means) && !line.accepts() && !strings.EqualFold(line.means, "SKIP")
}

// coveredByLonger are the prefixes whose every address has a longer key.
func coveredByLonger(tagged, untagged map[netip.Prefix]*accessLine) map[netip.Prefix]bool {
	const longest = 128
	ofLength := make([][]netip.Prefix, longest+1) // of both families: what is above a prefix tells them apart
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
