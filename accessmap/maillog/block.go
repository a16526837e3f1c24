package maillog

import (
	"bytes"
	"errors"
	"io"
)

const (
	// bufferSize is the size of one read in bytes, large enough that the cost of the call does not matter.
	bufferSize = 128 << 10
	// maxLine bounds the part of a line that is read, in bytes. Syslog cuts lines at 1 to 8 KiB. The rest of a longer line is
	// skipped and is not counted as a line of its own.
	maxLine = 16 << 10
)

// block holds some lines of a log. cut fills it, one of several readers finds its events, and Read yields them in the order of
// the log.
type block struct {
	text []byte // whole lines; the last line of the log may have no end
	err  error  // of the log, after these lines

	lines  int // in text
	events []Event
	ofMTA  bool          // one of the lines that its reader has seen was of Sendmail or Postfix
	parts  parts         // of records that these lines do not end
	done   chan struct{} // gets a value when the events are complete
}

// cut hands on blocks until the log ends, each before it waits for more input. Both channels have room for all blocks.
func cut(log io.Reader, free <-chan *block, work, inOrder chan<- *block, stop <-chan struct{}) {
	defer close(inOrder)
	defer close(work)
	c := cutter{log: log}
	for more := true; more; {
		select {
		case b := <-free:
			more = c.fill(b)
			work <- b
			inOrder <- b
		case <-stop:
			return
		}
	}
}

// cutter cuts what single reads of a log return at the last end of a line.
type cutter struct {
	log   io.Reader
	start []byte // of the line that the last read did not end, at most maxLine bytes: trim leaves no more of it
}

// fill reads until a line ends, and reports whether the log may go on. An error of the log leaves out the line in which it
// happens, because a part of it could mean something else.
func (c *cutter) fill(b *block) bool {
	if b.text == nil {
		b.text = make([]byte, 0, maxLine+bufferSize)
	}
	*b = block{text: b.text[:0], events: b.events[:0], done: b.done}
	for text := append(b.text, c.start...); ; {
		from := len(text)
		n, err := c.log.Read(text[from:cap(text)])
		text = text[:from+n]
		if errors.Is(err, io.EOF) {
			b.text = text
			return false
		}
		whole := 0 // bytes of whole lines
		if end := bytes.LastIndexByte(text[from:], '\n'); end >= 0 {
			whole = from + end + 1
		}
		rest := text[whole:min(len(text), whole+maxLine)]
		if whole > 0 || err != nil {
			c.start = append(c.start[:0], rest...)
			b.text, b.err = text[:whole], err
			return err == nil
		}
		text = rest
	}
}

// trim cuts a line to maxLine and removes its end, zeros that a crash left before it, and a byte order mark.
func trim(line []byte) []byte {
	line = bytes.TrimSuffix(line[:min(len(line), maxLine)], []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) > 0 && (line[0] == 0 || line[0] == 0xef) {
		line = bytes.TrimPrefix(bytes.TrimLeft(line, "\x00"), []byte("\xef\xbb\xbf"))
	}
	return line
}
