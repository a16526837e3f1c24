package makemap

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// MaxLine is how many bytes of a line, its newline included, makemap takes at once (its buffer holds 1,024 with the
// closing NUL). What is over is read as a line of its own, a comment's tail too (docs/facts.md 5).
const MaxLine = 1023

// Entry is one key and its value as makemap stores them.
type Entry struct {
	Key   string // ASCII letters in lower case
	Value string // the rest of the line: trailing blanks and a CR are part of it
	Line  int    // physical line of the text, from 1
}

// Problem is a line makemap refuses; it would exit 65 and load the rest (docs/facts.md 5).
type Problem struct {
	Line   int    // physical line of the text, from 1
	Text   string // the line as it is written, without its newline, and of a long one the beginning
	Reason string
}

func (p Problem) String() string {
	text := p.Text
	if len(text) > 80 {
		text = text[:77] + "..."
	}
	return fmt.Sprintf("line %d: %s: %q", p.Line, p.Reason, text)
}

// TextError is a text that makemap would refuse, with every line it would refuse.
type TextError struct{ Problems []Problem }

func (e *TextError) Error() string {
	const shown = 10
	var b strings.Builder
	b.WriteString("makemap refuses this text; correct or remove what was written by hand:")
	for i, p := range e.Problems {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-shown)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// ReadTextAround reads before and after as one text, as ReadMapText does, where skipped lines of something else are
// between them. The lines of entries and problems are those of the whole.
func ReadTextAround(before, after []byte, skipped int) *Text {
	g := gap{first: bytes.Count(before, []byte("\n")) + 1, height: skipped}
	r := readMapTextAround(slices.Concat(before, after), g)
	for i, e := range r.Entries {
		r.Entries[i].Line = g.line(e.Line)
	}
	for i, p := range r.Problems {
		r.Problems[i].Line = g.line(p.Line)
	}
	return r
}

// Text is a text as makemap reads it.
type Text struct {
	Entries  []Entry   // that makemap would store, in the order of the text
	Problems []Problem // lines that it would refuse

	text  []byte
	index keyIndex // of the entries
	gap   gap
}

// gap is where lines were taken out of a text: those from first on stand further down, by height.
type gap struct{ first, height int }

func (g gap) line(n int) int {
	if g.first > 0 && n >= g.first {
		n += g.height
	}
	return n
}

// ReadText reads text as ReadMapText does, for Build.
func ReadText(text []byte) *Text { return readMapTextAround(text, gap{}) }

// readMapTextAround has the lines of entries and problems as they are in text, and tells of them as they are around the
// gap.
func readMapTextAround(text []byte, g gap) *Text {
	m := &Text{text: text, gap: g}
	m.read()
	m.index = newKeyIndex(m.Entries)
	if twice := m.index.twice(); len(twice) > 0 {
		m.drop(twice)
		m.index = newKeyIndex(m.Entries)
	}
	return m
}

// read reads every line by itself.
func (m *Text) read() {
	var keys strings.Builder // what is in it stays where it is, since it never grows
	keys.Grow(len(m.text))
	value := "" // of the entry before
	for at, line, start := 0, 1, 0; at < len(m.text); {
		piece, whole := mapPiece(m.text[at:])
		key, rest, reason := cutMapLine(piece, whole)
		if reason != "" {
			m.Problems = append(m.Problems, Problem{Line: line, Text: lineAt(m.text[start:]), Reason: reason})
		}
		if key > 0 {
			if m.Entries == nil {
				m.Entries = make([]Entry, 0, 1+bytes.Count(m.text, []byte("\n")))
			}
			if value != string(rest) {
				value = string(rest)
			}
			from := keys.Len()
			for _, c := range piece[:key] {
				keys.WriteByte(ascii.LowerByte(c))
			}
			m.Entries = append(m.Entries, Entry{Key: keys.String()[from:], Value: value, Line: line})
		}
		at += len(piece)
		if piece[len(piece)-1] == '\n' {
			line, start = line+1, at
		}
	}
}

// drop takes entries out whose key stands there before: twice gives of each the one that stays. An entry ends its line,
// so that what is wrong with the rest of the line has been told of.
func (m *Text) drop(twice map[int]int) {
	starts := startsOf(m.text, m.Entries)
	var kept []Entry
	for i, e := range m.Entries {
		first, again := twice[i]
		if !again {
			kept = append(kept, e)
			continue
		}
		m.Problems = append(m.Problems, Problem{Line: e.Line, Text: lineAt(m.text[starts[i]:]),
			Reason: fmt.Sprintf("key %q stands on line %d already (keys are compared in lower case)", e.Key, m.gap.line(m.Entries[first].Line))})
	}
	m.Entries = kept
	slices.SortStableFunc(m.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// mapPiece cuts off what makemap's fgets returns next. whole is false for a piece that makemap calls too long: one
// that neither ends in a newline nor reaches the end of the text in a call that found less than it had room for.
func mapPiece(text []byte) (piece []byte, whole bool) {
	piece = text[:min(len(text), MaxLine)]
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		piece = piece[:i+1]
		// To C the line ends at a NUL, and then it holds no newline.
		return piece, bytes.IndexByte(piece, 0) < 0
	}
	return piece, len(piece) < MaxLine
}

// cutMapLine finds the length of the key of one piece, and its value, or the reason why makemap refuses it. A blank or a
// comment has none of them.
func cutMapLine(piece []byte, whole bool) (key int, value []byte, reason string) {
	if !whole {
		if bytes.IndexByte(piece, 0) >= 0 {
			return 0, nil, "holds a NUL byte"
		}
		return 0, nil, fmt.Sprintf("longer than %d bytes: makemap reads the rest as a line of its own", MaxLine-1)
	}
	s := bytes.TrimSuffix(piece, []byte("\n"))
	if nul := bytes.IndexByte(s, 0); nul >= 0 {
		s = s[:nul]
	}
	if len(s) == 0 || s[0] == '#' {
		return 0, nil, ""
	}
	if ascii.IsSpace(s[0]) {
		return 0, nil, "begins with a blank (blank lines must be empty, comments begin in the first column)"
	}
	for key < len(s) && !ascii.IsSpace(s[key]) {
		key++
	}
	from := key
	for from < len(s) && ascii.IsSpace(s[from]) {
		from++
	}
	if from == len(s) {
		return 0, nil, "a key without a value"
	}
	return key, s[from:], ""
}

// ReadLine reads a whole line, without its newline; an entry without a key is none.
func ReadLine(line string) Entry {
	key, value, _ := cutMapLine([]byte(line), true)
	return Entry{Key: ascii.Lower(line[:key]), Value: string(value)}
}

// lineAt is the line that text begins with, as much of it as makemap takes at once: each of a long line's pieces may be a
// problem of its own.
func lineAt(text []byte) string {
	line, _, _ := bytes.Cut(text[:min(len(text), MaxLine)], []byte("\n"))
	return string(line)
}
