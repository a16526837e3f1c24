package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/allowlist/ascii"
)

func hostBits(_ *cidrLinter, s string) *addressFault {
	p, ok := readPattern(s)
	if !ok {
		return nil
	}
	return &addressFault{partFault: partFault{"bits of the host are set: Postfix skips the line", "if the network is meant, write"},
		meant: []netip.Prefix{p.Masked()}}
}

// noPattern finds anything else that Postfix cannot read.
func noPattern(l *cidrLinter, s string) *addressFault {
	f, isKey := l.meantBy(s)
	if isKey {
		return nil
	}
	f.text = "no address or network that Postfix can read: it skips the line"
	return f
}

func accessSyntax(l *cidrLinter, s string) *addressFault {
	f, isKey := l.meantBy(s)
	if !isKey {
		return nil
	}
	f.text = "that is a key for Sendmail's access map: Postfix skips the line"
	return f
}

// meantBy finds the networks that are meant by what is no pattern, and whether it is a key of an access map.
func (l *cidrLinter) meantBy(s string) (f *addressFault, isKey bool) {
	f = &addressFault{partFault: partFault{advice: "write an address, or a network as 192.0.2.0/24 or 2001:db8::/32"}}
	k := key.Cut(strings.TrimRight(s, ","))
	plain, hasFamily := strings.CutPrefix(k.Address, family)
	isKey = k.Tag != "" || hasFamily
	if p, err := netip.ParsePrefix(plain); err == nil {
		f.meant, f.certain = []netip.Prefix{p.Masked()}, p == p.Masked()
	} else if addr, err := netip.ParseAddr(plain); err == nil && addr.Zone() == "" {
		f.meant, f.certain = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, true
	} else if p, _, problem := l.readAddress(key.Key{Address: k.Address}, nil); p.IsValid() {
		f.meant, f.certain, isKey = []netip.Prefix{p}, true, true
	} else if problem != nil {
		f.meant, f.certain = problem.meant, problem.certain
	}
	return f, isKey
}

// indentedNetwork puts an entry that begins with a blank into the first column, if it may stand there.
func indentedNetwork(l *cidrLinter, line *cidrLine) []Finding {
	if line.alone {
		return []Finding{line.found("a line that begins with a blank and has none above it to continue: Postfix skips it", "remove the blanks before it")}
	}
	if !line.indent {
		return nil
	}
	text := "a line that begins with a blank: Postfix takes it for more of the line above"
	if line.above != nil {
		text += fmt.Sprintf(", line %d, and never for an entry", line.above.number)
	}
	if p, ok := readPattern(line.pattern); ok && p == p.Masked() {
		if later := l.contradicted(line, []netip.Prefix{p}); later > 0 {
			line.stays = true
			return []Finding{line.found(text, belongsBehind(later)+"\n"+line.logical)}
		}
	}
	return []Finding{line.fixed(text, line.logical)}
}

// conditions finds an endif that closes nothing, and opens and closes the others.
func conditions(l *cidrLinter, line *cidrLine) []Finding {
	switch {
	case line.word == "if":
		l.open = append(l.open, line)
	case line.word == "endif" && len(l.open) == 0:
		return []Finding{line.found("endif without an if: Postfix skips it", "remove it, or write the if")}
	case line.word == "endif":
		l.open = l.open[:len(l.open)-1]
		if line.pattern != "" {
			return []Finding{line.fixed("there is something behind endif: Postfix skips the line", "endif")}
		}
	}
	return nil
}

func openConditions(l *cidrLinter) (found []Finding) {
	for _, open := range l.open {
		found = append(found, open.found("this if has no endif: Postfix goes on as if it ended with the file", "write endif behind its last line"))
	}
	return found
}

func networkWithoutValue(_ *cidrLinter, line *cidrLine) []Finding {
	if line.value != "" {
		return nil
	}
	return []Finding{line.found(shown(line.pattern)+": a network without a value: Postfix skips the line", "write permit or REJECT behind it")}
}

func blankBeforeSlash(_ *cidrLinter, line *cidrLine) []Finding {
	if line.value == "" || line.hasValue() {
		return nil
	}
	return []Finding{line.found(shown(line.logical)+": a blank before the slash: the pattern is one address, and the rest its value", "write the network without a blank")}
}

// confused are words of other programs; any other word may be a restriction class.
var confused = ascii.Pattern(`(?i)^(RELAY|SKIP|ALLOW|ALLOWED|ACCEPT|PASS|DENY|BLOCK|DROP|WHITELIST|BLACKLIST|ALLOWLIST|DENYLIST|YES|NO|TRUE|FALSE|ON|OFF|FRIEND|HATER)$`)

// tableValue finds values that the table's reader does not know.
func tableValue(l *cidrLinter, line *cidrLine) []Finding {
	if !line.hasValue() {
		return nil
	}
	word, _, _ := strings.Cut(line.value, " ")
	word, _, _ = strings.Cut(word, "\t")
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) })
	}
	name := shown(line.pattern) + " " + shown(word) + ": "
	switch {
	case l.use == format.UseMyNetworks && is("reject", "dunno"):
		return []Finding{line.found(name+"in mynetworks the value means nothing: any line that matches lets its addresses relay",
			"remove the line, and what is wider and holds its addresses; list what is around them")}
	case l.use == format.UseMyNetworks:
	case is("relay"), is("ok") && l.use == format.UsePostscreen:
		return []Finding{line.permits(name, word)}
	case l.use == format.UsePostscreen && !is("permit", "reject", "dunno", "permit_mynetworks"):
		return []Finding{line.found(name+"postscreen knows permit, reject and dunno, and ignores the rest of its list after any other word", "write one of them")}
	case confused().MatchString(word):
		return []Finding{line.found(name+"no action that Postfix knows, unless it is a restriction class: smtpd answers 451", "write permit, REJECT or DUNNO")}
	}
	return nil
}

// permits puts permit in the place of a word of Sendmail's.
func (line *cidrLine) permits(name, word string) Finding {
	text := name + "a word of Sendmail's: smtpd takes it for permit without a word, and postscreen ignores the rest of its list after it"
	if !line.single() {
		return line.found(text, "write permit")
	}
	if !line.changed {
		line.text = []string{line.raw}
	}
	var written []string
	for _, t := range line.text {
		at := strings.LastIndex(t, line.value)
		written = append(written, t[:at]+"permit"+t[at+len(word):])
	}
	line.value = "permit" + line.value[len(word):]
	return line.fixed(text, written...)
}

// unreachable finds a line that an earlier one keeps from ever deciding.
func unreachable(l *cidrLinter, line *cidrLine, p netip.Prefix) []Finding {
	for bits := p.Bits(); bits >= 0; bits-- {
		wider, err := p.Addr().Prefix(bits)
		before := l.seen[wider]
		if err != nil || before == nil || before.skipped && !line.skipped {
			continue
		}
		text := fmt.Sprintf("%s: line %d has %s, and the first match decides: this line never does", shown(line.pattern), before.number, shown(before.pattern))
		if line.value == before.value && len(l.open) == 0 && line.single() && !line.followed {
			return []Finding{line.fixed(text + "; it says the same")}
		}
		return []Finding{line.found(text, "move it above that line, or remove it")}
	}
	if len(l.open) == 0 {
		l.seen[p] = line
	}
	return nil
}
