package lint

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// entryWork is what is to be done to one entry.
type entryWork struct {
	*accessLine
	value *valueFault
	keys  []string // in place of the key; nil: it stays
	told  string   // why the keys are not certain after all
}

// examine looks at every entry: its key, then its value, then what both together make of the line.
func (l *accessLinter) examine() {
	skip := skipUnknown
	if l.CF != nil {
		if skip = skipError; l.CF.AccessSkip {
			skip = skipKnown
		}
	}
	var work, gaps []*entryWork
	for _, line := range l.lines {
		if !line.entry {
			continue
		}
		isAddress := l.readKey(line)
		onAddress := isAddress || line.fault != nil
		w := entryWork{accessLine: line, value: readValue(line.key, onAddress, line.value, skip)}
		if line.fault != nil || w.value != nil || line.indent || line.gap || l.matchesSenders(&w) {
			work = append(work, &w)
		}
		if line.gap && isAddress {
			gaps = append(gaps, &w)
		}
		line.matches = isAddress && line.fault == nil && !line.gap
	}
	if len(work) == 0 {
		return
	}
	l.takeKeys()
	for _, w := range gaps {
		key := canonical(w.key)
		if taken, known := l.taken[key]; known {
			w.refused = taken.line
		} else {
			l.taken[key] = takenKey{w.number, w.means, -1}
		}
	}
	l.expandAll(work)
	for _, w := range work {
		if w.refused > 0 {
			w.told = fmt.Sprintf("line %d has that key already", w.refused)
		}
		l.tell(w)
	}
}

// takeKeys notes the keys that stand in the file and match; of those for one question the one that is found first.
func (l *accessLinter) takeKeys() {
	for _, line := range l.lines {
		if line.ours && line.folded != "" {
			l.taken[canonical(key.Cut(line.folded))] = takenKey{line.number, line.value, -1}
		}
	}
	for _, line := range l.lines {
		if key := canonical(line.key); line.matches {
			if _, known := l.taken[key]; !known || line.key.Tag != "" {
				l.taken[key] = takenKey{line.number, line.means, -1}
			}
		}
	}
}

// readKey finds the prefix of a key, or its fault; ok tells that it is an address.
func (l *accessLinter) readKey(line *accessLine) (ok bool) {
	prefix, ok, fault := readAddress(line.key.Address)
	switch {
	case line.key.AsksAddresses():
	case strings.HasPrefix(line.key.Address, "*."): // of no use under any tag
	case fault != nil && fault.rule == "cidr" && slices.Contains([]string{"from", "to", "spam", "tls_rcpt"}, line.key.Tag):
		fault.certain, fault.meant = false, nil
		fault.text = "no network is looked up under this tag, only a person's address, a domain or a user: this key never matches"
		fault.advice = "for the addresses of clients write Connect: keys"
	default:
		return false
	}
	if fault != nil && fault.rule == "ipv6-form" && fault.meant != nil && strings.Contains(line.key.Address, "::") {
		switch {
		case l.CF == nil:
			fault.text += " (unless UseCompressedIPv6Addresses is on)"
		case l.CF.CompressedIPv6:
			fault = nil // that is how this Sendmail looks up
		}
	}
	line.prefix, line.fault = prefix, fault
	return ok
}

// matchesSenders: with delay_checks an untagged IPv4 key also matches a sender domain that ends like it (docs/facts.md 3).
func (l *accessLinter) matchesSenders(w *entryWork) bool {
	return l.CF != nil && l.CF.DelayChecks && w.key.Tag == "" && w.prefix.IsValid() && w.prefix.Addr().Is4() &&
		(w.says(allowlist.OK) || w.says(allowlist.Relay))
}

// says reports whether the value is an action; letters are folded (tried).
func (line *accessLine) says(a allowlist.Action) bool {
	return strings.EqualFold(line.means, a.String())
}

// expandAll finds the keys in the place of those that never match. A key that stands in the file stays its owner's; of
// two networks the longer one has its keys first, as it would win.
func (l *accessLinter) expandAll(work []*entryWork) {
	var broken []*entryWork
	for _, w := range work {
		switch {
		case w.fault != nil && w.fault.meant != nil:
			broken = append(broken, w)
		case w.fault == nil && l.matchesSenders(w):
			if taken := l.taken[canonical(w.key)]; taken.line == w.number {
				w.keys = []string{key.Text(w.key, w.prefix)}
			} else {
				w.told = fmt.Sprintf("line %d has the key with Connect: already", taken.line)
			}
		}
	}
	longest := func(w *entryWork) int {
		return slices.MaxFunc(w.fault.meant, func(a, b netip.Prefix) int { return cmp.Compare(a.Bits(), b.Bits()) }).Bits()
	}
	slices.SortStableFunc(broken, func(a, b *entryWork) int { return cmp.Compare(longest(b), longest(a)) })
	for _, w := range broken {
		l.expand(w)
	}
}

func (l *accessLinter) expand(w *entryWork) {
	all := 0
	for _, p := range w.fault.meant {
		_, count := key.Of(p)
		all += count
	}
	if all > l.keysLeft {
		w.told = fmt.Sprintf("%d keys would be needed: name the network in mailallow's configuration, or make it narrower", all)
		return
	}
	l.keysLeft -= all
	w.keys = []string{}
	claimed := map[string]takenKey{}
	other, equal := 0, w.disputed // lines that have a key already and say something else: of any network, of the very same one
	for _, p := range w.fault.meant {
		first, count := key.Of(p)
		for i := range count {
			text := key.Text(w.key, key.Nth(first, i))
			folded := ascii.Lower(text)
			if taken, known := l.taken[folded]; !known {
				claimed[folded] = takenKey{w.number, w.means, p.Bits()}
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
		w.told = fmt.Sprintf("line %d says something else of the same addresses", equal)
	case w.keyCertain() && w.valueCertain():
		maps.Copy(l.taken, claimed)
	}
}

// keyCertain tells that what the key means is known, and can be written.
func (w *entryWork) keyCertain() bool {
	return !(w.gap && w.key.Address == "") && w.told == "" && (w.fault == nil || w.fault.certain)
}

// valueCertain tells that the value is known, or what it means.
func (w *entryWork) valueCertain() bool { return w.value == nil || w.value.value != "" }

// tell tells what is wrong with an entry and puts right what is certain. All findings on a line have one fix: the line
// as a whole.
func (l *accessLinter) tell(w *entryWork) {
	wanted := w.fault != nil || w.value != nil || w.key.Tag != "" || w.prefix.IsValid() // else an indented line may be anything
	certain := w.keyCertain() && w.valueCertain() && wanted
	proposal := w.proposal()
	if certain {
		w.set(proposal...)
	}
	add := func(rule, text, advice string) {
		f := Finding{Line: w.number, Rule: rule, Text: text, Fix: advice, Certain: certain}
		if certain || advice == "" {
			f.Fix = fixOf(proposal)
		}
		l.findings = append(l.findings, f)
	}
	name := shown(w.written) + ": "
	if w.indent {
		add("leading-blank", name+"a line that begins with a blank: makemap refuses it", "remove the blanks before it")
	}
	if w.gap {
		add("blank-in-key", name+"a blank behind the tag: makemap takes the tag alone for the key, and nobody looks that up",
			cmp.Or(w.told, "write the key right behind the tag"))
	}
	if f := w.fault; f != nil {
		text, advice := name+f.text, f.advice
		switch n := len(w.keys); {
		case n > 1:
			text += fmt.Sprintf("; %d keys say it", n)
		case n == 0 && w.keys != nil && w.told == "":
			text += "; other lines have its keys already"
		}
		if w.told != "" {
			text, advice = text+"; "+w.told, cmp.Or(advice, "correct one of the lines by hand")
		}
		if len(w.keys) > 0 && advice != "" {
			advice += "\n" + strings.Join(proposal, "\n")
		}
		add(f.rule, text+l.sharedNote(w), advice)
	} else if l.matchesSenders(w) {
		add("sender-domain", name+"without Connect: this also matches a forged sender domain that ends in "+w.key.Address+
			", under delay_checks, and lets any client in", w.told)
	}
	if v := w.value; v != nil && v.likely != "" {
		add(v.rule, name+v.text, "if "+v.likely+" is meant, write\n"+strings.Join(proposal, "\n"))
	} else if v != nil {
		add(v.rule, name+v.text, v.advice)
	}
}

// proposal is the entry as it should stand, as far as that is known.
func (w *entryWork) proposal() (text []string) {
	value, keys, separator := strings.TrimRight(w.accessLine.value, "\r"), w.keys, "\t"
	switch {
	case w.value == nil:
	case w.value.value != "":
		value = w.value.value
		text = append(text, w.value.comment)
	case w.value.likely != "":
		value = w.value.likely
	}
	if keys == nil {
		keys, separator = []string{w.written}, w.separator
	}
	for _, key := range keys {
		text = append(text, key+separator+value)
	}
	return text
}

// sharedNote says what RELAY would do if the keys of a network were written.
func (l *accessLinter) sharedNote(w *entryWork) string {
	if l.Shared == nil || !w.key.ForClients() || !w.says(allowlist.Relay) {
		return ""
	}
	for _, p := range w.fault.meant {
		if title := l.Shared(p); title != "" {
			return "; it holds hosts of " + title + ": RELAY lets each of their customers relay through this server, OK does not"
		}
	}
	return ""
}

// sharedRelay finds RELAY on hosts that send for many customers.
func (l *accessLinter) sharedRelay() {
	if l.Shared == nil {
		return
	}
	told := map[string]int{}
	folded := map[string]int{} // index of the finding for all the others
	for _, line := range l.lines {
		if line.ours || !line.entry || !line.prefix.IsValid() || !line.key.ForClients() ||
			!line.says(allowlist.Relay) {
			continue
		}
		title := l.Shared(line.prefix)
		if title == "" {
			continue
		}
		told[title]++
		switch n := told[title]; {
		case n <= maxShared:
			l.add(line.number, "shared-relay", shown(line.written)+": it holds hosts of "+title+
				": RELAY lets each of their customers relay through this server, OK only lets their mail in", line.written+line.separator+allowlist.OK.String())
		case n == maxShared+1:
			folded[title] = len(l.findings)
			l.add(line.number, "shared-relay", "", "write OK in the place of RELAY")
			fallthrough
		default:
			l.findings[folded[title]].Text = fmt.Sprintf("from here on %d more lines have RELAY on hosts of %s", n-maxShared, title)
		}
	}
}
