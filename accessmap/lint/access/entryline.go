package access

import (
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/pattern"
)

// textLine is a line of an access file.
type textLine struct {
	rule.Line
	managed bool // it belongs to mailallow's block
	crs     int  // on the first line that ends in CR: the number of such lines
	form    form

	// Of an entry; of a line of the block only folded, means and key:
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
	hidden    bool         // makemap reads another key or none: there is an indent, a gap, or a byte order mark
	takenBy   int          // if hidden: the number of the line that has the key already
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

// marked reports whether a check has found more about the line than there is in its text.
func (line *textLine) marked() bool {
	return line.Changed || line.form == formRepeated || line.takenBy > 0 || line.disputed > 0 || line.hold != nil
}

func (line *textLine) endsInCR() bool { return strings.HasSuffix(line.Raw, "\r") }

// body gives the line without the CRs at its end; bare also lacks the blanks at its beginning.
func (line *textLine) body() (body, bare string) {
	body = strings.TrimRight(line.Raw, "\r")
	return body, strings.TrimLeft(body, " \t\v\f\r")
}

// read takes a line apart like makemap.
func (line *textLine) read() {
	if line.managed {
		read := makemap.ReadLine(line.Raw)
		line.folded, line.key, line.means = read.Key, key.Cut(read.Key), read.Value
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
		line.readEntry(bare)
	}
}

func (line *textLine) readEntry(bare string) {
	read := makemap.ReadLine(bare)
	if line.form = formKeyAlone; read.Key == "" {
		return
	}
	end := strings.IndexFunc(bare, func(r rune) bool { return r < 0x80 && ascii.IsSpace(byte(r)) })
	line.form, line.written, line.folded, line.value = formEntry, bare[:end], read.Key, read.Value
	line.separator = bare[end : len(bare)-len(read.Value)]
	line.key = key.Cut(line.written)
	line.closeGap()
	line.means = strings.TrimSpace(line.value)
	if fault := valueComment(entryValue{Key: line.key, text: line.means}); fault != nil {
		line.means = fault.value
	}
}

// closeGap joins a tag with the key after the blanks, which may be before its colon. It leaves tags that set a default, as in
// ClientRate: 10.
func (line *textLine) closeGap() {
	k, colon := line.key, ""
	behind, colonBehind := strings.CutPrefix(line.value, ":")
	if k.Tag == "" && (bareTag().MatchString(k.Address) || colonBehind && slices.Contains(namesAndMail[1:], k.Address)) {
		k.Tag, colon = k.Address, ":"
	} else if k.Address != "" && k.Address != address.Family || k.Address == "" && k.Tag == "" {
		return
	}
	rest, value, _ := strings.Cut(strings.TrimLeft(strings.ReplaceAll(behind, "\t", " "), " "), " ")
	prefix := ""
	if k.Address == address.Family {
		prefix = address.Family
	}
	p, _, fault := address.Read(key.Key{Address: prefix + ascii.Lower(rest)}, nil)
	isAddress := p.IsValid() && !number().MatchString(rest) || fault != nil
	hasNoDefault := (colon == "" || colonBehind) && slices.Contains([]string{"connect", "from", "to", "spam"}, k.Tag)
	line.gap = hasNoDefault || k.AsksAddresses() && isAddress
	if value = strings.TrimSpace(value); line.gap && value != "" {
		line.value, line.written = value, line.written+colon+rest
		line.key, line.folded = key.Cut(line.written), ascii.Lower(line.written)
	}
}

var number = pattern.New(`^\d+$`)

// bareTag matches a tag of addresses without its colon.
var bareTag = pattern.New(`^(connect|greetpause|clientrate|clientconn)$`)
