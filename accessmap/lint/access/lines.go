package access

import (
	"cmp"
	"hash/maphash"
	"sort"
	"strings"

	"mailallow/accessmap/lint/rule"
)

// lines are the lines of an access file. They hold where each begins, and the few that a check has marked: a check reads a line
// again when it comes to it, because what is known of one takes ten times the memory of its text, and a file may have millions.
// A text has less than 4 GiB.
type lines struct {
	text        string
	begins      []uint32
	kept        map[int]*textLine // by number
	first, last int               // of mailallow's block, markers included; 0: there is none
	firstCR     int               // the number of the first line that ends in CR, and how many there are
	crs         int
	marked      bool // the text had a byte order mark before it
}

func newLines(text string, first, last int) lines {
	l := lines{text: text, begins: make([]uint32, 0, strings.Count(text, "\n")+1), kept: map[int]*textLine{}, first: first, last: last}
	for at := 0; at < len(text); {
		l.begins = append(l.begins, uint32(at))
		line := textLine{Line: rule.Line{Number: len(l.begins), Raw: l.raw(len(l.begins))}}
		if at += len(line.Raw) + 1; l.inBlock(line.Number) || !line.endsInCR() {
			continue
		}
		l.firstCR = cmp.Or(l.firstCR, line.Number)
		l.crs++
	}
	return l
}

// raw gives a line without its LF.
func (l *lines) raw(number int) string {
	line, _, _ := strings.Cut(l.text[l.begins[number-1]:], "\n")
	return line
}

func (l *lines) inBlock(number int) bool { return number >= l.first && number <= l.last }

// at gives a line: the one that is kept, or a new one.
func (l *lines) at(number int) *textLine {
	line := l.kept[number]
	if line == nil {
		line = &textLine{}
		l.read(line, number)
	}
	return line
}

func (l *lines) read(line *textLine, number int) {
	*line = textLine{Line: rule.Line{Number: number, Raw: l.raw(number)}, managed: l.inBlock(number)}
	if number == l.firstCR {
		line.crs = l.crs
	}
	line.read()
	line.hidden = line.indent || line.gap || l.marked && number == 1
}

// each yields all lines. It keeps a line that the caller marks; a caller that needs any other line after its turn calls keep.
func (l *lines) each(yield func(*textLine) bool) {
	var unmarked textLine
	for number := 1; number <= len(l.begins); number++ {
		line := l.kept[number]
		if line == nil {
			line = &unmarked
			l.read(line, number)
		}
		more := yield(line)
		if line.marked() {
			l.keep(line)
		}
		if !more {
			return
		}
	}
}

// keep gives the line that stands for this one from now on.
func (l *lines) keep(line *textLine) *textLine {
	kept := l.kept[line.Number]
	if kept == nil {
		kept = new(*line)
		l.kept[line.Number] = kept
	}
	return kept
}

// changed gives the lines that are replaced, in order.
func (l *lines) changed() (changed []*rule.Line) {
	for _, line := range l.kept {
		if line.Changed {
			changed = append(changed, &line.Line)
		}
	}
	sort.Slice(changed, func(i, j int) bool { return changed[i].Number < changed[j].Number })
	return changed
}

// index finds the line that has a text of some kind, such as a key. It holds a sum of each text and not the text.
type index struct {
	sum     func(text string) uint64
	numbers map[uint64]uint32                  // by the sum of their text, or by the next free one where others have that sum
	has     func(number int, text string) bool // reports whether the line has the text
}

func newIndex(size int, has func(number int, text string) bool) *index {
	seed := maphash.MakeSeed()
	return &index{func(text string) uint64 { return maphash.String(seed, text) }, make(map[uint64]uint32, size), has}
}

// find gives the number of the line; 0: there is none. at is where it is, or would be.
func (x *index) find(text string) (number int, at uint64) {
	for at = x.sum(text); ; at++ {
		number = int(x.numbers[at])
		if number == 0 || x.has(number, text) {
			return number, at
		}
	}
}

// add notes the line of a text that has none yet, and gives the number of the one that it has.
func (x *index) add(text string, number int) (before int) {
	before, at := x.find(text)
	if before == 0 {
		x.numbers[at] = uint32(number)
	}
	return before
}

// put notes the line of a text in place of another.
func (x *index) put(text string, number int) {
	_, at := x.find(text)
	x.numbers[at] = uint32(number)
}
