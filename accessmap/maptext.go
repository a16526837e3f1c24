package accessmap

import (
	"bytes"
	"fmt"
	"strings"
)

// maxMapLine is how many bytes of a line, its newline included, makemap takes at once (its buffer holds 1,024 with the
// closing NUL). What is over is read as a line of its own, a comment's tail too (facts.md 5).
const maxMapLine = 1023

// MapEntry is one key and its value as makemap stores them.
type MapEntry struct {
	Key   string // ASCII letters in lower case
	Value string // the rest of the line: trailing blanks and a CR are part of it
	Line  int    // physical line of the text, from 1
}

// MapProblem is a line makemap refuses; it would exit 65 and load the rest (facts.md 5).
type MapProblem struct {
	Line   int    // physical line of the text, from 1
	Text   string // the line as it is written, without its newline
	Reason string
}

func (p MapProblem) String() string {
	text := p.Text
	if len(text) > 80 {
		text = text[:77] + "..."
	}
	return fmt.Sprintf("line %d: %s: %q", p.Line, p.Reason, text)
}

// MapTextError is a text that makemap would refuse, with every line it would refuse.
type MapTextError struct{ Problems []MapProblem }

func (e *MapTextError) Error() string {
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

// ReadMapText reads text as makemap does with neither -r nor any other option that changes its reading (Sendmail
// 8.17.1, makemap/makemap.c; facts.md 5): the entries it would store, in the order of the text, and the lines it would
// refuse. Of a key that comes twice the first entry is kept and the second is a problem.
func ReadMapText(text []byte) ([]MapEntry, []MapProblem) {
	var entries []MapEntry
	var problems []MapProblem
	first := make(map[string]int, bytes.Count(text, []byte("\n"))) // key -> line
	line, start := 1, 0                                            // start: where the physical line begins
	for at := 0; at < len(text); {
		piece, whole := mapPiece(text[at:])
		entry, reason := readMapLine(piece, whole)
		if entry.Key != "" {
			if before, twice := first[entry.Key]; twice {
				reason = fmt.Sprintf("key %q stands on line %d already (keys are compared in lower case)", entry.Key, before)
			} else {
				entry.Line = line
				first[entry.Key] = line
				entries = append(entries, entry)
			}
		}
		if reason != "" {
			problems = append(problems, MapProblem{Line: line, Text: lineAt(text[start:]), Reason: reason})
		}
		at += len(piece)
		if piece[len(piece)-1] == '\n' {
			line, start = line+1, at
		}
	}
	return entries, problems
}

// mapPiece cuts off what makemap's fgets returns next. whole is false for a piece that makemap calls too long: one
// that neither ends in a newline nor reaches the end of the text in a call that found less than it had room for.
func mapPiece(text []byte) (piece []byte, whole bool) {
	piece = text[:min(len(text), maxMapLine)]
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		piece = piece[:i+1]
		// To C the line ends at a NUL, and then it holds no newline.
		return piece, bytes.IndexByte(piece, 0) < 0
	}
	return piece, len(piece) < maxMapLine
}

// readMapLine reads one piece: an entry, or the reason why makemap refuses it, or neither for a blank or a comment.
func readMapLine(piece []byte, whole bool) (entry MapEntry, reason string) {
	if !whole {
		if bytes.IndexByte(piece, 0) >= 0 {
			return entry, "holds a NUL byte"
		}
		return entry, fmt.Sprintf("longer than %d bytes: makemap reads the rest as a line of its own", maxMapLine-1)
	}
	s := strings.TrimSuffix(string(piece), "\n")
	s, _, _ = strings.Cut(s, "\x00")
	if s == "" || s[0] == '#' {
		return entry, ""
	}
	if isSpace(s[0]) {
		return entry, "begins with a blank (blank lines must be empty, comments begin in the first column)"
	}
	end := 0
	for end < len(s) && !isSpace(s[end]) {
		end++
	}
	value := end
	for value < len(s) && isSpace(s[value]) {
		value++
	}
	if value == len(s) {
		return entry, "a key without a value"
	}
	return MapEntry{Key: lowerASCII(s[:end]), Value: s[value:]}, ""
}

// isSpace is C's isspace for ASCII.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// lowerASCII folds A to Z and leaves every other byte as it is: makemap asks isascii first.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func lineAt(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line)
}
