package lint

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// accessChecks are the checks of a rule on an access file. Each kind looks at another part. The kinds run in this order, so
// that the findings on a line have the order of its parts. Of a key or value the first rule with a fault decides.
type accessChecks struct {
	own    check[*accessLinter]           // the lines that mailallow wrote: its block, or the whole text
	text   check[*accessLinter]           // the bytes before its first line
	line   check[*accessLine]             // a line of any form
	keys   check[*accessLinter]           // the keys of all entries
	indent check[*accessLine]             // the blanks before an entry
	tag    check[*accessLine]             // its tag
	key    func(addressKey) *addressFault // its address, if Sendmail does not find it as it is written
	value  func(entryValue) *valueFault   // its value
	file   check[*accessLinter]           // all entries, after their keys are read
}

// Access gives the findings in the text of an access file, in the order of its lines, and the text with the certain ones
// corrected. A line without a finding keeps every byte. Of the lines inside mailallow's block it only checks that mailallow
// wrote them. It reads no file and asks no program; Map compares the text with its map.
func Access(text []byte, o Options) (findings []Finding, fixed []byte) {
	l := newAccessLinter(text, o)
	l.each(func(r *Rule) []Finding { return r.access.own.of(l) })
	if l.generated {
		return l.findings, text
	}
	l.each(func(r *Rule) []Finding { return r.access.text.of(l) })
	for _, line := range l.lines {
		l.read(line)
		l.each(func(r *Rule) []Finding { return r.access.line.of(line) })
	}
	l.each(func(r *Rule) []Finding { return r.access.keys.of(l) })
	l.entries()
	l.each(func(r *Rule) []Finding { return r.access.file.of(l) })
	sortFindings(l.findings)
	return l.findings, rewritten(l.text, l.lines)
}

type accessLinter struct {
	linter
	Options
	text      []byte // without a byte order mark
	marked    bool   // the text begins with one
	generated bool   // mailallow writes the whole file
	block     block.File
	blockErr  error
	lines     []*accessLine
	taken     map[string]takenKey // keys that match, by canonical form; filled if any entry has a fault
	keysLeft  int                 // that may still be written instead of networks
}

// accessLine is a line of an access file.
type accessLine struct {
	rewrite
	managed bool // it belongs to mailallow's block
	crs     int  // on the first line that ends in CR: the number of such lines
	form    form

	// Of an entry:
	written   string // the key
	folded    string // the key as makemap stores it
	separator string
	value     string
	means     string // the value without a comment that its writer added
	key       key.Key
	prefix    netip.Prefix // the addresses that the key matches; not valid: none
	senders   bool         // the key also matches sender domains
	indent    bool         // blanks before the key
	gap       bool         // blanks between tag and key
	takenBy   int          // if gap: the number of the line that has the key already
	disputed  int          // the number of a later line with the same key and another value
}

// form says how makemap reads a line.
type form uint8

const (
	formNone     form = iota // an empty line or a comment; also every line of mailallow's block
	formNUL                  // a NUL byte: refused
	formTooLong              // cut in two
	formBlanks               // only blanks: refused
	formIndented             // a comment after blanks: refused
	formKeyAlone             // a key without value: refused
	formEntry
	formRepeated // an entry with the key of an earlier line: left out
)

// takenKey is a key that a line has, or gets instead of a network.
type takenKey struct {
	line  int
	value string
	bits  int // of the network; -1: the line has the key itself
}

// byteOrder is the byte order mark that some editors write before UTF-8.
var byteOrder = []byte("\xef\xbb\xbf")

// maxFixKeys bounds the keys that a fixed file gets instead of networks: as many as a target may have by default.
const maxFixKeys = format.DefaultMaxKeys

// newAccessLinter cuts the text into lines and finds mailallow's block.
func newAccessLinter(text []byte, o Options) *accessLinter {
	l := &accessLinter{linter: newLinter(), Options: o, text: bytes.TrimPrefix(text, byteOrder),
		generated: bytes.HasPrefix(text, []byte(format.Header)), taken: map[string]takenKey{}, keysLeft: maxFixKeys}
	l.marked = len(l.text) < len(text)
	l.block, l.blockErr = block.Extract(l.text)
	first, last := 0, 0 // of the block, markers included
	if l.block.Found {
		first = l.blockLine()
		last = first + bytes.Count(l.block.Inside, []byte("\n")) + 1
	}
	physical := ascii.Lines(l.text)
	read := make([]accessLine, len(physical))
	var firstCR *accessLine
	for i, raw := range physical {
		n := i + 1
		line := &read[i]
		*line = accessLine{rewrite: rewrite{number: n, raw: string(raw)}, managed: n >= first && n <= last}
		l.lines = append(l.lines, line)
		if line.managed || !line.endsInCR() {
			continue
		}
		if firstCR == nil {
			firstCR = line
		}
		firstCR.crs++
	}
	return l
}

// blockLine is the number of the line that begins mailallow's block.
func (l *accessLinter) blockLine() int { return bytes.Count(l.block.Before, []byte("\n")) + 1 }

func (line *accessLine) endsInCR() bool { return strings.HasSuffix(line.raw, "\r") }

// body gives the line without the CRs at its end; bare also lacks the blanks at its beginning.
func (line *accessLine) body() (body, bare string) {
	body = strings.TrimRight(line.raw, "\r")
	return body, strings.TrimLeft(body, " \t\v\f\r")
}

// read takes a line apart like makemap.
func (l *accessLinter) read(line *accessLine) {
	if line.managed {
		read := makemap.ReadLine(line.raw)
		line.folded, line.value = read.Key, read.Value
		return
	}
	body, bare := line.body()
	switch {
	case strings.ContainsRune(body, 0):
		line.form = formNUL
	case len(line.raw) >= makemap.MaxLine:
		line.form = formTooLong
	case body == "" || body[0] == '#':
	case bare == "":
		line.form = formBlanks
	case bare[0] == '#':
		line.form = formIndented
	default:
		line.indent = bare != body
		l.readEntry(line, bare)
	}
}

func (l *accessLinter) readEntry(line *accessLine, bare string) {
	read := makemap.ReadLine(bare)
	if line.form = formKeyAlone; read.Key == "" {
		return
	}
	end := strings.IndexFunc(bare, func(r rune) bool { return r < 0x80 && ascii.IsSpace(byte(r)) })
	line.form, line.written, line.folded, line.value = formEntry, bare[:end], read.Key, read.Value
	line.separator = bare[end : len(bare)-len(read.Value)]
	line.key = key.Cut(line.written)
	l.closeGap(line)
	line.means = strings.TrimSpace(line.value)
	if fault := valueComment(entryValue{Key: line.key, text: line.means}); fault != nil {
		line.means = fault.value
	}
}

// closeGap joins a tag with the key after the blanks. It leaves tags that set a default, as in ClientRate: 10.
func (l *accessLinter) closeGap(line *accessLine) {
	k, colon := line.key, ""
	if k.Tag == "" && bareTag().MatchString(k.Address) {
		k.Tag, colon = k.Address, ":"
	} else if k.Address != "" && k.Address != family || k.Address == "" && k.Tag == "" {
		return
	}
	rest, value, _ := strings.Cut(strings.ReplaceAll(line.value, "\t", " "), " ")
	prefix := ""
	if k.Address == family {
		prefix = family
	}
	p, _, fault := l.readAddress(key.Key{Address: prefix + ascii.Lower(rest)}, nil)
	isAddress := p.IsValid() && !number().MatchString(rest) || fault != nil
	hasNoDefault := colon == "" && slices.Contains([]string{"connect", "from", "to", "spam"}, k.Tag)
	line.gap = hasNoDefault || k.AsksAddresses() && isAddress
	if value = strings.TrimSpace(value); line.gap && value != "" {
		line.value, line.written = value, line.written+colon+rest
		line.key, line.folded = key.Cut(line.written), ascii.Lower(line.written)
	}
}

// bareTag matches a tag of addresses without its colon.
var bareTag = pattern.New(`^(connect|greetpause|clientrate|clientconn)$`)
