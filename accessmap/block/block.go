// Package block finds and replaces the lines that mailallow manages in a file with hand-written lines. All other bytes of the
// file stay as they are. It does not know the meaning of the lines.
package block

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"mailallow/allowlist/fault"
)

const (
	// Begin and End begin the marker lines around the block. The rest of a marker line can be any text.
	Begin = "# BEGIN mailallow"
	End   = "# END mailallow"

	beginLine = Begin + ": the lines down to END are replaced by 'mailallow update'\n"
	endLine   = End + "\n"
)

// File is a text that is cut at the marker lines.
type File struct {
	Before, Inside, After []byte // without the marker lines
	Found                 bool   // false: there is no block, and Before is the whole text
}

// Extract finds the block. Every marker that is not part of one pair, in order, is an error at its line (fault.AtLine): to
// guess could remove hand-written lines.
func Extract(text []byte) (File, error) {
	var problems []error
	begin, end := 0, 0 // line numbers; 0: none yet
	m := File{Before: text}
	n, counted := 1, 0 // the number of the line at counted
	offset, line := nextMarker(text, 0)
	for ; len(line) > 0; offset, line = nextMarker(text, offset+len(line)) {
		n, counted = n+bytes.Count(text[counted:offset], []byte("\n")), offset
		begins, next := bytes.HasPrefix(line, []byte(Begin)), offset+len(line)
		switch {
		case begins && begin == 0:
			begin = n
			m.Before, m.Inside, m.Found = text[:offset], text[next:], true
		case begins && end == 0:
			problems = append(problems, fault.At(n, "a block begins inside the block of line %d", begin))
		case begins:
			problems = append(problems, fault.At(n, "a second block begins; the first is at line %d", begin))
		case begin == 0:
			problems = append(problems, fault.At(n, "a block ends that never began"))
		case end == 0:
			end = n
			m.Inside, m.After = text[len(text)-len(m.Inside):offset], text[next:]
		default:
			problems = append(problems, fault.At(n, "a second block end; the first is at line %d", end))
		}
	}
	if begin != 0 && end == 0 {
		problems = append(problems, fault.At(begin, "a block begins that never ends"))
	}
	if len(problems) > 0 {
		return File{}, errors.Join(append(problems, fmt.Errorf(
			"there must be one line '%s' and one '%s' below it, or neither: mend the file by hand", Begin, End))...)
	}
	return m, nil
}

// nextMarker gives the first marker line that begins at from or after it, and its place; no line if there is none. from is not
// inside a line. It goes from one byte that markers begin with to the next, because few lines of a long block have that byte.
func nextMarker(text []byte, from int) (at int, line []byte) {
	for at = from; ; at++ {
		found := bytes.IndexByte(text[at:], Begin[0])
		if found < 0 {
			return at, nil
		}
		at += found
		rest := text[at:]
		if at > 0 && text[at-1] != '\n' || !bytes.HasPrefix(rest, []byte(Begin)) && !bytes.HasPrefix(rest, []byte(End)) {
			continue
		}
		if length := bytes.IndexByte(rest, '\n'); length >= 0 {
			rest = rest[:length+1]
		}
		return at, rest
	}
}

// WriteAbove writes the lines above the block, with the marker; w keeps its own errors. A new block goes to the end of the text; a
// last line without a newline gets one, because a marker is a line of its own.
func (m File) WriteAbove(w io.Writer) {
	w.Write(m.Before)
	if !m.Found && len(m.Before) > 0 && !bytes.HasSuffix(m.Before, []byte("\n")) {
		io.WriteString(w, "\n")
	}
	io.WriteString(w, beginLine)
}

// WriteBelow writes the lines below the block, with the marker.
func (m File) WriteBelow(w io.Writer) {
	io.WriteString(w, endLine)
	w.Write(m.After)
}

// Without returns the text without its block, and with kept in the place of the block. takeBack: the new block gave the line
// before it a newline, which Without removes again, unless lines follow.
func (m File) Without(kept []byte, takeBack bool) []byte {
	before := m.Before
	if takeBack && m.Found && len(kept)+len(m.After) == 0 {
		before = bytes.TrimSuffix(before, []byte("\n"))
	}
	return slices.Concat(before, kept, m.After)
}

// LastLine gives the last line of a text, with its newline if it has one.
func LastLine(text []byte) []byte {
	return text[1+bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n'):]
}
