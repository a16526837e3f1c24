package table

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

func hostBits(s string) *address.Fault {
	p, ok := postfix.ParsePattern(s)
	if !ok {
		return nil
	}
	return &address.Fault{Fault: rule.Fault{Text: "bits of the host are set: Postfix skips the line", Advice: "if the network is meant, write"},
		Meant: []netip.Prefix{p.Masked()}}
}

// noPattern finds any other pattern that Postfix does not read.
func noPattern(s string) *address.Fault {
	f, isKey := meantBy(s)
	if isKey {
		return nil
	}
	f.Text = "no address or network that Postfix can read: it skips the line"
	return f
}

func accessSyntax(s string) *address.Fault {
	f, isKey := meantBy(s)
	if !isKey {
		return nil
	}
	f.Text = "this is a key of Sendmail's access map: Postfix skips the line"
	return f
}

// meantBy finds the networks that a text means if it is no pattern. isKey: it is a key of an access map.
func meantBy(s string) (f *address.Fault, isKey bool) {
	f = &address.Fault{Fault: rule.Fault{Advice: "write an address, or a network as 192.0.2.0/24 or 2001:db8::/32"}}
	k := key.Cut(strings.TrimRight(s, ","))
	plain, hasFamily := strings.CutPrefix(k.Address, address.Family)
	isKey = k.Tag != "" || hasFamily
	if p, err := netip.ParsePrefix(plain); err == nil {
		f.Meant, f.Certain = []netip.Prefix{p.Masked()}, p == p.Masked()
	} else if addr, err := netip.ParseAddr(plain); err == nil && addr.Zone() == "" {
		f.Meant, f.Certain = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, true
	} else if p, _, problem := address.Read(key.Key{Address: k.Address}, nil); p.IsValid() {
		f.Meant, f.Certain, isKey = []netip.Prefix{p}, true, true
	} else if problem != nil {
		f.Meant, f.Certain = problem.Meant, problem.Certain
	}
	return f, isKey
}

// indentedNetwork moves an entry that begins with a blank to the first column, unless it would hide another line there.
func indentedNetwork(l *linter, line *textLine) []rule.Finding {
	const moved = "remove the blanks before it"
	if line.orphan {
		return []rule.Finding{line.Found("a line that begins with a blank, and no line above that it continues: Postfix skips it", moved)}
	}
	if !line.indent {
		return nil
	}
	text := "a line that begins with a blank: Postfix reads it as part of the line above"
	if line.above != nil {
		text += fmt.Sprintf(", line %d, and not as an entry", l.from.Of(line.above.Number))
	}
	if line.word != "" {
		return []rule.Finding{line.Found(text, moved)}
	}
	p, _, fault := l.read(line.pattern)
	meant := []netip.Prefix{p}
	if fault != nil {
		meant = fault.Meant
	}
	if hold := l.holds(line, meant); hold != nil {
		line.stays = true
		return []rule.Finding{line.Found(text+"; "+hold.why, hold.advice)}
	}
	if fault == nil {
		if later := l.contradicted(line, meant); later > 0 {
			line.stays = true
			return []rule.Finding{line.Found(text, belongsBehind(later)+"\n"+line.logical)}
		}
	}
	if line.negated { // below an if that Postfix cannot read it would decide for all clients
		line.stays = true
		return []rule.Finding{line.Found(text, moved)}
	}
	return []rule.Finding{line.Fixed(text, strings.Trim(line.Raw, ascii.Space))} // the lines that continue it stay below it
}

// conditions pairs each endif with its if. It finds an endif without one, and text after an endif.
func conditions(l *linter, line *textLine) []rule.Finding {
	switch {
	case line.word == "if":
		l.open = append(l.open, line)
	case line.word == "endif" && len(l.open) == 0:
		return []rule.Finding{line.Found("endif without an if: Postfix skips it", "remove it, or write the if")}
	case line.word == "endif":
		l.open = l.open[:len(l.open)-1]
		const text = "text after endif: Postfix skips the line"
		if hold := l.opens(line); line.pattern != "" && hold != nil {
			return []rule.Finding{line.Found(text+"; "+hold.why, hold.advice)}
		} else if line.pattern != "" {
			return []rule.Finding{line.Fixed(text, "endif")}
		}
	}
	return nil
}

func openConditions(l *linter) (found []rule.Finding) {
	for _, open := range l.open {
		found = append(found, open.Found("this if has no endif: for Postfix it ends with the file", "write endif after its last line"))
	}
	return found
}

func networkWithoutValue(_ *linter, line *textLine) []rule.Finding {
	if line.value != "" {
		return nil
	}
	effect := "skips the line"
	if line.followed {
		effect = "takes the line below for it"
	}
	return []rule.Finding{line.Found(rule.Shown(line.pattern)+": a network without a value: Postfix "+effect, "write permit or REJECT after it")}
}

func blankBeforeSlash(_ *linter, line *textLine) []rule.Finding {
	if line.value == "" || line.hasValue() {
		return nil
	}
	return []rule.Finding{line.Found(rule.Shown(line.logical)+": a blank before the slash: the pattern is one address, and the rest is its value", "write the network without a blank")}
}

// confused matches words of other programs. Any other word may be a restriction class.
var confused = pattern.New(`(?i)^(RELAY|SKIP|ALLOW|ALLOWED|ACCEPT|PASS|DENY|BLOCK|DROP|WHITELIST|BLACKLIST|ALLOWLIST|DENYLIST|YES|NO|TRUE|FALSE|ON|OFF|FRIEND|HATER)$`)

// refusal matches words that keep hosts out, or out of a decision.
var refusal = pattern.New(`(?i)^(reject(_\S+)?|dunno|defer(_\S+)?|discard|deny|drop|[45]\d\d)$`)

// listAround is what to do in place of a refusal in mynetworks.
const listAround = "remove the line, and every wider network that holds its addresses; list the networks around them"

// tableValue finds values that the reader of the table does not know.
func tableValue(l *linter, line *textLine) []rule.Finding {
	if !line.hasValue() {
		return nil
	}
	word, _ := line.words()
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) })
	}
	name := rule.Shown(line.pattern) + " " + rule.Shown(word) + ": "
	switch {
	case l.use == format.UseMyNetworks && refusal().MatchString(word):
		return []rule.Finding{line.Found(name+"Postfix ignores values in mynetworks: any line that matches lets its addresses relay", listAround)}
	case l.use == format.UseMyNetworks, l.use == format.UseExclusion:
	case is("relay"), is("ok") && l.use == format.UsePostscreen:
		return []rule.Finding{line.permits(name, word)}
	case l.use == format.UsePostscreen && !is("permit", "reject", "dunno", "permit_mynetworks"):
		return []rule.Finding{line.Found(name+"postscreen knows permit, reject and dunno, and ignores the rest of its list after any other word", "write one of them")}
	case strings.TrimFunc(word, isUnseen) != word:
		return []rule.Finding{line.Found(name+"a sign that does not show is part of the word, which Postfix then does not know: smtpd answers 451", "write it without")}
	case confused().MatchString(word):
		return []rule.Finding{line.Found(name+"no action that Postfix knows, unless it is a restriction class: smtpd answers 451", "write permit, REJECT or DUNNO")}
	}
	return nil
}

// isUnseen reports whether a character does not show.
func isUnseen(c rune) bool { return unicode.IsSpace(c) || unicode.Is(unicode.Cf, c) }

// permits replaces a word of Sendmail with permit.
func (line *textLine) permits(name, word string) rule.Finding {
	text := name + "a word of Sendmail: smtpd silently takes it as permit, and postscreen ignores the rest of its list after it"
	if !line.single() {
		return line.Found(text, "write permit")
	}
	if !line.Changed {
		line.Text = []string{line.Raw}
	}
	var written []string
	for _, t := range line.Text {
		if at := strings.LastIndex(t, line.value); at >= 0 { // else it is the comment of valueComment
			t = t[:at] + "permit" + t[at+len(word):]
		}
		written = append(written, t)
	}
	line.value = "permit" + line.value[len(word):]
	return line.Fixed(text, written...)
}

// before gives an earlier line that matches all addresses of a line, so that this line never decides; nil: there is none. same:
// it may as well go, because the earlier line has the same value.
func (l *linter) before(line *textLine) (before *textLine, same bool) {
	p := line.network
	for bits := p.Bits(); bits >= 0; bits-- {
		wider, err := p.Addr().Prefix(bits)
		before := l.seen[wider]
		if err == nil && before != nil && (!before.skipped || line.skipped) {
			return before, l.same(line, before)
		}
	}
	if before = l.others[p.Addr().BitLen()]; before != nil && !before.network.Overlaps(p) {
		return before, l.same(line, before)
	}
	return nil, false
}

// same reports whether a line may go, because the earlier line has its value.
func (l *linter) same(line, before *textLine) bool {
	return line.value == before.value && len(l.open) == 0 && line.single() && !line.followed
}

func (l *linter) neverDecides(line, before *textLine) string {
	not := ""
	if before.negated {
		not = "!"
	}
	return fmt.Sprintf("%s: line %d has %s, and the first match decides: this line never does", rule.Shown(line.pattern), l.from.Of(before.Number), not+rule.Shown(before.pattern))
}

// reaches reports whether an if lets an address of a network through. Postfix compares those of its family alone, with ! too.
func (line *textLine) reaches(p netip.Prefix) bool {
	if !line.negated {
		return line.network.Overlaps(p)
	}
	isInside := line.network.Bits() <= p.Bits() && line.network.Contains(p.Addr())
	return line.network.Addr().BitLen() == p.Addr().BitLen() && !isInside
}

func unreachable(l *linter, line *textLine) []rule.Finding {
	if n := len(l.open); n > 0 {
		if !l.open[n-1].reaches(line.network) {
			return []rule.Finding{line.Found(rule.Shown(line.pattern)+": the if above it lets no address of it through: this line never decides", "move it below the endif, or remove it")}
		}
	}
	before, same := l.before(line)
	if before == nil || same {
		return nil
	}
	return []rule.Finding{line.Found(l.neverDecides(line, before), "move it above that line, or remove it")}
}

func redundant(l *linter, line *textLine) []rule.Finding {
	before, same := l.before(line)
	if !same {
		return nil
	}
	return []rule.Finding{line.Fixed(l.neverDecides(line, before) + "; its value is the same")}
}
