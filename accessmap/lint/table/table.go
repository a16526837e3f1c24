// Package table finds mistakes in a Postfix table of type cidr that people wrote. It returns the text with the certain corrections
// made, and writes no file.
package table

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// checks are the checks of a rule on a Postfix table of type cidr. Each kind looks at another part. The kinds run in this
// order, the first four for each logical line. Of a pattern the first rule with a fault decides.
type checks struct {
	line    rule.CheckIn[*linter, *textLine] // the whole line
	pattern func(string) *address.Fault      // its pattern, if Postfix does not read it
	value   rule.CheckIn[*linter, *textLine] // its value
	network rule.CheckIn[*linter, *textLine] // its network, if Postfix reads it now or after the fix
	end     rule.Check[*linter]              // the table after its last line
}

// Check gives the findings in the text of a Postfix table of type cidr (cidr_table(5)), in the order of its lines. use is the
// program that reads the table.
func Check(text []byte, use format.Use, o rule.Options) []rule.Finding {
	return read(text, use, o, nil).Findings
}

// Fix gives the text with the certain findings corrected, and those findings. A line without one keeps every byte.
func Fix(text []byte, use format.Use, o rule.Options) (fixed []byte, made []rule.Finding) {
	return rule.Settled(text, func(text []byte, from rule.Origins) rule.Reading { return read(text, use, o, from) })
}

func read(text []byte, use format.Use, o rule.Options, from rule.Origins) rule.Reading {
	l := &linter{Run: rule.Run[checks]{Table: rules()}, Options: o, from: from, use: use, seen: map[netip.Prefix]*textLine{}, others: map[int]*textLine{}}
	for i, raw := range ascii.Lines(text) {
		l.lines = append(l.lines, &textLine{Line: rule.Line{Number: i + 1, Raw: string(raw)}})
	}
	logical := l.logicalLines()
	for _, line := range logical {
		l.cut(line)
	}
	sort.Slice(l.healthy, func(i, j int) bool { return l.healthy[i].prefix.Addr().Less(l.healthy[j].prefix.Addr()) })
	l.outside = l.permitsOutside()
	for _, line := range logical {
		l.check(line)
	}
	l.Each(func(c *checks) []rule.Finding { return c.end.Of(l) })
	for i, f := range l.Findings { // all certain findings on a line have one fix: the corrected line
		if f.Certain {
			l.Findings[i].Fix = rule.FixOf(l.lines[f.Line-1].Text)
		}
	}
	rule.Sort(l.Findings)
	changed := rule.Changed(l.lines)
	return rule.Reading{Findings: l.Findings, Changed: changed, Fixed: rule.Rewritten(text, changed)}
}

type linter struct {
	rule.Run[checks]
	rule.Options
	from    rule.Origins
	use     format.Use
	lines   []*textLine
	seen    map[netip.Prefix]*textLine // the first line of each network outside any if
	others  map[int]*textLine          // the first line for all networks but one, outside any if, by the bits of an address of its family
	open    []*textLine                // the ifs without an endif so far
	healthy []healthyLine              // the lines that Postfix reads as they are, in order of address
	outside bool                       // a line lets in a network that is not special-purpose space
	opened  int                        // where opens ended, in lines
}

type healthyLine struct {
	prefix netip.Prefix
	*textLine
}

// textLine is a physical line. The first of a logical line holds all of it.
type textLine struct {
	rule.Line
	logical string   // with the lines that continue it
	more    []string // those lines

	word     string // if or endif; empty: an entry
	negated  bool
	pattern  string // as written, without its !
	value    string
	network  netip.Prefix // for the checks of networks; also of an if
	skipped  bool         // Postfix does not read it as it is
	indent   bool         // it begins with a blank and is meant as an entry
	above    *textLine    // if indent: the line that it continues for Postfix; nil: none
	followed bool         // a line with indent continues it
	orphan   bool         // it begins with a blank, is no entry, and continues no line
	stays    bool         // indent, and its entry would hide another line
}

// single reports whether the logical line is one physical line.
func (line *textLine) single() bool { return strings.Trim(line.Raw, ascii.Space) == line.logical }

// entry gives an entry with another pattern or value, negated as the line is.
func (line *textLine) entry(pattern, value string) string {
	if line.negated {
		pattern = "!" + pattern
	}
	return pattern + "\t" + value
}

// hasValue reports whether a value follows the pattern, and not the rest of a network after a blank.
func (line *textLine) hasValue() bool { return line.value != "" && line.value[0] != '/' }

// logicalLines joins lines like Postfix: a line that begins with a blank continues the line above, even with comments and
// empty lines between them. A line with indent is a logical line of its own.
func (l *linter) logicalLines() (logical []*textLine) {
	var above *textLine
	for _, line := range l.lines {
		trimmed := strings.Trim(line.Raw, ascii.Space)
		switch {
		case trimmed == "" || trimmed[0] == '#':
			continue
		case !ascii.IsSpace(line.Raw[0]):
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

// looksLikeEntry reports whether a line without the blanks before it begins with a network, or is an if or endif.
func looksLikeEntry(line string) bool {
	if conditional().MatchString(line) {
		return true
	}
	first := strings.TrimLeft(line, "!")
	if end := strings.IndexAny(first, ascii.Space); end >= 0 {
		first = first[:end]
	}
	if p, ok := postfix.ParsePattern(first); ok && p == p.Masked() {
		return true
	}
	_, isNetwork := address.Network(first)
	return isNetwork
}

var conditional = pattern.New(`(?i)^(if|endif)([\s\v]|$)`)

// cut takes a logical line apart.
func (l *linter) cut(line *textLine) {
	if word := conditional().FindString(line.logical); word != "" {
		line.word, line.pattern = strings.ToLower(strings.TrimSpace(word)), strings.Trim(line.logical[len(word):], ascii.Space)
		return
	}
	rest := strings.TrimLeft(line.logical, "!"+ascii.Space)
	line.negated = strings.Count(line.logical[:len(line.logical)-len(rest)], "!")%2 == 1
	end := strings.IndexAny(rest, ascii.Space)
	if end < 0 {
		end = len(rest)
	}
	line.pattern, line.value = rest[:end], strings.Trim(rest[end:], ascii.Space)
	p, ok := postfix.ParsePattern(line.pattern)
	if line.skipped = !ok || p != p.Masked() || line.value == "" || line.indent; !line.skipped && !line.negated {
		l.healthy = append(l.healthy, healthyLine{p, line})
	}
}

// check runs the checks of a logical line.
func (l *linter) check(line *textLine) {
	if line.word == "if" && !l.condition(line) {
		return
	}
	l.Each(func(c *checks) []rule.Finding { return c.line.Of(l, line) })
	if line.word != "" || line.orphan || line.stays {
		return
	}
	prefixes, counts := l.pattern(line)
	l.Each(func(c *checks) []rule.Finding { return c.value.Of(l, line) })
	if !counts || !line.hasValue() || len(prefixes) != 1 {
		return
	}
	line.network = prefixes[0]
	if line.negated {
		if of := line.network.Addr().BitLen(); l.others[of] == nil && len(l.open) == 0 && !line.skipped {
			l.others[of] = line
		}
		return
	}
	l.Each(func(c *checks) []rule.Finding { return c.network.Of(l, line) })
	if before, _ := l.before(line); before == nil && len(l.open) == 0 {
		l.seen[line.network] = line
	}
}

// read gives the network of a pattern, or the fault for which Postfix does not read it, with its rule.
func (l *linter) read(s string) (p netip.Prefix, of rule.Rule, fault *address.Fault) {
	if p, ok := postfix.ParsePattern(s); ok && p == p.Masked() {
		return p, of, nil
	}
	for _, r := range l.Table {
		if r.Checks.pattern == nil {
			continue
		}
		if f := r.Checks.pattern(s); f != nil {
			return netip.Prefix{}, r.Rule, f
		}
	}
	return netip.Prefix{}, of, nil
}

// condition checks the network of an if; ok: Postfix reads it.
func (l *linter) condition(line *textLine) (ok bool) {
	bare := strings.TrimLeft(line.pattern, "!"+ascii.Space)
	line.negated = strings.Count(line.pattern[:len(line.pattern)-len(bare)], "!")%2 == 1
	p, of, fault := l.read(bare)
	line.network = p
	if fault != nil {
		l.Report(of, line.Found(rule.Shown(line.pattern)+": "+fault.Text+"; without this if, the lines after it apply to all clients", "write if NETWORK"))
	}
	return fault == nil
}

// pattern checks the pattern of a line, and corrects it if that is certain. It gives the networks of the line; ok: Postfix
// reads them, or will after the fix.
func (l *linter) pattern(line *textLine) (prefixes []netip.Prefix, ok bool) {
	prefix, of, fault := l.read(line.pattern)
	if fault == nil {
		return []netip.Prefix{prefix}, true
	}
	text := rule.Shown(line.pattern) + ": " + fault.Text
	var proposal []string
	for _, p := range fault.Meant {
		proposal = append(proposal, line.entry(p.String(), line.value))
	}
	one := len(proposal) == 1 || len(proposal) > 1 && !line.negated && len(proposal) <= maxRangeLines
	if later := l.contradicted(line, fault.Meant); later > 0 && fault.Certain {
		fault.Certain, fault.Advice = false, belongsBehind(later)
	}
	if hold := l.holds(line, fault.Meant); hold != nil {
		l.Report(of, line.Found(text+"; "+hold.why, hold.advice))
		return nil, false
	}
	if fault.Certain && one && line.value != "" && line.single() {
		l.Report(of, line.Fixed(text, proposal...))
		return fault.Meant, true
	}
	advice := fault.Advice
	if one && line.value != "" {
		advice = strings.TrimPrefix(advice+"\n"+strings.Join(proposal, "\n"), "\n")
	}
	l.Report(of, line.Found(text, advice))
	return nil, false
}

// contradicted gives the number of a later line with another value for a part of the networks that a skipped line stands for; 0:
// there is none. If the skipped line were corrected in its place, the later line would decide no more.
func (l *linter) contradicted(line *textLine, meant []netip.Prefix) (later int) {
	const most = 1000 // lines to compare; with more the answer is yes, to bound the time
	looked := 0
	for _, p := range meant {
		at := 0
		if !line.negated {
			at, _ = slices.BinarySearchFunc(l.healthy, p.Addr(), func(h healthyLine, a netip.Addr) int { return h.prefix.Addr().Compare(a) })
		}
		for ; at < len(l.healthy) && (line.negated || p.Contains(l.healthy[at].prefix.Addr())); at++ {
			h := l.healthy[at]
			inside := p.Contains(h.prefix.Addr()) && h.prefix.Bits() >= p.Bits()
			ofFamily := h.prefix.Addr().Is4() == p.Addr().Is4()
			if looked++; h.Number > line.Number && ofFamily && inside != line.negated && h.value != line.value || looked > most {
				return h.Number
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
