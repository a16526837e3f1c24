package makemap

import (
	"bytes"
	"fmt"
	"iter"
	"sort"
	"strings"

	"mailallow/allowlist/ascii"
)

// MaxLine is the number of bytes of a line, its newline included, that makemap reads at once: its buffer has 1,024 with the
// closing NUL. It reads the rest as a line of its own, even that of a comment (docs/facts.md 5).
const MaxLine = 1023

// Entry is one key and its value, in the form that makemap stores.
type Entry struct {
	Key   string // ASCII letters in lower case
	Value string // the rest of the line, with trailing blanks and a CR
	Line  int    // physical line of the text, from 1
}

// Problem is a line that makemap refuses: it would load the other lines and exit 65 (docs/facts.md 5).
type Problem struct {
	Line   int    // physical line of the text, from 1
	Text   string // the line without its newline; of a long one the first MaxLine bytes
	Reason string
}

func (p Problem) String() string {
	text := p.Text
	if len(text) > 80 {
		text = text[:77] + "..."
	}
	return fmt.Sprintf("line %d: %s: %q", p.Line, p.Reason, text)
}

// TextError says that makemap would refuse a text, and names every line that it would refuse.
type TextError struct{ Problems []Problem }

func (e *TextError) Error() string {
	const shown = 10
	var b strings.Builder
	b.WriteString("makemap refuses this text; correct or remove these hand-written lines:")
	for i, p := range e.Problems {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-shown)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Text is a text that was read by the rules of makemap. It keeps the text, and 24 bytes for each entry.
type Text struct {
	Problems []Problem // lines that makemap would refuse, in their order

	entries
	index keyIndex // of the entries
}

// entries are the entries that makemap would store, in the order of their lines.
type entries struct {
	text   []byte
	places []place
}

// place is where an entry is in the text. A line has at most MaxLine bytes, and a text less than 4 GiB.
type place struct {
	at, line        uint32
	key, gap, value uint16 // lengths
}

// key gives the key of entry number i in its own case.
func (e entries) key(i int) []byte {
	p := e.places[i]
	return e.text[p.at:][:p.key]
}

func (e entries) value(i int) []byte {
	p := e.places[i]
	return e.text[int(p.at)+int(p.key)+int(p.gap):][:p.value]
}

func (e entries) line(i int) int { return int(e.places[i].line) }

// All yields the entries that makemap would store, in the order of their lines.
func (e entries) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range e.places {
			if !yield(Entry{Key: ascii.Lower(string(e.key(i))), Value: string(e.value(i)), Line: e.line(i)}) {
				return
			}
		}
	}
}

// ReadText reads a text by the rules of makemap: it never fails, and Problems are the lines that makemap would refuse.
func ReadText(text []byte) *Text {
	m := &Text{entries: entries{text: text}}
	m.read()
	m.index = newKeyIndex(m.entries)
	if duplicates := m.index.duplicates(); len(duplicates) > 0 {
		m.drop(duplicates)
		m.index = newKeyIndex(m.entries)
	}
	return m
}

// read does not look for duplicate keys.
func (m *Text) read() {
	for at, line, start := 0, 1, 0; at < len(m.text); {
		piece, whole := cutPiece(m.text[at:])
		key, gap, value, reason := readPiece(piece, whole)
		if reason != "" {
			m.Problems = append(m.Problems, Problem{Line: line, Text: lineAt(m.text[start:]), Reason: reason})
		}
		if key > 0 {
			if m.places == nil {
				m.places = make([]place, 0, 1+bytes.Count(m.text, []byte("\t"))) // most lines have one
			}
			m.places = append(m.places, place{uint32(at), uint32(line), uint16(key), uint16(gap), uint16(value)})
		}
		at += len(piece)
		if piece[len(piece)-1] == '\n' {
			line, start = line+1, at
		}
	}
}

// drop makes problems of the entries with duplicate keys. No problem of their lines is lost: an entry always ends its line.
func (m *Text) drop(duplicates map[int]int) {
	lines := ascii.Lines(m.text)
	var kept []place
	for i, p := range m.places {
		first, again := duplicates[i]
		if !again {
			kept = append(kept, p)
			continue
		}
		m.Problems = append(m.Problems, Problem{Line: m.line(i), Text: lineAt(lines[p.line-1]),
			Reason: fmt.Sprintf("key %q is on line %d already (keys are compared in lower case)", ascii.Lower(string(m.key(i))), m.line(first))})
	}
	m.places = kept
	sort.SliceStable(m.Problems, func(i, j int) bool { return m.Problems[i].Line < m.Problems[j].Line })
}

// cutPiece cuts off the bytes that makemap's next call of fgets returns. whole is false for a piece that makemap calls too
// long: one that fills the buffer without a newline, or one with a NUL before its newline, because a string in C ends there.
func cutPiece(text []byte) (piece []byte, whole bool) {
	piece = text[:min(len(text), MaxLine)]
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		piece = piece[:i+1]
		return piece, bytes.IndexByte(piece, 0) < 0
	}
	return piece, len(piece) < MaxLine
}

// readPiece returns the lengths of the key in one piece, of the blanks behind it and of the value, or the reason why makemap
// refuses the piece. For an empty line and a comment all of them are zero.
func readPiece(piece []byte, whole bool) (key, gap, value int, reason string) {
	if !whole {
		if bytes.IndexByte(piece, 0) >= 0 {
			return 0, 0, 0, "holds a NUL byte"
		}
		return 0, 0, 0, fmt.Sprintf("longer than %d bytes: makemap reads the rest as a line of its own", MaxLine-1)
	}
	s := bytes.TrimSuffix(piece, []byte("\n"))
	if nul := bytes.IndexByte(s, 0); nul >= 0 {
		s = s[:nul]
	}
	if len(s) == 0 || s[0] == '#' {
		return 0, 0, 0, ""
	}
	if ascii.IsSpace(s[0]) {
		return 0, 0, 0, "begins with a blank (blank lines must be empty, comments begin in the first column)"
	}
	for key < len(s) && !ascii.IsSpace(s[key]) {
		key++
	}
	for key+gap < len(s) && ascii.IsSpace(s[key+gap]) {
		gap++
	}
	if key+gap == len(s) {
		return 0, 0, 0, "a key without a value"
	}
	return key, gap, len(s) - key - gap, ""
}

// ReadLine reads one line, given without its newline. Key is empty if the line holds no entry. Line is not set.
func ReadLine(line string) Entry {
	key, gap, value, _ := readPiece([]byte(line), true)
	return Entry{Key: ascii.Lower(line[:key]), Value: line[key+gap:][:value]}
}

// lineAt is the first line of text, at most MaxLine bytes: each piece of a long line can be a problem of its own.
func lineAt(text []byte) string {
	line, _, _ := bytes.Cut(text[:min(len(text), MaxLine)], []byte("\n"))
	return string(line)
}
