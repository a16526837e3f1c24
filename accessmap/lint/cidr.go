package lint

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// CIDR says what is wrong in a Postfix table of type cidr (cidr_table(5)), and gives the text with what is
// certain put right. A healthy line stays as it is, byte for byte.
func CIDR(text []byte, use format.Use) (findings []Finding, fixed []byte) {
	l := &cidrLinter{use: use, seen: map[netip.Prefix]*cidrLine{}}
	for i, raw := range ascii.Lines(text) {
		l.lines = append(l.lines, &cidrLine{rewrite: rewrite{raw: string(raw)}, number: i + 1})
	}
	logical := logicalLines(l.lines, l.indented)
	for _, line := range logical {
		l.cut(line)
	}
	slices.SortFunc(l.healthy, func(a, b healthyLine) int { return a.prefix.Addr().Compare(b.prefix.Addr()) })
	for _, line := range logical {
		l.examine(line)
	}
	for _, open := range l.open {
		l.add(open, "if", "this if has no endif: Postfix goes on as if it ended with the file", "write endif behind its last line")
	}
	for i, f := range l.findings { // all that is put right on a line has one fix: the line as a whole
		if f.Certain {
			l.findings[i].Fix = fixOf(l.lines[f.Line-1].text)
		}
	}
	sortFindings(l.findings)
	if fixed = rewritten(text, l.lines); !bytes.Equal(fixed, text) {
		_, fixed = CIDR(fixed, use) // a line that was put right may say what a later one said
	}
	return l.findings, fixed
}

type cidrLinter struct {
	use      format.Use
	lines    []*cidrLine
	findings []Finding
	seen     map[netip.Prefix]*cidrLine // networks outside any if, by their first line
	open     []*cidrLine                // ifs without an endif so far
	healthy  []healthyLine              // what Postfix reads as it stands, in order of address
}

type healthyLine struct {
	prefix netip.Prefix
	*cidrLine
}

// cidrLine is a logical line, or a physical one that belongs to one.
type cidrLine struct {
	rewrite
	number  int
	logical string // with what continues it
	more    []string

	negated  bool
	pattern  string // as written, without its !
	value    string
	skipped  bool      // Postfix does not read it as it stands
	indent   bool      // it begins with a blank and is meant to be an entry
	above    *cidrLine // indent: what Postfix takes it for more of; nil: nothing
	followed bool      // such a line stands below it
}

func (l *cidrLinter) add(line *cidrLine, rule, text, fix string) {
	l.findings = append(l.findings, Finding{Line: line.number, Rule: rule, Text: text, Fix: fix})
}

// fix puts a line right. What continues it stands on lines of its own and goes with them unchanged.
func (l *cidrLinter) fix(line *cidrLine, rule, text string, lines ...string) {
	line.set(lines...)
	l.findings = append(l.findings, Finding{Line: line.number, Rule: rule, Text: text, Fix: strings.Join(lines, "\n"), Certain: true})
}

// indentation is what a line that begins with a blank is.
type indentation int

const (
	moreOfLine indentation = iota
	ownLine                // it is meant to be an entry
	noLine                 // it continues nothing
)

// single reports whether the logical line is one physical line.
func (line *cidrLine) single() bool { return strings.TrimSpace(line.raw) == line.logical }

// logicalLines puts lines together as Postfix does: one that begins with a blank continues the one above, whatever
// comments and blank lines stand between them. indented is asked first whether it looks like a line of its own.
func logicalLines(physical []*cidrLine, indented func(line, above *cidrLine) indentation) (logical []*cidrLine) {
	var above *cidrLine
	for _, line := range physical {
		trimmed := strings.TrimSpace(line.raw)
		switch {
		case trimmed == "" || trimmed[0] == '#':
		case ascii.IsSpace(line.raw[0]):
			switch indented(line, above) {
			case ownLine:
				if line.above = above; above != nil {
					above.followed = true
				}
				line.logical, above = trimmed, line
				logical = append(logical, line)
			case moreOfLine:
				above.more = append(above.more, trimmed)
			}
		default:
			line.logical, above = trimmed, line
			logical = append(logical, line)
		}
	}
	for _, line := range logical {
		if line.more != nil {
			line.logical += " " + strings.Join(line.more, " ")
		}
	}
	return logical
}

// indented tells of a line that begins with a blank and is not meant to continue another.
func (l *cidrLinter) indented(line, above *cidrLine) indentation {
	trimmed := strings.TrimSpace(line.raw)
	first, _, _ := strings.Cut(strings.TrimLeft(trimmed, "!"), " ")
	first, _, _ = strings.Cut(first, "\t")
	_, fault := readPattern(first)
	_, isNetwork := looseNetwork(first)
	switch {
	case fault == nil || isNetwork:
		line.indent = true
		return ownLine
	case above == nil:
		l.add(line, "leading-blank", "a line that begins with a blank and has none above it to continue: Postfix skips it", "remove the blanks before it")
		return noLine
	}
	return moreOfLine
}

var (
	conditional = pattern.New(`(?i)^(if|endif)(\s|$)`)
	// confused are words of other programs; any other word may be a restriction class.
	confused = pattern.New(`(?i)^(RELAY|SKIP|ALLOW|ALLOWED|ACCEPT|PASS|DENY|BLOCK|DROP|WHITELIST|BLACKLIST|ALLOWLIST|DENYLIST|YES|NO|TRUE|FALSE|ON|OFF|FRIEND|HATER)$`)
)

// cut takes an entry apart.
func (l *cidrLinter) cut(line *cidrLine) {
	if conditional().MatchString(line.logical) {
		return
	}
	rest := strings.TrimLeft(line.logical, "! \t")
	line.negated = strings.Count(line.logical[:len(line.logical)-len(rest)], "!")%2 == 1
	end := strings.IndexAny(rest, " \t")
	if end < 0 {
		end = len(rest)
	}
	line.pattern, line.value = rest[:end], strings.TrimSpace(rest[end:])
	prefix, fault := readPattern(line.pattern)
	if line.skipped = fault != nil || line.value == "" || line.indent; !line.skipped && !line.negated {
		l.healthy = append(l.healthy, healthyLine{prefix, line})
	}
}

func (l *cidrLinter) examine(line *cidrLine) {
	if word := conditional().FindString(line.logical); word != "" {
		l.condition(line, strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(line.logical[len(word):]))
		return
	}
	if line.indent && !l.leadingBlank(line) {
		return
	}
	prefixes, patternOK := l.pattern(line)
	valueOK := l.value(line)
	if patternOK && valueOK && !line.negated && len(prefixes) == 1 {
		l.reachable(line, prefixes[0])
	}
}

// leadingBlank puts an indented entry into the first column; ok tells that it may stand there.
func (l *cidrLinter) leadingBlank(line *cidrLine) (ok bool) {
	text := "a line that begins with a blank: Postfix takes it for more of the line above"
	if line.above != nil {
		text += fmt.Sprintf(", line %d, and never for an entry", line.above.number)
	}
	if prefix, fault := readPattern(line.pattern); fault == nil {
		if later := l.contradicted(line, []netip.Prefix{prefix}); later > 0 {
			l.add(line, "leading-blank", text, belongsBehind(later)+"\n"+line.logical)
			return false
		}
	}
	l.fix(line, "leading-blank", text, line.logical)
	return true
}

func (l *cidrLinter) condition(line *cidrLine, word, pattern string) {
	switch {
	case word == "endif" && len(l.open) == 0:
		l.add(line, "if", "endif without an if: Postfix skips it", "remove it, or write the if")
	case word == "endif":
		l.open = l.open[:len(l.open)-1]
		if pattern != "" {
			l.fix(line, "if", "there is something behind endif: Postfix skips the line", "endif")
		}
	default:
		if _, fault := readPattern(strings.TrimLeft(pattern, "! \t")); fault != nil {
			l.add(line, fault.rule, shown(pattern)+": "+fault.text+", and with it this if: what stands behind it holds for all", "write if NETWORK")
			return
		}
		l.open = append(l.open, line)
	}
}

// pattern looks at what a line matches; ok tells that the line counts.
func (l *cidrLinter) pattern(line *cidrLine) (prefixes []netip.Prefix, ok bool) {
	prefix, fault := readPattern(line.pattern)
	if fault == nil {
		return []netip.Prefix{prefix}, true
	}
	text := shown(line.pattern) + ": " + fault.text
	var proposal []string
	for _, p := range fault.meant {
		written := p.String()
		if line.negated {
			written = "!" + written
		}
		proposal = append(proposal, written+"\t"+line.value)
	}
	one := len(proposal) == 1 || len(proposal) > 1 && !line.negated && len(proposal) <= maxRangeLines
	if later := l.contradicted(line, fault.meant); later > 0 && fault.certain {
		fault.certain, fault.advice = false, belongsBehind(later)
	}
	if fault.certain && one && line.value != "" && line.single() {
		l.fix(line, fault.rule, text, proposal...)
		return fault.meant, true
	}
	advice := fault.advice
	if one && line.value != "" {
		advice = strings.TrimPrefix(advice+"\n"+strings.Join(proposal, "\n"), "\n")
	}
	l.add(line, fault.rule, text, advice)
	return nil, false
}

// contradicted is the first line found behind one that Postfix skips that says something else of a part of the networks:
// it would decide no more if they were read. 0: there is none.
func (l *cidrLinter) contradicted(line *cidrLine, meant []netip.Prefix) (later int) {
	const most = 1000 // lines to look at
	looked := 0
	for _, p := range meant {
		at, _ := slices.BinarySearchFunc(l.healthy, p.Addr(), func(h healthyLine, a netip.Addr) int { return h.prefix.Addr().Compare(a) })
		for ; at < len(l.healthy) && p.Contains(l.healthy[at].prefix.Addr()); at++ {
			h := l.healthy[at]
			if looked++; h.number > line.number && h.prefix.Bits() >= p.Bits() && h.value != line.value || looked > most {
				return h.number
			}
		}
	}
	return 0
}

func belongsBehind(later int) string {
	return fmt.Sprintf("line %d says something else of a part of it: behind that line, write", later)
}

// maxRangeLines bounds the networks that a range A-B is written as; no two addresses need more than twice the bits of
// one.
const maxRangeLines = 2 * 128

// value looks at what a line gives; ok tells that the line counts.
func (l *cidrLinter) value(line *cidrLine) (ok bool) {
	word, _, _ := strings.Cut(line.value, " ")
	word, _, _ = strings.Cut(word, "\t")
	known := slices.ContainsFunc([]string{"permit", "reject", "dunno", "permit_mynetworks"}, func(w string) bool { return strings.EqualFold(w, word) })
	name := shown(line.pattern) + " " + shown(word) + ": "
	switch {
	case line.value == "":
		l.add(line, "missing-value", shown(line.pattern)+": a network without a value: Postfix skips the line", "write permit or REJECT behind it")
		return false
	case line.value[0] == '/':
		l.add(line, "pattern", shown(line.logical)+": a blank before the slash: the pattern is one address, and the rest its value", "write the network without a blank")
		return false
	case l.use == format.UseMyNetworks && slices.Contains([]string{"reject", "dunno"}, strings.ToLower(word)):
		l.add(line, "table-value", name+"in mynetworks the value means nothing: any line that matches lets its addresses relay",
			"remove the line, and what is wider and holds its addresses; list what is around them")
	case strings.EqualFold(word, "RELAY") && l.use == format.UseMyNetworks:
	case strings.EqualFold(word, "RELAY"), strings.EqualFold(word, "OK") && l.use == format.UsePostscreen:
		l.word(line, name, word)
	case l.use == format.UsePostscreen && !known:
		l.add(line, "table-value", name+"postscreen knows permit, reject and dunno, and ignores the rest of its list after any other word", "write one of them")
	case confused().MatchString(word) && l.use != format.UseMyNetworks:
		l.add(line, "table-value", name+"no action that Postfix knows, unless it is a restriction class: smtpd answers 451", "write permit, REJECT or DUNNO")
	}
	return true
}

// word puts permit in the place of a word of Sendmail's.
func (l *cidrLinter) word(line *cidrLine, name, word string) {
	text := name + "a word of Sendmail's: smtpd takes it for permit without a word, and postscreen ignores the rest of its list after it"
	if !line.single() {
		l.add(line, "table-value", text, "write permit")
		return
	}
	if !line.changed {
		line.text = []string{line.raw}
	}
	var written []string
	for _, t := range line.text {
		at := strings.LastIndex(t, line.value)
		written = append(written, t[:at]+"permit"+t[at+len(word):])
	}
	l.fix(line, "table-value", text, written...)
	line.value = "permit" + line.value[len(word):]
}

// reachable tells of a line that an earlier one keeps from ever deciding.
func (l *cidrLinter) reachable(line *cidrLine, p netip.Prefix) {
	for bits := p.Bits(); bits >= 0; bits-- {
		wider, err := p.Addr().Prefix(bits)
		before := l.seen[wider]
		if err != nil || before == nil || before.skipped && !line.skipped {
			continue
		}
		same := line.value == before.value && len(l.open) == 0 && line.single() && !line.followed
		text := fmt.Sprintf("%s: line %d has %s, and the first match decides: this line never does", shown(line.pattern), before.number, shown(before.pattern))
		if same {
			l.fix(line, "unreachable", text+"; it says the same")
		} else {
			l.add(line, "unreachable", text, "move it above that line, or remove it")
		}
		return
	}
	if len(l.open) == 0 {
		l.seen[p] = line
	}
}
