// Package access finds mistakes in a Sendmail access file that people wrote, and in the map that is built from it. It returns the
// text with the certain corrections made, and writes no file.
package access

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// checks are the checks of a rule on an access file. Each kind looks at another part. The kinds run in this order, so
// that the findings on a line have the order of its parts. Of a name or value the first rule with a fault decides; what is wrong with
// an address tells package address.
type checks struct {
	own    rule.Check[*linter]                     // the lines that mailallow wrote: its block, or the whole text
	text   rule.Check[*linter]                     // the bytes before its first line; it runs last, and its findings come first
	line   rule.Check[*textLine]                   // a line of any form
	keys   rule.Check[*linter]                     // the keys of all entries
	indent rule.Check[*textLine]                   // the blanks before an entry
	tag    rule.Check[*textLine]                   // its tag
	name   func(*linter, *textLine) *address.Fault // its key, if that is no address and Sendmail does not find it as it is written
	value  func(entryValue) *valueFault            // its value
	file   rule.Check[*linter]                     // all entries, after their keys are read
}

// Options hold what is known besides the file.
type Options struct {
	// CF is the sendmail.cf that reads the map of this file; nil: not known.
	CF *sendmail.CF
	rule.Options
}

// Check gives the findings in the text of an access file, in the order of its lines, and the text with the certain ones
// corrected. A line without a finding keeps every byte. Of the lines inside mailallow's block it only checks that mailallow
// wrote them. It reads no file and asks no program; CheckMap compares the text with its map.
func Check(text []byte, o Options) (findings []rule.Finding, fixed []byte) {
	l := newLinter(text, o)
	l.Each(func(c *checks) []rule.Finding { return c.own.Of(l) })
	if l.generated {
		return l.Findings, text
	}
	for _, line := range l.lines {
		l.read(line)
		l.Each(func(c *checks) []rule.Finding { return c.line.Of(line) })
	}
	l.Each(func(c *checks) []rule.Finding { return c.keys.Of(l) })
	l.entries()
	l.Each(func(c *checks) []rule.Finding { return c.file.Of(l) })
	l.Findings = slices.Concat(l.Find(func(c *checks) []rule.Finding { return c.text.Of(l) }), l.Findings)
	rule.Sort(l.Findings)
	if fixed = rule.Rewritten(l.text, l.lines); l.keepsMark {
		fixed = slices.Concat(byteOrder, fixed)
	}
	if !bytes.Equal(fixed, text) {
		_, fixed = Check(fixed, o) // a corrected line may have had the key that another one needs
	}
	return l.Findings, fixed
}

type linter struct {
	rule.Run[checks]
	Options
	text      []byte // without a byte order mark
	marked    bool   // the text begins with one
	keepsMark bool   // and so does the fixed text
	generated bool   // mailallow writes the whole file
	block     block.File
	blockErr  error
	lines     []*textLine
	taken     map[string]takenKey // keys that match, by canonical form; filled if any entry has a fault
	keysLeft  int                 // that may still be written instead of networks

	tagged, untagged map[netip.Prefix]*textLine // see byTag
}

// textLine is a line of an access file.
type textLine struct {
	rule.Line
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
	hold      *hold        // why --fix leaves the entry as it is
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

// newLinter cuts the text into lines and finds mailallow's block.
func newLinter(text []byte, o Options) *linter {
	l := &linter{Run: rule.Run[checks]{Table: rules()}, Options: o, text: bytes.TrimPrefix(text, byteOrder),
		generated: bytes.HasPrefix(text, []byte(format.Header)), taken: map[string]takenKey{}, keysLeft: maxFixKeys}
	l.marked = len(l.text) < len(text)
	l.block, l.blockErr = block.Extract(l.text)
	first, last := 0, 0 // of the block, markers included
	if l.block.Found {
		first = l.blockLine()
		last = first + bytes.Count(l.block.Inside, []byte("\n")) + 1
	}
	physical := ascii.Lines(l.text)
	read := make([]textLine, len(physical))
	var firstCR *textLine
	for i, raw := range physical {
		n := i + 1
		line := &read[i]
		*line = textLine{Line: rule.Line{Number: n, Raw: string(raw)}, managed: n >= first && n <= last}
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
func (l *linter) blockLine() int { return bytes.Count(l.block.Before, []byte("\n")) + 1 }

func (line *textLine) endsInCR() bool { return strings.HasSuffix(line.Raw, "\r") }

// body gives the line without the CRs at its end; bare also lacks the blanks at its beginning.
func (line *textLine) body() (body, bare string) {
	body = strings.TrimRight(line.Raw, "\r")
	return body, strings.TrimLeft(body, " \t\v\f\r")
}

// read takes a line apart like makemap.
func (l *linter) read(line *textLine) {
	if line.managed {
		read := makemap.ReadLine(line.Raw)
		line.folded, line.value = read.Key, read.Value
		return
	}
	body, bare := line.body()
	switch {
	case strings.ContainsRune(body, 0):
		line.form = formNUL
	case len(line.Raw) >= makemap.MaxLine:
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

func (l *linter) readEntry(line *textLine, bare string) {
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
func (l *linter) closeGap(line *textLine) {
	k, colon := line.key, ""
	if k.Tag == "" && bareTag().MatchString(k.Address) {
		k.Tag, colon = k.Address, ":"
	} else if k.Address != "" && k.Address != address.Family || k.Address == "" && k.Tag == "" {
		return
	}
	rest, value, _ := strings.Cut(strings.ReplaceAll(line.value, "\t", " "), " ")
	prefix := ""
	if k.Address == address.Family {
		prefix = address.Family
	}
	p, _, fault := address.Read(key.Key{Address: prefix + ascii.Lower(rest)}, nil)
	isAddress := p.IsValid() && !number().MatchString(rest) || fault != nil
	hasNoDefault := colon == "" && slices.Contains([]string{"connect", "from", "to", "spam"}, k.Tag)
	line.gap = hasNoDefault || k.AsksAddresses() && isAddress
	if value = strings.TrimSpace(value); line.gap && value != "" {
		line.value, line.written = value, line.written+colon+rest
		line.key, line.folded = key.Cut(line.written), ascii.Lower(line.written)
	}
}

var number = pattern.New(`^\d+$`)

// bareTag matches a tag of addresses without its colon.
var bareTag = pattern.New(`^(connect|greetpause|clientrate|clientconn)$`)
