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

// cidrChecks are the checks of a rule on a Postfix table of type cidr. Each kind looks at another part. The kinds run in this
// order, the first four for each logical line. Of a pattern the first rule with a fault decides.
type cidrChecks struct {
	line    checkIn[*cidrLinter, *cidrLine]         // the whole line
	pattern func(*cidrLinter, string) *addressFault // its pattern, if Postfix does not read it
	value   checkIn[*cidrLinter, *cidrLine]         // its value
	network checkIn[*cidrLinter, *cidrLine]         // its network, if Postfix reads it now or after the fix
	end     check[*cidrLinter]                      // the table after its last line
}

// CIDR gives the findings in the text of a Postfix table of type cidr (cidr_table(5)), in the order of its lines, and the text
// with the certain ones corrected. A line without a finding keeps every byte. use is the program that reads the table.
func CIDR(text []byte, use format.Use) (findings []Finding, fixed []byte) {
	l := &cidrLinter{linter: newLinter(), use: use, seen: map[netip.Prefix]*cidrLine{}}
	for i, raw := range ascii.Lines(text) {
		l.lines = append(l.lines, &cidrLine{rewrite: rewrite{number: i + 1, raw: string(raw)}})
	}
	logical := l.logicalLines()
	for _, line := range logical {
		l.cut(line)
	}
	slices.SortFunc(l.healthy, func(a, b healthyLine) int { return a.prefix.Addr().Compare(b.prefix.Addr()) })
	for _, line := range logical {
		l.check(line)
	}
	l.each(func(r *Rule) []Finding { return r.cidr.end.of(l) })
	for i, f := range l.findings { // all certain findings on a line have one fix: the corrected line
		if f.Certain {
			l.findings[i].Fix = fixOf(l.lines[f.Line-1].text)
		}
	}
	sortFindings(l.findings)
	if fixed = rewritten(text, l.lines); !bytes.Equal(fixed, text) {
		_, fixed = CIDR(fixed, use) // a corrected line may make a later one unreachable
	}
	return l.findings, fixed
}

type cidrLinter struct {
	linter
	use     format.Use
	lines   []*cidrLine
	seen    map[netip.Prefix]*cidrLine // the first line of each network outside any if
	open    []*cidrLine                // the ifs without an endif so far
	healthy []healthyLine              // the lines that Postfix reads as they are, in order of address
}

type healthyLine struct {
	prefix netip.Prefix
	*cidrLine
}

// cidrLine is a physical line. The first of a logical line holds all of it.
type cidrLine struct {
	rewrite
	logical string   // with the lines that continue it
	more    []string // those lines

	word     string // if or endif; empty: an entry
	negated  bool
	pattern  string // as written, without its !
	value    string
	network  netip.Prefix // for the checks of networks
	skipped  bool         // Postfix does not read it as it is
	indent   bool         // it begins with a blank and is meant as an entry
	above    *cidrLine    // if indent: the line that it continues for Postfix; nil: none
	followed bool         // a line with indent continues it
	orphan   bool         // it begins with a blank, is no entry, and continues no line
	stays    bool         // indent, and its entry would hide another line
}

// single reports whether the logical line is one physical line.
func (line *cidrLine) single() bool { return strings.TrimSpace(line.raw) == line.logical }

// hasValue reports whether a value follows the pattern, and not the rest of a network after a blank.
func (line *cidrLine) hasValue() bool { return line.value != "" && line.value[0] != '/' }

// logicalLines joins lines like Postfix: a line that begins with a blank continues the line above, even with comments and
// empty lines between them. A line with indent is a logical line of its own.
func (l *cidrLinter) logicalLines() (logical []*cidrLine) {
	var above *cidrLine
	for _, line := range l.lines {
		trimmed := strings.TrimSpace(line.raw)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case !ascii.IsSpace(line.raw[0]):
		case looksLikeEntry(trimmed):
			if line.indent, line.above = true, above; above != nil {
				above.followed = true
			}
		case above == nil:
			line.orphan = true
			logical = append(logical, line)
			continue
		default:
			above.more = append(above.more, trimmed)
			continue
		}
		line.logical, above = trimmed, line
		logical = append(logical, line)
	}
	for _, line := range logical {
		if line.more != nil {
			line.logical += " " + strings.Join(line.more, " ")
		}
	}
	return logical
}

// looksLikeEntry reports whether a line without the blanks before it begins with a network.
func looksLikeEntry(line string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(line, "!"), " ")
	first, _, _ = strings.Cut(first, "\t")
	if p, ok := readPattern(first); ok && p == p.Masked() {
		return true
	}
	_, isNetwork := looseNetwork(first)
	return isNetwork
}

var conditional = pattern.New(`(?i)^(if|endif)(\s|$)`)

// cut takes a logical line apart.
func (l *cidrLinter) cut(line *cidrLine) {
	if word := conditional().FindString(line.logical); word != "" {
		line.word, line.pattern = strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(line.logical[len(word):])
		return
	}
	rest := strings.TrimLeft(line.logical, "! \t")
	line.negated = strings.Count(line.logical[:len(line.logical)-len(rest)], "!")%2 == 1
	end := strings.IndexAny(rest, " \t")
	if end < 0 {
		end = len(rest)
	}
	line.pattern, line.value = rest[:end], strings.TrimSpace(rest[end:])
	p, ok := readPattern(line.pattern)
	if line.skipped = !ok || p != p.Masked() || line.value == "" || line.indent; !line.skipped && !line.negated {
		l.healthy = append(l.healthy, healthyLine{p, line})
	}
}

// readPattern reads ADDRESS or ADDRESS/BITS, with or without brackets, like Postfix (cidr_match.c, tried). It also reads a
// network with host bits, which Postfix skips.
func readPattern(s string) (p netip.Prefix, ok bool) {
	address, mask, hasMask := strings.Cut(s, "/")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if whole, ok := strings.CutSuffix(inner, "]"); ok {
			address, mask, hasMask = strings.Cut(whole, "/")
		} else if before, after, ok := strings.Cut(inner, "]/"); ok {
			address, mask, hasMask = before, after, true
		}
	}
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return p, false
	}
	bits := addr.BitLen()
	if hasMask && number().MatchString(mask) {
		bits = 0
		for _, digit := range mask {
			bits = min(bits*10+int(digit-'0'), 1000)
		}
	} else if hasMask {
		bits = -1
	}
	p = netip.PrefixFrom(addr, bits)
	return p, p.IsValid()
}

// check runs the checks of a logical line.
func (l *cidrLinter) check(line *cidrLine) {
	if line.word == "if" && !l.condition(line) {
		return
	}
	l.each(func(r *Rule) []Finding { return r.cidr.line.of(l, line) })
	if line.word != "" || line.orphan || line.stays {
		return
	}
	prefixes, counts := l.pattern(line)
	l.each(func(r *Rule) []Finding { return r.cidr.value.of(l, line) })
	if !counts || !line.hasValue() || line.negated || len(prefixes) != 1 {
		return
	}
	line.network = prefixes[0]
	l.each(func(r *Rule) []Finding { return r.cidr.network.of(l, line) })
}

// readPattern gives the network of a pattern, or the fault for which Postfix does not read it, with its rule.
func (l *cidrLinter) readPattern(s string) (netip.Prefix, *Rule, *addressFault) {
	if p, ok := readPattern(s); ok && p == p.Masked() {
		return p, nil, nil
	}
	for _, r := range l.rules {
		if r.cidr.pattern == nil {
			continue
		}
		if f := r.cidr.pattern(l, s); f != nil {
			return netip.Prefix{}, r, f
		}
	}
	return netip.Prefix{}, nil, nil
}

// condition checks the network of an if; ok: Postfix reads it.
func (l *cidrLinter) condition(line *cidrLine) (ok bool) {
	_, r, fault := l.readPattern(strings.TrimLeft(line.pattern, "! \t"))
	if fault != nil {
		l.report(r.Name, line.found(shown(line.pattern)+": "+fault.text+"; without this if, the lines after it apply to all clients", "write if NETWORK"))
	}
	return fault == nil
}

// pattern checks the pattern of a line, and corrects it if that is certain. It gives the networks of the line; ok: Postfix
// reads them, or will after the fix.
func (l *cidrLinter) pattern(line *cidrLine) (prefixes []netip.Prefix, ok bool) {
	prefix, r, fault := l.readPattern(line.pattern)
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
		l.report(r.Name, line.fixed(text, proposal...))
		return fault.meant, true
	}
	advice := fault.advice
	if one && line.value != "" {
		advice = strings.TrimPrefix(advice+"\n"+strings.Join(proposal, "\n"), "\n")
	}
	l.report(r.Name, line.found(text, advice))
	return nil, false
}

// contradicted gives the number of a later line with another value for a part of the networks of a skipped line; 0: there is
// none. If the skipped line were corrected in its place, the later line would decide no more.
func (l *cidrLinter) contradicted(line *cidrLine, meant []netip.Prefix) (later int) {
	const most = 1000 // lines to compare; with more the answer is yes, to bound the time
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
	return fmt.Sprintf("line %d has another value for a part of it: after that line, write", later)
}

// maxRangeLines bounds the networks that replace a range A-B. Two addresses need at most twice the bits of one.
const maxRangeLines = 2 * 128
