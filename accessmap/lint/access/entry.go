package access

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// entryWork holds the faults of one entry and the keys to write instead of its key.
type entryWork struct {
	*textLine
	ofIndent, ofTag []rule.Finding // without the fix of the line
	keyRule         rule.Rule
	keyFault        *address.Fault
	valueRule       rule.Rule
	valueFault      *valueFault

	keys  []string // nil: the key stays
	doubt string   // why the keys are not certain; empty: no such reason
}

// entries checks the parts of every entry. Those with a fault get the keys to write, and then each is reported with one fix.
func (l *linter) entries() {
	faulty := l.checkEntries()
	if len(faulty) == 0 && !l.marked {
		return
	}
	l.takeKeys()
	l.expandAll(faulty)
	for _, w := range faulty {
		l.reportEntry(w)
	}
}

// checkEntries gives the entries with a fault, and notes the keys of clients.
func (l *linter) checkEntries() (faulty []*entryWork) {
	for line := range l.each {
		if line.form != formEntry {
			continue
		}
		w := l.checkParts(line)
		line.hold = l.holds(&w)
		if line.prefix.IsValid() && line.key.ForClients() {
			clients := &l.tagged
			if line.key.Tag == "" {
				clients = &l.untagged
			}
			clients.Add(line.prefix, uint32(line.Number))
		}
		if w.ofIndent != nil || w.ofTag != nil || w.keyFault != nil || w.valueFault != nil {
			w.textLine = l.keep(line)
			faulty = append(faulty, new(w))
		}
	}
	l.tagged, l.untagged = l.tagged.Sorted(), l.untagged.Sorted()
	return faulty
}

// checkParts runs the checks of the parts of an entry. Of its name and of its value the first fault counts.
func (l *linter) checkParts(line *textLine) entryWork {
	w := entryWork{textLine: line}
	line.prefix, w.keyRule, w.keyFault = address.Read(line.key, l.CF)
	line.senders = l.matchesSenders(line)
	w.ofIndent = l.Find(func(c *checks) []rule.Finding { return c.indent.Of(line) })
	w.ofTag = l.Find(func(c *checks) []rule.Finding { return c.tag.Of(line) })
	isAddress := line.prefix.IsValid() || w.keyFault != nil
	value := entryValue{Key: line.key, onAddress: isAddress, text: strings.Trim(line.value, " \t\r\v\f"), cf: l.CF}
	for _, r := range l.Table {
		if r.Checks.name != nil && !isAddress && w.keyFault == nil {
			w.keyRule, w.keyFault = r.Rule, r.Checks.name(l, line)
		}
		if r.Checks.value != nil && w.valueFault == nil {
			w.valueRule, w.valueFault = r.Rule, r.Checks.value(value)
		}
	}
	return w
}

// matchesSenders reports whether the key also matches sender domains: under delay_checks Sendmail looks up an untagged IPv4
// key for a domain that ends in it (docs/facts.md 3).
func (l *linter) matchesSenders(line *textLine) bool {
	return l.CF != nil && l.CF.DelayChecks && line.key.Tag == "" && line.prefix.IsValid() && line.prefix.Addr().Is4() &&
		(line.says(allowlist.OK) || line.says(allowlist.Relay))
}

// canonical gives keys that Sendmail looks up for the same client one form: Connect:1.2.3 and 1.2.3 (docs/facts.md 3).
func canonical(k key.Key) string {
	if k.Tag == "" {
		k.Tag = "connect"
	}
	return k.Tag + ":" + k.Address
}

// takeKeys notes the keys of the file that match. Of two with one canonical form it notes the one that Sendmail finds first. An
// entry with a hidden key that can be corrected has its key, too, unless another line has that already.
func (l *linter) takeKeys() {
	l.taken = newIndex(len(l.begins), func(number int, text string) bool { return canonical(l.at(number).key) == text })
	var hidden []*textLine
	for line := range l.each {
		if line.managed && line.folded != "" {
			l.taken.put(canonical(line.key), line.Number)
		}
	}
	for line := range l.each {
		if line.form != formEntry {
			continue
		}
		if p, _, _ := address.Read(line.key, l.CF); !p.IsValid() {
			continue
		}
		if line.hidden {
			hidden = append(hidden, l.keep(line))
			continue
		}
		if key := canonical(line.key); line.key.Tag != "" {
			l.taken.put(key, line.Number)
		} else {
			l.taken.add(key, line.Number)
		}
	}
	for _, line := range hidden {
		if line.hold == nil {
			line.takenBy = cmp.Or(l.taken.add(canonical(line.key), line.Number), line.takenBy)
		}
	}
}

// takenKey gives the line that has a key, or gets it.
func (l *linter) takenKey(canonical string) (taken takenKey, ok bool) {
	if taken, ok = l.claimed[canonical]; ok {
		return taken, true
	}
	number, _ := l.taken.find(canonical)
	if number == 0 {
		return takenKey{}, false
	}
	return takenKey{number, l.at(number).means, -1}, true
}

// says reports whether the value is an action. Sendmail ignores the case of letters (tried).
func (line *textLine) says(a allowlist.Action) bool {
	return strings.EqualFold(line.means, a.String())
}

// expandAll finds the keys to write instead of those that never match. A line that has a key keeps it. Of two networks the
// longer one gets its keys first, because its keys would win.
func (l *linter) expandAll(work []*entryWork) {
	var broken []*entryWork
	for _, w := range work {
		switch {
		case w.keyFault != nil && w.keyFault.Meant != nil:
			broken = append(broken, w)
		case w.senders:
			if taken, _ := l.takenKey(canonical(w.key)); taken.line == w.Number {
				w.keys = []string{key.Text(w.key, w.prefix)}
			} else {
				w.doubt = fmt.Sprintf("line %d has the key with Connect: already", taken.line)
			}
		}
	}
	longest := func(w *entryWork) int {
		return slices.MaxFunc(w.keyFault.Meant, func(a, b netip.Prefix) int { return cmp.Compare(a.Bits(), b.Bits()) }).Bits()
	}
	sort.SliceStable(broken, func(i, j int) bool { return longest(broken[i]) > longest(broken[j]) })
	for _, w := range broken {
		l.expand(w)
	}
}

// expand finds the keys for the networks that one key means.
func (l *linter) expand(w *entryWork) {
	all := 0
	for _, p := range w.keyFault.Meant {
		_, count := key.Of(p)
		all += count
	}
	if all > l.keysLeft {
		w.doubt = fmt.Sprintf("it would take %s keys: name the network in mailallow's configuration, or make it narrower", ascii.Count(all))
		return
	}
	l.keysLeft -= all
	w.keys = []string{}
	claimed := map[string]takenKey{}
	other, equal := 0, w.disputed // lines that have a key with another value: for any network, for the same network
	for _, p := range w.keyFault.Meant {
		first, count := key.Of(p)
		for i := range count {
			text := key.Text(w.key, key.Nth(first, i))
			folded := ascii.Lower(text)
			if taken, known := l.takenKey(folded); !known {
				claimed[folded] = takenKey{w.Number, w.means, p.Bits()}
				w.keys = append(w.keys, text)
			} else if !strings.EqualFold(taken.value, w.means) {
				if other = taken.line; taken.bits == p.Bits() {
					equal = taken.line
				}
			}
		}
	}
	if equal == 0 && len(w.keys) == 0 {
		equal = other
	}
	switch {
	case equal > 0:
		w.doubt = fmt.Sprintf("line %d has another value for the same addresses", equal)
	case w.keyCertain() && w.valueCertain():
		maps.Copy(l.claimed, claimed)
	}
}

// keyCertain reports whether the meaning of the key is known and can be written.
func (w *entryWork) keyCertain() bool {
	return !(w.gap && w.key.Address == "") && w.doubt == "" && w.hold == nil && (w.keyFault == nil || w.keyFault.Certain)
}

// valueCertain reports whether the meaning of the value is known.
func (w *entryWork) valueCertain() bool { return w.valueFault == nil || w.valueFault.value != "" }

// reportEntry reports the faults of an entry, and corrects it if that is certain. All findings have the corrected line as
// their fix.
func (l *linter) reportEntry(w *entryWork) {
	if w.takenBy > 0 {
		w.doubt = fmt.Sprintf("line %d has that key already", w.takenBy)
	}
	isEntry := w.keyFault != nil || w.valueFault != nil || w.key.Tag != "" || w.prefix.IsValid() // else an indented line may be any text
	certain := w.keyCertain() && w.valueCertain() && isEntry
	proposal := w.proposal()
	if certain {
		w.Set(proposal...)
	}
	for _, f := range w.faults(proposal) {
		f.Line, f.Certain = w.Number, certain
		f.Text = rule.Shown(w.written) + ": " + f.Text
		if w.hold != nil {
			f.Text += "; " + w.hold.why
		}
		switch {
		case w.hold != nil && w.doubt == "":
			f.Fix = w.advise(proposal)
		case certain || f.Fix == "":
			f.Fix = rule.FixOf(proposal)
		}
		l.Findings = append(l.Findings, f)
	}
}

// faults gives a finding for each fault, in the order of the parts of the entry, with the advice for that part as its fix.
func (w *entryWork) faults(proposal []string) []rule.Finding {
	found := slices.Concat(w.ofIndent, w.ofTag)
	for i := range found {
		found[i].Fix = cmp.Or(w.doubt, found[i].Fix)
	}
	if f := w.keyFault; f != nil {
		text, advice := f.Text, f.Advice
		switch n := len(w.keys); {
		case n > 1:
			text += "; it takes " + ascii.Count(n) + " keys"
		case n == 0 && w.keys != nil && w.doubt == "":
			text += "; other lines have its keys already"
		}
		if w.doubt != "" {
			text, advice = text+"; "+w.doubt, cmp.Or(advice, "correct one of the lines by hand")
		}
		if len(w.keys) > 0 && advice != "" {
			advice += "\n" + strings.Join(proposal, "\n")
		}
		found = append(found, w.keyRule.Own(rule.Finding{Text: text, Fix: advice}))
	}
	if v := w.valueFault; v != nil {
		advice := v.Advice
		if v.likely != "" {
			advice = "if " + v.likely + " is meant, write\n" + strings.Join(proposal, "\n")
		}
		found = append(found, w.valueRule.Own(rule.Finding{Text: v.Text, Fix: advice}))
	}
	return found
}

// proposal gives the lines that should replace the entry, as far as their meaning is known. It proposes OK for a held RELAY.
func (w *entryWork) proposal() (text []string) {
	value, keys, separator := strings.TrimRight(w.value, "\r"), w.keys, "\t"
	switch {
	case w.valueFault == nil:
	case w.valueFault.value != "":
		value = w.valueFault.value
		if w.valueFault.comment != "" {
			text = append(text, w.valueFault.comment)
		}
	case w.valueFault.likely != "":
		value = w.valueFault.likely
	}
	if w.hold != nil {
		value = allowlist.OK.String()
	}
	if keys == nil {
		keys, separator = []string{w.written}, w.separator
	}
	for _, key := range keys {
		text = append(text, key+separator+value)
	}
	return text
}
