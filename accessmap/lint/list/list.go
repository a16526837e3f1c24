// Package list finds mistakes in plain lists of networks, one a line, as other tools write them and programs read them. It returns
// the shortest list of the same addresses, and writes no file.
package list

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
)

// checks are the checks of a rule on a list, each for a line. The kinds run in this order.
type checks struct {
	form    rule.CheckIn[*linter, *textLine] // a line that is no network as programs read it
	network rule.CheckIn[*linter, *textLine] // a line of which the networks are known
}

// Rules gives the rules about lists.
func Rules() []rule.Rule { return rule.Of(rules()) }

// rules is the table of the rules. Checks of one kind run in its order.
func rules() []rule.Entry[checks] {
	return []rule.Entry[checks]{
		{Checks: checks{form: noNetwork}, Rule: rule.Rule{Name: "no-network", Severity: rule.Error,
			Catches: "a line of a list that is no address and no network as 192.0.2.0/24",
			Why:     "the programs that read lists skip it, or refuse the list"}},
		{Checks: checks{form: hostBits}, Rule: rule.HostBits()},
		{Checks: checks{network: redundant}, Rule: rule.Redundant()},
		{Checks: checks{network: wide}, Rule: rule.Wide()},
		{Checks: checks{network: special}, Rule: rule.SpecialSpace()},
	}
}

// Check gives the findings in a list, in the order of its lines.
func Check(text []byte, o rule.Options) []rule.Finding { return read(text, o).Findings }

// Fix gives the shortest list of the same addresses: the comments that begin the text, then the fewest networks in address order.
// made are the findings that are put right in it. The text stays as it is if a line is not understood.
func Fix(text []byte, o rule.Options) (fixed []byte, made []rule.Finding) {
	return rule.Settled(text, func(text []byte, _ rule.Origins) rule.Reading { return read(text, o) })
}

func read(text []byte, o rule.Options) rule.Reading {
	l := &linter{Run: rule.Run[checks]{Table: rules()}, Options: o}
	for i, raw := range ascii.Lines(text) {
		l.read(&textLine{Line: rule.Line{Number: i + 1, Raw: string(raw)}})
	}
	l.cover()
	for _, line := range l.lines {
		if line.word == "" {
			continue
		}
		l.Each(func(c *checks) []rule.Finding { return c.form.Of(l, line) })
		l.Each(func(c *checks) []rule.Finding { return c.network.Of(l, line) })
	}
	fixed := l.shortest()
	if fixed == nil {
		fixed = text
		for i := range l.Findings {
			l.Findings[i].Certain = false
		}
	}
	return rule.Reading{Findings: l.Findings, Fixed: fixed}
}

type linter struct {
	rule.Run[checks]
	rule.Options
	lines  []*textLine
	fewest prefixes.List
	first  map[netip.Prefix]*textLine // the first line of each network
}

// textLine is a line of a list.
type textLine struct {
	rule.Line
	word     string // without blanks and comment; empty: the line has nothing else
	networks []netip.Prefix
	plain    bool // the word is an address or a network without host bits
	bits     bool // the word is a network with host bits
}

func (l *linter) read(line *textLine) {
	l.lines = append(l.lines, line)
	line.word = line.Raw
	for _, sign := range []string{"#", ";", "//"} {
		line.word, _, _ = strings.Cut(line.word, sign)
	}
	line.word = strings.TrimSpace(line.word)
	if addr, err := netip.ParseAddr(line.word); err == nil && addr.Zone() == "" {
		line.networks, line.plain = []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}, true
	} else if p, err := netip.ParsePrefix(line.word); err == nil {
		line.networks, line.plain, line.bits = []netip.Prefix{p.Masked()}, p == p.Masked(), p != p.Masked()
	} else {
		line.networks = address.Networks(line.word)
	}
}

// cover finds the fewest networks, and the first line of each network.
func (l *linter) cover() {
	var all prefixes.List
	l.first = make(map[netip.Prefix]*textLine, len(l.lines))
	for _, line := range l.lines {
		for _, p := range line.networks {
			all.Add(p, 0)
			if l.first[p] == nil {
				l.first[p] = line
			}
		}
	}
	l.fewest = all.Sorted().Fewest()
}

// shortest gives the shortest list; nil: a line is not understood.
func (l *linter) shortest() []byte {
	var b bytes.Buffer
	for _, line := range l.lines {
		if line.word != "" {
			break
		}
		b.WriteString(strings.TrimRight(line.Raw, "\r") + "\n") // as the lines of the networks
	}
	for _, line := range l.lines {
		if line.word != "" && (line.networks == nil || l.holds(line) != "") {
			return nil
		}
	}
	for p := range l.fewest.All() {
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		b.WriteString(text + "\n")
	}
	return b.Bytes()
}

// holds says whose hosts could relay if programs read a line that they do not read as it is; empty: nobody else's. Such a line
// keeps the list from being corrected.
func (l *linter) holds(line *textLine) string {
	for _, p := range line.networks {
		if hosts, _ := l.Others(p); hosts != "" && l.Relays && !line.plain {
			return hosts
		}
	}
	return ""
}

const (
	mayRelay    = " could relay through this server once programs read it"
	relayAdvice = "remove it, or write the networks that are meant" + leftAlone
	leftAlone   = "; --fix leaves the list as it is until then"
)

func noNetwork(l *linter, line *textLine) []rule.Finding {
	switch {
	case line.plain || line.bits:
		return nil
	case line.networks == nil:
		return []rule.Finding{line.Found(rule.Shown(line.word)+": no address, and no network as 192.0.2.0/24 or 2001:db8::/32", "write the networks that are meant, one a line"+leftAlone)}
	}
	if hosts := l.holds(line); hosts != "" {
		return []rule.Finding{line.Found(rule.Shown(line.word)+": programs read one network a line, as 192.0.2.0/24; "+hosts+mayRelay, relayAdvice)}
	}
	var lines []string
	for _, p := range line.networks {
		lines = append(lines, p.String())
	}
	return []rule.Finding{line.certain(rule.Shown(line.word)+": programs read one network a line, as 192.0.2.0/24", lines...)}
}

func hostBits(l *linter, line *textLine) []rule.Finding {
	if !line.bits {
		return nil
	}
	if hosts := l.holds(line); hosts != "" {
		return []rule.Finding{line.Found(rule.Shown(line.word)+": bits of the host are set: programs skip the line, or read it as the network; "+hosts+mayRelay, relayAdvice)}
	}
	return []rule.Finding{line.certain(rule.Shown(line.word)+": bits of the host are set: programs skip the line, or read it as the network", line.networks[0].String())}
}

// certain makes a finding that the shortest list corrects.
func (line *textLine) certain(text string, lines ...string) rule.Finding {
	return rule.Finding{Line: line.Number, Text: text, Fix: strings.Join(lines, "\n"), Certain: true}
}

// redundant finds lines whose addresses another line has, too: the same network above, or a wider one anywhere.
func redundant(l *linter, line *textLine) []rule.Finding {
	if len(line.networks) != 1 {
		return nil
	}
	p := line.networks[0]
	if before := l.first[p]; before != line {
		return []rule.Finding{line.certain(fmt.Sprintf("%s is on line %d already", rule.Shown(line.word), before.Number), "remove the line")}
	}
	for bits := p.Bits() - 1; bits >= 0; bits-- {
		wider, _ := p.Addr().Prefix(bits)
		if by := l.first[wider]; by != nil {
			return []rule.Finding{line.certain(fmt.Sprintf("%s: line %d has %s, which covers it", rule.Shown(line.word), by.Number, rule.Shown(by.word)), "remove the line")}
		}
	}
	return nil
}

func wide(l *linter, line *textLine) []rule.Finding {
	at := slices.IndexFunc(line.networks, l.Limits.Wide)
	if at < 0 {
		return nil
	}
	return []rule.Finding{line.Found(fmt.Sprintf("%s: this is %s", rule.Shown(line.word), rule.Size(line.networks[at])), "write the networks that are meant")}
}

func special(_ *linter, line *textLine) []rule.Finding {
	at := slices.IndexFunc(line.networks, rule.Special)
	if at < 0 {
		return nil
	}
	return []rule.Finding{line.Found(fmt.Sprintf("%s: special-purpose space, from which no mail of others comes", rule.Shown(line.word)), "remove it, unless it is a network of yours")}
}
