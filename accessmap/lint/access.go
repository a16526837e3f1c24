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
)

// accessChecks are the checks of a rule on an access file, by what they look at. The kinds run in this order, so that the
// findings on a line are in the order of its parts.
type accessChecks struct {
	own    func(*accessLinter) []Finding         // what mailallow wrote: its block, or the whole text
	text   func(*accessLinter) []Finding         // the text as a whole
	line   func(*accessLine) []Finding           // a line, above all one that makemap reads no entry from: see form
	keys   func(*accessLinter) []Finding         // the keys of all entries
	indent func(Options, *accessLine) *partFault // the blanks before an entry
	tag    func(Options, *accessLine) *partFault // its tag
	key    func(addressKey) *addressFault        // an address that it has for a key and Sendmail does not find; the first rule decides
	value  func(entryValue) *valueFault          // its value; the first rule decides
	file   func(*accessLinter) []Finding         // all entries, when it is known what their keys match
}

// Access says what is wrong in an access file as people write it, and gives the text with what is certain put
// right. Lines inside mailallow's own block are only checked for being its own; a healthy line stays as it is, byte for
// byte. Nothing is read or asked: see LintMap for the map.
func Access(text []byte, o Options) (findings []Finding, fixed []byte) {
	l := newAccessLinter(text, o)
	for _, r := range l.rules {
		if r.access.own != nil {
			l.report(r, r.access.own(l)...)
		}
	}
	if l.generated {
		return l.findings, text
	}
	for _, r := range l.rules {
		if r.access.text != nil {
			l.report(r, r.access.text(l)...)
		}
	}
	for _, line := range l.lines {
		l.read(line)
		for _, r := range l.rules {
			if r.access.line != nil {
				l.report(r, r.access.line(line)...)
			}
		}
	}
	for _, r := range l.rules {
		if r.access.keys != nil {
			l.report(r, r.access.keys(l)...)
		}
	}
	l.entries()
	for _, r := range l.rules {
		if r.access.file != nil {
			l.report(r, r.access.file(l)...)
		}
	}
	sortFindings(l.findings)
	return l.findings, rewritten(l.text, l.lines)
}

type accessLinter struct {
	linter
	Options
	text      []byte // without a byte order mark
	marked    bool   // there was one
	generated bool   // it is mailallow's as a whole
	block     block.File
	blockErr  error
	lines     []*accessLine
	taken     map[string]takenKey // keys that stand in the file and match, in canonical form; where something is to be put right
	keysLeft  int
}

// accessLine is a line as it stands, and what is to stand in its place.
type accessLine struct {
	rewrite
	ours bool // of mailallow's block
	crs  int  // of the first line that ends in CR: how many do
	form form

	// Of an entry:
	written   string // the key
	folded    string // the key as makemap stores it
	separator string
	value     string
	means     string // the value without what is taken for a comment
	key       key.Key
	prefix    netip.Prefix // of a key that matches addresses
	indent    bool         // stands behind blanks
	gap       bool         // has blanks between tag and key
	refused   int          // gap: the line that has the key already
	disputed  int          // a later line with the same key and another value
}

// form is what makemap makes of a line.
type form uint8

const (
	formNone     form = iota // an empty line or a comment; a line of mailallow's block
	formNUL                  // it refuses the line
	formTooLong              // it cuts the line in two
	formBlanks               // blanks alone: it refuses the line
	formIndented             // a comment behind blanks: it refuses the line
	formKeyAlone             // it refuses the line
	formEntry
	formRepeated // an entry whose key is that of an earlier line: it leaves it out
)

type takenKey struct {
	line  int
	value string
	bits  int // of the network that the key comes from; -1: it stands there
}

// byteOrder is the mark that some editors write before a text in UTF-8.
var byteOrder = []byte("\xef\xbb\xbf")

// maxFixKeys bounds the keys written out in place of networks, of one file: as many as a target has by default.
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
		*line = accessLine{rewrite: rewrite{number: n, raw: string(raw)}, ours: n >= first && n <= last}
		l.lines = append(l.lines, line)
		if line.ours || !line.endsInCR() {
			continue
		}
		if firstCR == nil {
			firstCR = line
		}
		firstCR.crs++
	}
	return l
}

// blockLine is the line on which mailallow's block begins.
func (l *accessLinter) blockLine() int { return bytes.Count(l.block.Before, []byte("\n")) + 1 }

func (line *accessLine) endsInCR() bool { return strings.HasSuffix(line.raw, "\r") }

// body is the line without the CRs at its end, and without the blanks at its beginning.
func (line *accessLine) body() (body, bare string) {
	body = strings.TrimRight(line.raw, "\r")
	return body, strings.TrimLeft(body, " \t\v\f\r")
}

// read takes a line apart as makemap does.
func (l *accessLinter) read(line *accessLine) {
	if line.ours {
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

// closeGap takes a key that is a tag alone together with what is meant to stand right behind it. Tags that give a
// default (ClientRate: 10) stand alone.
func (l *accessLinter) closeGap(line *accessLine) {
	k, lacking := line.key, ""
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
	p, _, fault := l.readAddress(key.Key{Address: prefix + ascii.Lower(behind)}, nil)
	isAddress := p.IsValid() && !number().MatchString(behind) || fault != nil
	neverAlone := lacking == "" && slices.Contains([]string{"connect", "from", "to", "spam"}, k.Tag)
	line.gap = neverAlone || k.AsksAddresses() && isAddress
	if value = strings.TrimSpace(value); line.gap && value != "" {
		line.value, line.written = value, line.written+lacking+behind
		line.key, line.folded = key.Cut(line.written), ascii.Lower(line.written)
	}
}

// tagAlone are the tags that stand before addresses, without the colon.
var tagAlone = ascii.Pattern(`^(connect|greetpause|clientrate|clientconn)$`)
