package container

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the objects within each other.
const maxDepth = 8

// members gives each string and number of a JSON object, and of the objects and arrays in it, with its key. It takes a line
// that was cut as far as it goes.
func members(line []byte, yield func(key string, value []byte)) {
	s := scanner{line: line, yield: yield}
	s.value("", 0)
}

type scanner struct {
	line  []byte
	yield func(key string, value []byte)
}

// blanks skips blanks and the given mark.
func (s *scanner) blanks(mark byte) {
	for len(s.line) > 0 && (s.line[0] <= ' ' || s.line[0] == mark) {
		s.line = s.line[1:]
	}
}

// value reads a value, and reports whether it was whole.
func (s *scanner) value(key string, depth int) bool {
	s.blanks(':')
	if len(s.line) == 0 || depth > maxDepth {
		return false
	}
	switch s.line[0] {
	case '"':
		text, whole := s.text()
		s.yield(key, text)
		return whole
	case '{':
		return s.object(key, depth)
	case '[':
		return s.array(key, depth)
	}
	end := bytes.IndexAny(s.line, ",}] \t")
	if end <= 0 {
		return false
	}
	s.yield(key, s.line[:end])
	s.line = s.line[end:]
	return true
}

func (s *scanner) object(key string, depth int) bool {
	s.line = s.line[1:]
	for {
		s.blanks(',')
		if len(s.line) == 0 {
			return false
		}
		if s.line[0] == '}' {
			s.line = s.line[1:]
			return true
		}
		if s.line[0] != '"' {
			return false
		}
		name, whole := s.text()
		if !whole {
			return false
		}
		within := string(name)
		if key != "" {
			within = key + "." + within
		}
		if !s.value(within, depth+1) {
			return false
		}
	}
}

// array reads an array. One of bytes is a text, as journalctl writes one that is not UTF-8.
func (s *scanner) array(key string, depth int) bool {
	s.line = s.line[1:]
	if numbers, rest, whole := bytes.Cut(s.line, []byte("]")); whole {
		if text, ok := ofBytes(numbers); ok {
			s.yield(key, text)
			s.line = rest
			return true
		}
	}
	for {
		s.blanks(',')
		if len(s.line) == 0 {
			return false
		}
		if s.line[0] == ']' {
			s.line = s.line[1:]
			return true
		}
		if !s.value(key, depth+1) {
			return false
		}
	}
}

// ofBytes gives the text whose bytes are numbers with commas between.
func ofBytes(numbers []byte) (text []byte, ok bool) {
	for number := range bytes.SplitSeq(numbers, []byte(",")) {
		n, err := strconv.ParseUint(string(bytes.TrimSpace(number)), 10, 8)
		if err != nil {
			return nil, false
		}
		text = append(text, byte(n))
	}
	return text, true
}

// text reads a string, and reports whether it was whole.
func (s *scanner) text() (text []byte, whole bool) {
	text, rest, whole := quoted(s.line[1:])
	s.line = rest
	return text, whole
}

// quoted reads a text up to its closing quotation mark. Without an escape it is a part of the line.
func quoted(line []byte) (text, rest []byte, whole bool) {
	end := bytes.IndexAny(line, `"\`)
	if end >= 0 && line[end] == '"' {
		return line[:end], line[end+1:], true
	}
	text = make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return text, line[i+1:], true
		case c != '\\' || i+1 == len(line):
			text = append(text, c)
		default:
			i++
			if at := strings.IndexByte(escapes, line[i]); at >= 0 {
				text = append(text, escaped[at])
				continue
			}
			r, width := unicodeEscape(line[i:])
			i += width
			text = utf8.AppendRune(text, r)
		}
	}
	return text, nil, false
}

// The characters behind the backslash of an escape, and what each stands for (RFC 8259 section 7).
const (
	escapes = `"\/bfnrt`
	escaped = "\"\\/\b\f\n\r\t"
)

// unicodeEscape reads "u00e9", or two of them with a backslash between, and gives the number of bytes after the u.
func unicodeEscape(line []byte) (rune, int) {
	const digits = 4
	unit := func(at int) (rune, error) {
		if at+1+digits > len(line) || line[at] != 'u' {
			return utf8.RuneError, strconv.ErrSyntax
		}
		n, err := strconv.ParseUint(string(line[at+1:at+1+digits]), 16, 16)
		return rune(n), err
	}
	first, err := unit(0)
	if err != nil {
		return utf8.RuneError, 0
	}
	if second := 1 + digits + 1; utf16.IsSurrogate(first) && second < len(line) {
		low, _ := unit(second)
		if r := utf16.DecodeRune(first, low); r != utf8.RuneError {
			return r, second + digits
		}
	}
	return first, digits
}

// pairs gives each key and value of logfmt: key=value or key="value".
func pairs(line []byte, yield func(key string, value []byte)) {
	for len(line) > 0 {
		equals := bytes.IndexAny(line, "= ")
		if equals < 0 {
			return
		}
		key, rest := string(line[:equals]), line[equals+1:]
		switch {
		case line[equals] == ' ': // a word that is no pair
			line = rest
			continue
		case len(rest) > 0 && rest[0] == '"':
			var value []byte
			value, rest, _ = quoted(rest[1:])
			yield(key, value)
		default:
			value, after, _ := bytes.Cut(rest, []byte(" "))
			yield(key, value)
			rest = after
		}
		line = rest
	}
}
