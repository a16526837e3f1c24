package document

import (
	"bytes"
	"encoding/json"

	"mailallow/allowlist/notation"
)

// isJSON reports whether a text is JSON, or JSON Lines: a document on each line.
func isJSON(text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	if json.Valid(text) {
		return true
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 && !json.Valid(line) {
			return false
		}
	}
	return true
}

// jsonMarker turns valid JSON into text with marks. A member becomes "key: value", as people write it.
type jsonMarker struct {
	out  []byte
	open []border // of the objects and arrays around
	role bool     // whether the last key names a part of a range
}

// border says what begins and ends an object or an array in the text.
type border struct {
	array bool
	mark  byte
}

// markJSON gives the keys and values of valid JSON, each on its line of the source. An object is a record, and so is an
// array in an array. The object below "start" or "end" is a part of the record around it.
func markJSON(text []byte) []byte {
	m := jsonMarker{out: make([]byte, 0, len(text))}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := stringEnd(text, i)
			m.string(text[i:end])
			i = end - 1
		case '{', '[':
			m.begin(c == '[')
		case '}', ']':
			last := len(m.open) - 1
			m.out = append(m.out, m.open[last].mark)
			m.open = m.open[:last]
		case ',':
			m.out, m.role = append(m.out, notation.CellMark), false
		case ':':
			m.key()
		case ' ', '\t', '\r':
		default: // an LF, or a part of a number or of a name such as true
			m.out = append(m.out, c)
		}
	}
	return m.out
}

func (m *jsonMarker) begin(array bool) {
	b := border{array, notation.RecordMark}
	inArray := len(m.open) > 0 && m.open[len(m.open)-1].array
	switch {
	case !array && m.role:
		b.mark = ' '
	case array && !inArray:
		b.mark = notation.CellMark
	}
	m.out, m.open, m.role = append(m.out, b.mark), append(m.open, b), false
}

// stringEnd gives the end of the string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// string writes a key or a value. In an array, a string of several words is a record.
func (m *jsonMarker) string(quoted []byte) {
	content := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(content, '\\') >= 0 {
		var s string
		if json.Unmarshal(quoted, &s) == nil {
			content = []byte(s)
		}
	}
	apart := len(m.open) > 0 && m.open[len(m.open)-1].array && bytes.ContainsAny(content, " \t\n,;|")
	if apart {
		m.out = append(m.out, notation.RecordMark)
	}
	for _, c := range content {
		switch {
		case c == '\n':
			c = notation.RecordMark // the lines of a string belong together as lines of a text do
		case c < ' ':
			c = ' '
		}
		m.out = append(m.out, c)
	}
	if apart {
		m.out = append(m.out, notation.RecordMark)
	}
}

// key ends the key that has just been written.
func (m *jsonMarker) key() {
	start := len(m.out)
	for start > 0 && !notation.IsMark(m.out[start-1]) && m.out[start-1] != '\n' {
		start--
	}
	m.role = notation.HasRole(m.out[start:])
	m.out = append(m.out, ": "...)
}
