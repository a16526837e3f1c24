package notation

import (
	"bytes"
	"net/netip"
	"unicode"
	"unicode/utf8"

	"mailallow/allowlist/prefixes"
)

// reading reads a text record by record: a line, or the text between two record marks.
type reading struct {
	Reader
	Layout
	text []byte

	pos, line int
	begin     int    // where the record begins in the text
	lineEnd   int    // behind the end of a line, see endOfLine
	items     []item // of the record, and of those before it that it may go on
	record    int    // the number of the first item of the record
	gap       byte   // what separates the next item from the one before, see item
	emphasis  bool   // Markdown's * or _ opened something in the record
	columns   columns
	held      held
	spansTo   [len(spans)][2]int // as far as this, no span of the kind ends: in lower case, and in upper case

	at             int // the item that is looked at
	parts          [8]*item
	doubts         []doubt
	numbers, pairs evidence
	errs           []error // of a strict list
	mistakes       int     // their number
	err            error   // of Add
}

// held is an address alone on its line, until the next line is known to say no more of it; the line is 0 for none.
type held struct {
	prefix           netip.Prefix
	start, end, line int
}

// maxItems bounds the items that are looked at together. No record of a list that people write has as many; in a longer one,
// items that are more than lookahead apart are not read together.
const (
	maxItems  = 256
	lookahead = 32
)

func (r *reading) read() error {
	r.newRecord()
	for r.pos < len(r.text) && r.err == nil {
		if r.Lines && r.Comments && !r.Marks && r.pos == r.begin {
			if r.wholeLines(); r.pos == len(r.text) {
				break
			}
			r.release()
		}
		r.token()
		if len(r.items) >= maxItems {
			r.settle(lookahead)
		}
	}
	r.release()
	r.endRecord()
	r.settleAll()
	r.decide()
	return r.err
}

// wholeLines reads lines that are one network and nothing else, or with a comment behind it: most lines of most lists.
func (r *reading) wholeLines() {
	if r.columns.delimiter != 0 || len(r.items) > 2 {
		return
	}
	text, pos, number := r.text, r.pos, r.line
	for pos < len(text) && r.err == nil {
		p, rest, ok := prefixes.ParseLine(text[pos:])
		line := text[pos : len(text)-len(rest)]
		if !ok {
			line, rest = beforeComment(text[pos:])
			if p, ok = prefixes.Parse(line); !ok {
				break
			}
		}
		next := len(text) - max(0, len(rest)-1)
		if looksLikeMask(line) && p.IsSingleIP() && isMask(p) || !r.Strict && p.IsSingleIP() && isNoAddress(line) {
			break
		}
		if len(r.items) > 0 || r.held.line > 0 {
			r.settleAll()
			r.settleHeld()
		}
		if beginsAddress(text[next:]) || !p.IsSingleIP() {
			r.err = r.Add(p, number)
		} else {
			r.held = held{p, pos, pos + len(line), number}
		}
		pos, number = next, number+1
	}
	r.pos, r.begin, r.line = pos, pos, number
}

// beforeComment gives the word of the first line of text, if it has a comment or nothing behind it, and the text behind the
// line.
func beforeComment(text []byte) (word, rest []byte) {
	end := bytes.IndexByte(text, '\n')
	if end < 0 {
		end = len(text)
	}
	line, rest := text[:end], text[end:]
	blank := bytes.IndexAny(line, " \t\r")
	if blank <= 0 {
		return nil, nil
	}
	behind := bytes.TrimLeft(line[blank:], " \t\r")
	if len(behind) > 0 && behind[0] != '#' && behind[0] != ';' || len(behind) > 1 && behind[0] == ';' && !isBlank(behind[1]) {
		return nil, nil
	}
	return line[:blank], rest
}

// looksLikeMask reports whether an address may be a netmask, by its first digits.
func looksLikeMask(a []byte) bool {
	return a[0] == '0' || a[0] == '2' && len(a) > 1 && a[1] >= '4' && isDigit(a[1]) || a[0]|0x20 == 'f'
}

// beginsAddress reports whether a text begins like an address that is no netmask: nothing that says more of the line before.
func beginsAddress(text []byte) bool {
	return len(text) > 0 && isDigit(text[0]) && !looksLikeMask(text)
}

// settleHeld adds the address that is held.
func (r *reading) settleHeld() {
	if r.held.line > 0 {
		r.add(r.held.prefix, r.held.line)
		r.held.line = 0
	}
}

// release makes the address that is held an item again, because the present line may say more of it.
func (r *reading) release() {
	if h := r.held; h.line > 0 {
		r.items = append(r.items, item{kind: kindHost, prefix: h.prefix, start: h.start, end: h.end, line: h.line},
			item{kind: kindRecordEnd, start: r.begin, end: r.begin})
		r.held.line, r.record = 0, len(r.items)
	}
}

// token reads the next item, or what separates items.
func (r *reading) token() {
	c := r.text[r.pos]
	switch {
	case c == '\n':
		r.pos++
		if r.Lines {
			r.endRecord()
			r.line++
			r.newRecord()
		} else {
			r.line++
			r.separate(' ')
		}
	case c == CellMark && r.Marks:
		r.pos++
		r.label() // <td>End</td><td>192.0.2.9</td>
		r.separate(c)
	case IsMark(c) && r.Marks:
		r.pos++
		r.endRecord()
		if c == TableMark {
			r.columns = columns{}
		}
		r.newRecord()
	case r.comment() || r.span():
	case c < utf8.RuneSelf:
		r.ascii(c)
	default:
		r.other()
	}
}

// ascii reads what begins with an ASCII character.
func (r *reading) ascii(c byte) {
	switch {
	case c <= ' ' || c == 0x7f || r.Strict && (c == ',' || c == ';') || !r.Strict && !isWordByte[c]:
		if c == '>' && r.isTag() {
			r.label() // <start>192.0.2.0</start>
		}
		r.pos++
		r.separate(c)
	case r.expression():
	case r.Strict:
		r.word(r.strictEnd())
	default:
		r.word(r.wordEnd())
	}
}

// isTag reports whether the last item is a word right behind <.
func (r *reading) isTag() bool {
	last := len(r.items) - 1
	return last >= r.record && r.items[last].end == r.pos && r.items[last].start > 0 && r.text[r.items[last].start-1] == '<' && r.text[r.items[last].start] != '/'
}

// other reads what begins with another character: a dash, a word, or what separates words.
func (r *reading) other() {
	c, size := decodeRune(r.text[r.pos:])
	switch {
	case isDash(c):
		r.push(item{kind: kindDash, start: r.pos, end: r.pos + size})
	case isBlankRune(c):
		r.pos += size
		r.separate(' ')
	case r.Strict:
		r.word(r.strictEnd())
	case isWordRune(c):
		r.word(r.wordEnd())
	case unicode.IsLetter(c):
		end := r.pos
		for c >= utf8.RuneSelf && unicode.IsLetter(c) {
			end += size
			c, size = decodeRune(r.text[end:])
		}
		r.word(end)
	default:
		r.pos += size
		r.separate(',')
	}
}

// separate notes a separator between the last item and the next.
func (r *reading) separate(c byte) {
	switch {
	case c == '|':
		r.gap = '|'
	case c <= ' ' && c != CellMark:
		r.gap = max(r.gap, ' ')
	default:
		r.gap = max(r.gap, ',')
	}
	if c == r.columns.delimiter && c != 0 {
		r.column()
	}
}

// push appends an item and goes on behind it.
func (r *reading) push(it item) {
	it.line, it.gap = r.line, r.gap
	if last := len(r.items) - 1; it.kind == kindDash && last >= r.record && r.items[last].kind == kindDash {
		r.items[last].end = it.end
	} else {
		r.items = append(r.items, it)
	}
	r.gap, r.pos = 0, it.end
}

// afterItem reports whether the reader is right behind an item of the record.
func (r *reading) afterItem() bool {
	last := len(r.items) - 1
	return last >= r.record && r.items[last].end == r.pos && r.items[last].start < r.pos
}

// wordEnd gives the end of the word that begins at the present place.
func (r *reading) wordEnd() int {
	i := r.pos
	for i < len(r.text) {
		c, size := rune(r.text[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(r.text[i:])
		}
		if !isWordRune(c) {
			if size = unseenAt(r.text, i) - i; size == 0 {
				break
			}
		}
		i += size
	}
	return i
}

// strictEnd gives the end of the word in a strict list, where only blanks, commas and comments separate words.
func (r *reading) strictEnd() int {
	i := r.pos + 1
	for i < len(r.text) && r.text[i] > ' ' && bytes.IndexByte([]byte(",;#"), r.text[i]) < 0 {
		i++
	}
	return i
}

func (r *reading) newRecord() {
	r.begin, r.record, r.gap, r.emphasis = r.pos, len(r.items), ' ', false
	r.beginRow()
}

// endRecord ends a record and settles what the next one cannot change.
func (r *reading) endRecord() {
	last := len(r.items) - 1
	if last < 0 || !r.Lines && r.items[last].kind == kindRecordEnd {
		return // an empty record matters in a text alone, where it is an empty line
	}
	if last >= r.record {
		r.header(r.text[r.begin:r.pos])
	}
	r.items = append(r.items, item{kind: kindRecordEnd, start: r.pos, end: r.pos})
	r.settle(0)
}
