package makemap

import (
	"bytes"
	"io"
	"slices"

	"mailallow/allowlist/ascii"
)

// feed is a text as makemap is given it: in the order in which it is read fastest. It is put together while makemap reads.
type feed struct {
	text    []byte
	entries []Entry
	order   []int32 // of the entries: comments stay behind; nil: the text as it is
	starts  []int   // where the line of each entry begins
}

func (m *Text) feed(mapType string) feed {
	f := feed{text: m.text, entries: m.Entries}
	switch {
	case bytes.IndexByte(m.text, 0) >= 0: // it stands in the last line, which must stay the last
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

// startsOf finds where the line of each entry begins; they are in the order of the text.
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

// lineOf is the line of an entry with its newline; the last of the text may have none.
func (f feed) lineOf(entry int32) []byte {
	line := f.text[f.starts[entry]:]
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		return line[:end+1]
	}
	return append(slices.Clip(line), '\n')
}

// problem gives what makemap said of a line of the feed the line that it has in the text.
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

// reader reads the feed from its beginning.
func (f feed) reader() io.Reader {
	if f.order == nil {
		return bytes.NewReader(f.text)
	}
	return &feedReader{feed: f}
}

type feedReader struct {
	feed
	next int    // in order
	rest []byte // of the line before
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
