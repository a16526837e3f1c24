package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/allowlist/pattern"
)

func hostBits(_ *cidrLinter, s string) *addressFault {
	p, ok := readPattern(s)
	if !ok {
		return nil
	}
	return &addressFault{partFault: partFault{"bits of the host are set: Postfix skips the line", "if the network is meant, write"},
		meant: []netip.Prefix{p.Masked()}}
}

// noPattern finds any other pattern that Postfix does not read.
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
	f.text = "this is a key of Sendmail's access map: Postfix skips the line"
	return f
}

// meantBy finds the networks that a text means if it is no pattern. isKey: it is a key of an access map.
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

// indentedNetwork moves an entry that begins with a blank to the first column, unless it would hide another line there.
func indentedNetwork(l *cidrLinter, line *cidrLine) []Finding {
	if line.orphan {
		return []Finding{line.found("a line that begins with a blank, and no line above that it continues: Postfix skips it", "remove the blanks before it")}
	}
	if !line.indent {
		return nil
	}
	text := "a line that begins with a blank: Postfix reads it as part of the line above"
	if line.above != nil {
		text += fmt.Sprintf(", line %d, and not as an entry", line.above.number)
	}
	if p, ok := readPattern(line.pattern); ok && p == p.Masked() {
		if later := l.contradicted(line, []netip.Prefix{p}); later > 0 {
			line.stays = true
			return []Finding{line.found(text, belongsBehind(later)+"\n"+line.logical)}
		}
	}
	return []Finding{line.fixed(text, line.logical)}
}

// conditions pairs each endif with its if. It finds an endif without one, and text after an endif.
func conditions(l *cidrLinter, line *cidrLine) []Finding {
	switch {
	case line.word == "if":
		l.open = append(l.open, line)
	case line.word == "endif" && len(l.open) == 0:
		return []Finding{line.found("endif without an if: Postfix skips it", "remove it, or write the if")}
	case line.word == "endif":
		l.open = l.open[:len(l.open)-1]
		if line.pattern != "" {
			return []Finding{line.fixed("text after endif: Postfix skips the line", "endif")}
		}
	}
	return nil
}

func openConditions(l *cidrLinter) (found []Finding) {
	for _, open := range l.open {
		found = append(found, open.found("this if has no endif: for Postfix it ends with the file", "write endif after its last line"))
	}
	return found
}

func networkWithoutValue(_ *cidrLinter, line *cidrLine) []Finding {
	if line.value != "" {
		return nil
	}
	return []Finding{line.found(shown(line.pattern)+": a network without a value: Postfix skips the line", "write permit or REJECT after it")}
}

func blankBeforeSlash(_ *cidrLinter, line *cidrLine) []Finding {
	if line.value == "" || line.hasValue() {
		return nil
	}
	return []Finding{line.found(shown(line.logical)+": a blank before the slash: the pattern is one address, and the rest is its value", "write the network without a blank")}
}

// confused matches words of other programs. Any other word may be a restriction class.
var confused = pattern.New(`(?i)^(RELAY|SKIP|ALLOW|ALLOWED|ACCEPT|PASS|DENY|BLOCK|DROP|WHITELIST|BLACKLIST|ALLOWLIST|DENYLIST|YES|NO|TRUE|FALSE|ON|OFF|FRIEND|HATER)$`)

// tableValue finds values that the reader of the table does not know.
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
		return []Finding{line.found(name+"Postfix ignores values in mynetworks: any line that matches lets its addresses relay",
			"remove the line, and every wider network that holds its addresses; list the networks around them")}
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

// permits replaces a word of Sendmail with permit.
func (line *cidrLine) permits(name, word string) Finding {
	text := name + "a word of Sendmail: smtpd silently takes it as permit, and postscreen ignores the rest of its list after it"
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

// unreachable finds a line that never decides, because an earlier line matches all its addresses.
func unreachable(l *cidrLinter, line *cidrLine) []Finding {
	p := line.network
	for bits := p.Bits(); bits >= 0; bits-- {
		wider, err := p.Addr().Prefix(bits)
		before := l.seen[wider]
		if err != nil || before == nil || before.skipped && !line.skipped {
			continue
		}
		text := fmt.Sprintf("%s: line %d has %s, and the first match decides: this line never does", shown(line.pattern), before.number, shown(before.pattern))
		if line.value == before.value && len(l.open) == 0 && line.single() && !line.followed {
			return []Finding{line.fixed(text + "; its value is the same")}
		}
		return []Finding{line.found(text, "move it above that line, or remove it")}
	}
	if len(l.open) == 0 {
		l.seen[p] = line
	}
	return nil
}
