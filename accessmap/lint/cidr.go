package lint

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/allowlist/ascii"
)

// cidrChecks are the checks of a rule on a Postfix table of type cidr, by what they look at. The kinds run in this order.
type cidrChecks struct {
	line    func(*cidrLinter, *cidrLine) []Finding               // a logical line as a whole
	pattern func(*cidrLinter, string) *addressFault              // what a line matches and Postfix does not read; the first rule decides
	value   func(*cidrLinter, *cidrLine) []Finding               // what it gives
	network func(*cidrLinter, *cidrLine, netip.Prefix) []Finding // an entry that counts, or will when it is put right
	end     func(*cidrLinter) []Finding                          // the table, behind its last line
}

// CIDR says what is wrong in a Postfix table of type cidr (cidr_table(5)), and gives the text with what is
// certain put right. A healthy line stays as it is, byte for byte.
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
		l.look(line)
	}
	for _, r := range l.rules {
		if r.cidr.end != nil {
			l.report(r, r.cidr.end(l)...)
		}
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
	linter
	use     format.Use
	lines   []*cidrLine
	seen    map[netip.Prefix]*cidrLine // networks outside any if, by their first line
	open    []*cidrLine                // ifs without an endif so far
	healthy []healthyLine              // what Postfix reads as it stands, in order of address
}

type healthyLine struct {
	prefix netip.Prefix
	*cidrLine
}

// cidrLine is a logical line, or a physical one that belongs to one.
type cidrLine struct {
	rewrite
	logical string // with what continues it
	more    []string

	word     string // if or endif; empty: an entry
	negated  bool
	pattern  string // as written, without its !
	value    string
	skipped  bool      // Postfix does not read it as it stands
	indent   bool      // it begins with a blank and is meant to be an entry
	above    *cidrLine // indent: what Postfix takes it for more of; nil: nothing
	followed bool      // such a line stands below it
	alone    bool      // it begins with a blank, is no entry, and has nothing above it
	stays    bool      // indent: another line would be reached no more
}

// single reports whether the logical line is one physical line.
func (line *cidrLine) single() bool { return strings.TrimSpace(line.raw) == line.logical }

// hasValue reports whether what stands behind the pattern is a value.
func (line *cidrLine) hasValue() bool { return line.value != "" && line.value[0] != '/' }

// logicalLines puts lines together as Postfix does: one that begins with a blank continues the one above, whatever
// comments and blank lines stand between them. One that looks like an entry is taken for a line of its own.
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
			line.alone = true
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

var conditional = ascii.Pattern(`(?i)^(if|endif)(\s|$)`)

// cut takes an entry apart.
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

// readPattern reads ADDRESS or ADDRESS/BITS, either in brackets or not, as Postfix does (cidr_match.c, tried). Bits of the
// host may be set; Postfix skips such a line.
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

// look has the rules look at a logical line, and puts right what is certain.
func (l *cidrLinter) look(line *cidrLine) {
	if line.word == "if" && !l.condition(line) {
		return
	}
	for _, r := range l.rules {
		if r.cidr.line != nil {
			l.report(r, r.cidr.line(l, line)...)
		}
	}
	if line.word != "" || line.alone || line.stays {
		return
	}
	prefixes, counts := l.pattern(line)
	for _, r := range l.rules {
		if r.cidr.value != nil {
			l.report(r, r.cidr.value(l, line)...)
		}
	}
	if !counts || !line.hasValue() || line.negated || len(prefixes) != 1 {
		return
	}
	for _, r := range l.rules {
		if r.cidr.network != nil {
			l.report(r, r.cidr.network(l, line, prefixes[0])...)
		}
	}
}

// readPattern reads the pattern of a line; where Postfix does not, the fault says why.
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

// condition looks at the network of an if; ok tells that Postfix reads it.
func (l *cidrLinter) condition(line *cidrLine) (ok bool) {
	_, r, fault := l.readPattern(strings.TrimLeft(line.pattern, "! \t"))
	if fault != nil {
		l.report(r, line.found(shown(line.pattern)+": "+fault.text+", and with it this if: what stands behind it holds for all", "write if NETWORK"))
	}
	return fault == nil
}

// pattern looks at what a line matches; ok tells that the line counts.
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
		l.report(r, line.fixed(text, proposal...))
		return fault.meant, true
	}
	advice := fault.advice
	if one && line.value != "" {
		advice = strings.TrimPrefix(advice+"\n"+strings.Join(proposal, "\n"), "\n")
	}
	l.report(r, line.found(text, advice))
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
