package makemap

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"

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
			b.WriteString("\n  and " + ascii.Count(len(e.Problems)-shown) + " more")
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Text is a text that was read by the rules of makemap. It keeps the text, and 4 bytes for each entry.
type Text struct {
	Problems []Problem // lines that makemap would refuse, in their order

	text  []byte           // less than 4 GiB
	gap   int              // where lines are left out
	left  int              // how many lines
	order []uint32         // where the lines of the entries begin, page by page: see byPage
	again map[int]struct{} // where the lines begin that repeat a key; makemap stores the first
	cache int              // see cacheFor
	seeds seeds
	sum   func() sum // linesSum, once
}

// ReadText reads a text by the rules of makemap: it never fails, and Problems are the lines that makemap would refuse.
func ReadText(text []byte) *Text { return ReadAround(text, 0, nil) }

// ReadAround is ReadText for a text of which that many lines, between before and after, are left out: the others keep their
// numbers. before ends with a newline, or is empty.
func ReadAround(before []byte, lines int, after []byte) *Text {
	text := before
	if len(after) > 0 {
		text = slices.Concat(before, after)
	}
	m := &Text{text: text, gap: len(before), left: lines, seeds: newSeeds()}
	m.sum = sync.OnceValue(m.linesSum)
	m.read()
	return m
}

// read finds the entries and the problems. A long text takes as long as anything before makemap can start, so it is read by two
// processors.
func (m *Text) read() {
	half := 1 + bytes.LastIndexByte(m.text[:len(m.text)/2], '\n')
	var upper, lower part
	both(func() { upper = m.part(0, half) }, func() { lower = m.part(half, len(m.text)) })
	for i := range lower.problems {
		lower.problems[i].Line += upper.count
	}
	m.Problems = append(upper.problems, lower.problems...)
	lines, ends := byPage(append(upper.lines, lower.lines...), upper.size+lower.size)
	m.cache = cacheFor(m.text, lines, ends)
	if repeated := repeatedKeys(m.text, lines, ends); len(repeated) > 0 {
		m.refuse(repeated)
	}
	m.order = make([]uint32, 0, len(lines)-len(m.again))
	for _, l := range lines {
		if _, again := m.again[int(l.at)]; !again {
			m.order = append(m.order, l.at)
		}
	}
}

// part is what whole lines of a text hold.
type part struct {
	count    int // of lines
	lines    []hashedLine
	size     int       // of all pairs in the pages of a map
	problems []Problem // with line numbers from the beginning of the part
}

// part reads the lines between two places.
func (m *Text) part(from, to int) (read part) {
	read.lines = make([]hashedLine, 0, 1+bytes.Count(m.text[from:to], []byte("\t"))) // most lines have one
	for p := range m.pieces(from, to) {
		read.count = p.line
		if p.reason != "" {
			read.problems = append(read.problems, Problem{Line: p.line, Text: lineAt(m.text[p.start:]), Reason: p.reason})
		}
		if p.key > 0 {
			read.lines = append(read.lines, hashedLine{uint32(p.at), dbHash(m.keyOf(p))})
			read.size += p.key + p.value + dbPair
		}
	}
	return read
}

// both calls two functions, each on a processor of its own if there are two.
func both(one, other func()) {
	done := make(chan struct{})
	go func() { one(); close(done) }()
	other()
	<-done
}

// refuse makes problems of the entries that repeat a key; repeated is of repeatedKeys. No problem of their lines is lost: an entry always ends its line.
func (m *Text) refuse(repeated map[int]int) {
	m.again = map[int]struct{}{}
	firsts := map[int]int{} // the line numbers
	for _, first := range repeated {
		firsts[first] = 0
	}
	for p := range m.pieces(0, len(m.text)) {
		if _, first := firsts[p.at]; first {
			firsts[p.at] = p.line
		}
		if first, again := repeated[p.at]; again {
			m.again[p.at] = struct{}{}
			m.Problems = append(m.Problems, Problem{Line: p.line, Text: lineAt(m.text[p.start:]),
				Reason: fmt.Sprintf("key %q is on line %d already (keys are compared in lower case)", ascii.Lower(string(m.keyOf(p))), firsts[first])})
		}
	}
	sort.SliceStable(m.Problems, func(i, j int) bool { return m.Problems[i].Line < m.Problems[j].Line })
}

// All yields the entries that makemap would store, in the order of their lines.
func (m *Text) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for p := range m.entries() {
			if !yield(Entry{Key: ascii.Lower(string(m.keyOf(p))), Value: string(m.valueOf(p)), Line: p.line}) {
				return
			}
		}
	}
}

// entries yields the pieces of the entries that makemap would store.
func (m *Text) entries() iter.Seq[piece] {
	return func(yield func(piece) bool) {
		for p := range m.pieces(0, len(m.text)) {
			if _, again := m.again[p.at]; p.key > 0 && !again && !yield(p) {
				return
			}
		}
	}
}

// piece is what one call of fgets gives to makemap: a line, or a part of one that is too long.
type piece struct {
	at, start, line int    // where the piece begins, where its line begins, and the number of the line
	key, gap, value int    // lengths; zero: no entry
	reason          string // why makemap refuses it
}

// keyOf gives the key of an entry in its own case.
func (m *Text) keyOf(p piece) []byte { return m.text[p.at:][:p.key] }

func (m *Text) valueOf(p piece) []byte { return m.text[p.at+p.key+p.gap:][:p.value] }

// pieces yields the pieces of whole lines in their order, with line numbers from the first one on.
func (m *Text) pieces(from, to int) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		p := piece{at: from, start: from, line: 1}
		for p.at < to {
			if p.at == m.gap {
				p.line += m.left
			}
			bytes, whole := cutPiece(m.text[p.at:])
			p.key, p.gap, p.value, p.reason = readPiece(bytes, whole)
			if !yield(p) {
				return
			}
			p.at += len(bytes)
			if bytes[len(bytes)-1] == '\n' {
				p.line, p.start = p.line+1, p.at
			}
		}
	}
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
