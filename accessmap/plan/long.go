package plan

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"

	"mailallow/accessmap/block"
	"mailallow/accessmap/install"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
)

// Long is the text of a new file that has no block and no map. It is written anew each time that it is needed, and is never in
// memory as a whole.
type Long struct {
	install.Long
	lines int
}

// HasText reports whether there is to be a file.
func (p *Plan) HasText() bool { return p.New != nil || p.Long != nil }

// Text gives the whole file; nil: there is to be none.
func (p *Plan) Text() []byte {
	if p.Long == nil {
		return p.New
	}
	text := bytes.NewBuffer([]byte{})
	p.Long.Write(text) // neither the list nor the buffer fails
	return text.Bytes()
}

// isLong reports whether the text is to be Long.
func (t Target) isLong(current Current) bool {
	return !current.Exists && !t.Format.Block && !t.Format.JSON
}

// renderLong is render for a text that is Long. It reads the text back on its way.
func renderLong(t Target, spans iter.Seq[allowlist.Span], installed record.Target, set *allowlist.Set) (c Content, err error) {
	l := &Long{}
	l.Write = func(w io.Writer) error {
		_, err := t.Format.Write(w, spans, t.Want)
		return err
	}
	text, into := io.Pipe()
	verified := make(chan error, 1)
	go func() {
		err := readBack(t.Format, l.linesOf(text), 0, spans, nil)
		text.CloseWithError(errors.New("it was not read to its end"))
		verified <- err
	}()
	sum := sha256.New()
	written, err := t.Format.Write(io.MultiWriter(sum, into), spans, t.Want)
	into.Close()
	if err := cmp.Or(<-verified, err); err != nil {
		return c, err
	}
	l.Digest, c.Entries = hex.EncodeToString(sum.Sum(nil)), written.Entries
	c.Long, c.managed = l, record.Managed{Digest: func() string { return l.Digest }, Lines: l.lines, Write: l.Write}
	c.compare(t, installed, block.File{}, spans, set)
	return c, nil
}

// linesOf gives the lines of a text as ascii.Lines does, and counts them.
func (l *Long) linesOf(text io.Reader) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		in := bufio.NewReaderSize(text, 64<<10)
		for ; ; l.lines++ {
			line, err := in.ReadSlice('\n')
			if err != nil && (err != io.EOF || len(line) == 0) {
				return // no format writes a line that fills the buffer: the text ends here, and differs from the list
			}
			if !yield(l.lines, bytes.TrimSuffix(line, []byte("\n"))) {
				return
			}
		}
	}
}
