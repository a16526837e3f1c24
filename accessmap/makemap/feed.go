package makemap

import (
	"bytes"
	"io"
	"slices"

	"mailallow/allowlist/ascii"
)

// feed is a text in the order of lines that makemap loads fastest. Its reader puts the lines together while makemap reads.
type feed struct {
	text    []byte
	entries []Entry
	order   []int32 // numbers of entries, without comments; nil: the text as it is
	starts  []int   // offset in text of each entry's line
}

func (m *Text) feed(mapType string) feed {
	f := feed{text: m.text, entries: m.Entries}
	switch {
	case bytes.IndexByte(m.text, 0) >= 0: // it is in the last line, which must stay the last one
	case mapType == "hash":
		f.order = m.index.order
	case mapType == "btree":
		f.order = m.index.byKey()
	}
	if f.order == nil {
		return f
	}
	f.starts = startsOf(m.text, m.Entries)
	return f
}

// startsOf returns the offset of each entry's line. The entries must be in the order of the text.
func startsOf(text []byte, entries []Entry) []int {
	starts := make([]int, len(entries))
	at, line := 0, 1
	for i, e := range entries {
		for ; line < e.Line; line++ {
			at += bytes.IndexByte(text[at:], '\n') + 1
		}
		starts[i] = at
	}
	return starts
}

// lineOf is the line of an entry, with a newline even if it is the last line of the text and has none.
func (f feed) lineOf(entry int32) []byte {
	line := f.text[f.starts[entry]:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		return line[:end+1]
	}
	return append(slices.Clip(line), '\n')
}

// problem makes a Problem from a line number of the feed, from 1. ok is false if there is no such line.
func (f feed) problem(line int, reason string) (p Problem, ok bool) {
	switch {
	case f.order == nil:
		lines := ascii.Lines(f.text)
		if line < 1 || line > len(lines) {
			return p, false
		}
		return Problem{Line: line, Text: string(lines[line-1]), Reason: reason}, true
	case line < 1 || line > len(f.order):
		return p, false
	}
	entry := f.order[line-1]
	return Problem{Line: f.entries[entry].Line, Text: lineAt(f.lineOf(entry)), Reason: reason}, true
}

func (f feed) reader() io.Reader {
	if f.order == nil {
		return bytes.NewReader(f.text)
	}
	return &feedReader{feed: f}
}

type feedReader struct {
	feed
	next int    // index in order of the next line
	rest []byte // of the current line
}

func (r *feedReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.rest) == 0 {
			if r.next == len(r.order) {
				break
			}
			r.rest = r.lineOf(r.order[r.next])
			r.next++
		}
		copied := copy(p[n:], r.rest)
		n, r.rest = n+copied, r.rest[copied:]
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
