package makemap

import (
	"bytes"
	"io"

	"mailallow/allowlist/ascii"
)

// feed is a text in the order of lines that makemap loads fastest: for a hash that of its pages, else that of the text, which
// has the keys nearly in the order of a btree. Its reader puts the lines together while makemap reads.
type feed struct {
	text  []byte
	order []uint32 // where the lines of entries begin; nil: the text as it is
	cache int      // that makemap needs, in bytes; 0: its own
}

func (m *Text) feed(mapType string) feed {
	if mapType == "hash" {
		return feed{m.text, m.order, m.cache}
	}
	return feed{text: m.text}
}

// problem makes a Problem from a line number of the feed, from 1. ok is false if there is no such line.
func (f feed) problem(line int, reason string) (p Problem, ok bool) {
	if f.order != nil {
		if line < 1 || line > len(f.order) {
			return p, false
		}
		line = 1 + bytes.Count(f.text[:f.order[line-1]], []byte("\n"))
	}
	for i, text := range ascii.Lines(f.text) {
		if i+1 == line {
			return Problem{Line: line, Text: lineAt(text), Reason: reason}, true
		}
	}
	return p, false
}

func (f feed) reader() io.Reader {
	if f.order == nil {
		return bytes.NewReader(f.text)
	}
	return &feedReader{feed: f}
}

type feedReader struct {
	feed
	rest []byte // of the line that is being read
}

func (r *feedReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.rest) == 0 {
			if len(r.order) == 0 {
				return n, io.EOF
			}
			r.rest, r.order = r.line(r.order[0]), r.order[1:]
		}
		copied := copy(p[n:], r.rest)
		r.rest = r.rest[copied:]
		n += copied
	}
	return n, nil
}

// line gives the line of an entry with its newline. The last line of a text can lack it, and ends for makemap at a NUL.
func (f feed) line(at uint32) []byte {
	rest := f.text[at:]
	if end := bytes.IndexByte(rest, '\n'); end >= 0 {
		return rest[:end+1]
	}
	rest, _, _ = bytes.Cut(rest, []byte{0})
	return append(bytes.Clone(rest), '\n')
}
