package makemap

import (
	"bytes"
	"io"

	"mailallow/allowlist/ascii"
)

// feed is a text in the order of lines that makemap loads fastest: for a hash that of the table, else that of the text, which
// has the keys nearly in the order of a btree. Its reader puts the lines together while makemap reads.
type feed struct {
	*Text
	order []int32 // numbers of entries; nil: the text as it is
}

func (m *Text) feed(mapType string) feed {
	if mapType == "hash" {
		return feed{m, m.index.order}
	}
	return feed{m, nil}
}

// problem makes a Problem from a line number of the feed, from 1. ok is false if there is no such line.
func (f feed) problem(line int, reason string) (p Problem, ok bool) {
	if f.order != nil {
		if line < 1 || line > len(f.order) {
			return p, false
		}
		line = f.line(int(f.order[line-1]))
	}
	lines := ascii.Lines(f.text)
	if line < 1 || line > len(lines) {
		return p, false
	}
	return Problem{Line: line, Text: lineAt(lines[line-1]), Reason: reason}, true
}

func (f feed) reader() io.Reader {
	if f.order == nil {
		return bytes.NewReader(f.text)
	}
	return &feedReader{feed: f}
}

type feedReader struct {
	feed
	next   int // index in order of the next entry
	buffer bytes.Buffer
}

func (r *feedReader) Read(p []byte) (n int, err error) {
	for ; r.next < len(r.order) && r.buffer.Len() < len(p); r.next++ {
		i := int(r.order[r.next])
		r.buffer.Write(r.key(i))
		r.buffer.WriteByte('\t')
		r.buffer.Write(r.value(i))
		r.buffer.WriteByte('\n')
	}
	return r.buffer.Read(p)
}
