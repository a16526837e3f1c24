package lint

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/pattern"
)

// Options are what a linter of access files knows besides the file.
type Options struct {
	// CF is the sendmail.cf that reads the map of this file; nil: not known.
	CF *sendmail.CF
	// Shared names the provider with many customers that sends from a part of a prefix, empty for none. nil: none is known.
	Shared func(netip.Prefix) string
}

// Access says what is wrong in an access file as people write it, and gives the text with what is certain put
// right. Lines inside mailallow's own block are only checked for being its own; a healthy line stays as it is, byte for
// byte. Nothing is read or asked: see LintMap for the map.
func Access(text []byte, o Options) (findings []Finding, fixed []byte) {
	l := &accessLinter{Options: o, text: bytes.TrimPrefix(text, byteOrderMark), taken: map[string]takenKey{}, keysLeft: maxFixKeys}
	l.cutLines()
	if len(l.text) < len(text) {
		l.findings = append(l.findings, Finding{Line: 1, Rule: "control", Certain: true,
			Text: "a byte order mark begins the file: it becomes part of the first key", Fix: `take it away: sed -i '1s/^\xef\xbb\xbf//'`})
	}
	if bytes.HasPrefix(text, []byte(format.Header)) {
		if _, err := format.ReadSendmail(text); err != nil {
			l.add(0, "block", "this file is mailallow's as a whole, and not as it wrote it: "+err.Error(), "'mailallow update' writes it anew")
		}
		return l.findings, text
	}
	for _, line := range l.lines {
		l.readLine(line)
	}
	l.carriageReturns()
	l.duplicates()
	l.examine()
	l.shadowed()
	l.sharedRelay()
	sortFindings(l.findings)
	return l.findings, rewritten(l.text, l.lines)
}

// byteOrderMark is what some editors write before a text in UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

const (
	// maxFixKeys bounds the keys written out in place of networks, of one file: as many as a target has by default.
	maxFixKeys = format.DefaultMaxKeys
	// maxShared is for how many lines in a file RELAY on one provider is told of; the others are told of in one.
	maxShared = 8
	// maxShown bounds what of a line is shown in a message.
	maxShown = 60
)

func shown(s string) string { return ascii.Printable(s, maxShown) }

type accessLinter struct {
	Options
	text     []byte
	lines    []*accessLine
	findings []Finding
	taken    map[string]takenKey // keys that stand in the file and match, in canonical form; where something is to be put right
	keysLeft int
}

// accessLine is a line as it stands, and what is to stand in its place.
type accessLine struct {
	rewrite
	number int
	ours   bool // of mailallow's block

	entry     bool   // it has a key and a value
	written   string // the key
	folded    string // the key as makemap stores it
	separator string
	value     string
	means     string // the value without what is taken for a comment
	key       key.Key
	prefix    netip.Prefix // of a key that matches addresses
	matches   bool         // it is an address key as Sendmail looks it up
	fault     *keyFault
	indent    bool // stands behind blanks
	gap       bool // has blanks between tag and key
	refused   int  // gap: the line that has the key already
	disputed  int  // a later line with the same key and another value
}

type takenKey struct {
	line  int
	value string
	bits  int // of the network that the key comes from; -1: it stands there
}

func (l *accessLinter) add(line int, rule, text, fix string) {
	l.findings = append(l.findings, Finding{Line: line, Rule: rule, Text: text, Fix: fix})
}

// fix is add for what is put right, too.
func (l *accessLinter) fix(line *accessLine, rule, text string) {
	l.findings = append(l.findings, Finding{Line: line.number, Rule: rule, Text: text, Fix: fixOf(line.text), Certain: true})
}

// fixOf is the fix that puts lines in the place of one, in words where there is nothing to paste.
func fixOf(lines []string) string {
	switch text := strings.Join(lines, "\n"); {
	case text != "":
		return text
	case len(lines) > 0:
		return "leave the line empty"
	}
	return "remove the line"
}

// cutLines cuts the text into lines and finds mailallow's block.
func (l *accessLinter) cutLines() {
	m, err := block.Extract(l.text)
	if err != nil {
		for _, problem := range fault.Each(err) {
			if at := (*fault.AtLine)(nil); errors.As(problem, &at) {
				l.add(at.Line, "block", at.Err.Error(), fmt.Sprintf("there must be one line '%s' and one '%s' below it, or neither: "+
					"mend the file by hand", block.Begin, block.End))
			}
		}
	}
	first, last := 0, 0 // of the block, markers included
	if m.Found {
		first = bytes.Count(m.Before, []byte("\n")) + 1
		last = first + bytes.Count(m.Inside, []byte("\n")) + 1
		if _, err := format.ReadSendmail(m.Inside); err != nil {
			line := first + fault.LineOf(err)
			if at := (*fault.AtLine)(nil); errors.As(err, &at) {
				err = at.Err
			}
			l.add(line, "block", "inside mailallow's block: "+err.Error(), "'mailallow update' writes the block anew; lines of your own "+
				"belong above or below it")
		}
	}
	physical := ascii.Lines(l.text)
	read := make([]accessLine, len(physical))
	for i, raw := range physical {
		n := i + 1
		read[i] = accessLine{rewrite: rewrite{raw: string(raw)}, number: n, ours: n >= first && n <= last}
		l.lines = append(l.lines, &read[i])
	}
}

// readLine takes an entry apart, and tells of lines that makemap refuses or reads otherwise than they look.
func (l *accessLinter) readLine(line *accessLine) {
	body := strings.TrimRight(line.raw, "\r")
	if line.ours {
		entry := makemap.ReadLine(line.raw)
		line.folded, line.value = entry.Key, entry.Value
		return
	}
	bare := strings.TrimLeft(body, " \t\v\f\r")
	switch {
	case strings.ContainsRune(body, 0):
		l.add(line.number, "control", "a NUL byte ends the line for makemap, which then refuses it", "remove the byte")
		return
	case len(line.raw) >= makemap.MaxLine:
		l.add(line.number, "long-line", fmt.Sprintf("a line of %d bytes: makemap cuts it at %d and reads the rest as a line of its own, in a comment, too",
			len(line.raw), makemap.MaxLine), "make lines of at most "+fmt.Sprint(makemap.MaxLine-1)+" bytes of it")
		return
	case body == "" || body[0] == '#':
		return
	case bare == "":
		line.set("")
		l.fix(line, "leading-blank", "a blank line that holds blanks: makemap refuses it")
		return
	case bare[0] == '#' && bare != body:
		line.set(bare)
		l.fix(line, "leading-blank", "a comment that does not begin in the first column: makemap refuses the line")
		return
	}
	line.indent = bare != body
	entry := makemap.ReadLine(bare)
	end := strings.IndexFunc(bare, func(r rune) bool { return r < 0x80 && ascii.IsSpace(byte(r)) })
	if entry.Key == "" {
		l.add(line.number, "missing-value", shown(strings.TrimSpace(bare))+": a key without a value: makemap refuses the line",
			"write a value behind it, or remove the line")
		return
	}
	line.entry, line.written, line.value = true, bare[:end], entry.Value
	line.separator = bare[end : len(bare)-len(entry.Value)]
	line.key = key.Cut(line.written)
	line.folded = entry.Key
	line.closeGap()
	line.means = strings.TrimSpace(line.value)
	if fault := commentFault(line.key, line.means); fault != nil {
		line.means = fault.value
	}
}

// closeGap takes a key that is a tag alone together with what is meant to stand right behind it. Tags that give a
// default (ClientRate: 10) stand alone.
func (line *accessLine) closeGap() {
	k, family, lacking := line.key, strings.ToLower(key.IPv6), ""
	if k.Tag == "" && tagAlone().MatchString(k.Address) {
		k.Tag, lacking = k.Address, ":"
	} else if k.Address != "" && k.Address != family || k.Address == "" && k.Tag == "" {
		return
	}
	behind, value, _ := strings.Cut(strings.ReplaceAll(line.value, "\t", " "), " ")
	prefix := ""
	if k.Address == family {
		prefix = family
	}
	_, isAddress, fault := readAddress(prefix + ascii.Lower(behind))
	isAddress = isAddress && !number().MatchString(behind) || fault != nil
	neverAlone := lacking == "" && slices.Contains([]string{"connect", "from", "to", "spam"}, k.Tag)
	line.gap = neverAlone || k.AsksAddresses() && isAddress
	if value = strings.TrimSpace(value); line.gap && value != "" {
		line.value, line.written = value, line.written+lacking+behind
		line.key, line.folded = key.Cut(line.written), ascii.Lower(line.written)
	}
}

// tagAlone are the tags that stand before addresses, without the colon.
var tagAlone = pattern.New(`^(connect|greetpause|clientrate|clientconn)$`)

// carriageReturns are told of once.
func (l *accessLinter) carriageReturns() {
	var first *accessLine
	count := 0
	for _, line := range l.lines {
		if line.ours || !strings.HasSuffix(line.raw, "\r") {
			continue
		}
		if count++; first == nil {
			first = line
		}
		if !line.changed {
			line.set(strings.TrimRight(line.raw, "\r"))
		}
	}
	if count > 0 {
		l.findings = append(l.findings, Finding{Line: first.number, Rule: "control", Certain: true,
			Text: fmt.Sprintf("lines end in CR LF (%d of them): the CR becomes part of the value, and a blank line is refused by makemap", count),
			Fix:  "end lines in LF alone: sed -i 's/\\r*$//'"})
	}
}

// canonical is one form for the keys that are looked up for the same question at the same length: Connect:1.2.3 and
// 1.2.3 for a client (docs/facts.md 3).
func canonical(k key.Key) string {
	if k.Tag == "" {
		k.Tag = "connect"
	}
	return k.Tag + ":" + k.Address
}

// duplicates finds the keys that makemap sees twice. A second line that says the same is dropped. What stands behind a
// blank is no key yet, and becomes one only where there is none.
func (l *accessLinter) duplicates() {
	seen := make(map[string]*accessLine, len(l.lines))
	for _, line := range l.lines {
		switch {
		case line.ours && seen[line.folded] != nil:
			hand := seen[line.folded]
			l.add(hand.number, "duplicate", fmt.Sprintf("%s stands in mailallow's block, too, on line %d: makemap keeps the first, and fails",
				shown(hand.written), line.number), "'mailallow update' leaves its own key out")
		case line.ours && line.folded != "":
			seen[line.folded] = line
		case line.entry && !line.gap:
			l.duplicate(line, seen)
		}
	}
	for _, line := range l.lines {
		if !line.gap {
			continue
		}
		if before := seen[line.folded]; before != nil {
			line.refused = before.number
		} else {
			seen[line.folded] = line
		}
	}
}

func (l *accessLinter) duplicate(line *accessLine, seen map[string]*accessLine) {
	before := seen[line.folded]
	if before == nil {
		seen[line.folded] = line
		return
	}
	text := fmt.Sprintf("%s stands on line %d already (letters of a key are folded): makemap keeps that one, and fails",
		shown(line.written), before.number)
	if line.entry = false; before.means == line.means && !before.ours {
		line.set()
		l.fix(line, "duplicate", text)
		return
	}
	before.disputed = line.number
	l.add(line.number, "duplicate", text, "remove one of the two: they say different things")
}
