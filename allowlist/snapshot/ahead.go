package snapshot

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// lines gives a decoder one line at a time, so that the elements of an array can be taken out before it reads them. Lists are long, and
// token by token an element takes ten times as long as one that is found to be as Encode writes it.
type lines struct {
	in    *bufio.Reader
	rest  []byte // of the line that is being read
	taken int64  // bytes that the decoder has not seen
}

func (l *lines) Read(p []byte) (n int, err error) {
	if len(l.rest) == 0 {
		l.rest, err = l.in.ReadSlice('\n')
	}
	if n = copy(p, l.rest); n > 0 {
		err = nil // it comes again
	}
	l.rest = l.rest[n:]
	return n, err
}

// take calls each with the elements of an array that have a line of their own and a comma behind them, until one is not as Encode
// writes it. first: no element is before them. took: there was one, and so there has to be another element.
func (l *lines) take(dec *json.Decoder, first bool, each func(element []byte) (ok bool, err error)) (took bool, err error) {
	var next [16]byte
	n, _ := dec.Buffered().Read(next[:])
	before := bytes.Trim(next[:n], " \n")
	if n == len(next) || len(l.rest) > 0 || len(before) > 0 && string(before) != "," {
		return false, nil // the decoder has a part of the next element
	}
	if first != (len(before) == 0) {
		return false, nil // a comma is missing, or is one too many: the decoder says so
	}
	for {
		line, _ := l.in.ReadSlice('\n') // Read meets the error again
		element, ends := bytes.CutSuffix(line, []byte(",\n"))
		ok := false
		if ends {
			ok, err = each(bytes.TrimLeft(element, " "))
		}
		if !ok {
			l.rest = line
			return took, err
		}
		took, l.taken = true, l.taken+int64(len(line))
		if err != nil {
			return took, err
		}
	}
}

// asWritten reads an element as Encode writes it.
type asWritten func(element []byte) (one allowlist.Range, ok bool)

// elements reads an array of elements with ranges of a source: those that are as Encode writes them at once, and each other one
// by byToken.
func (r *reader) elements(src *decoded, written asWritten, byToken func() error) error {
	if err := r.delimiter('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		took, err := r.lines.take(r.dec, first, func(element []byte) (ok bool, err error) {
			one, ok := written(element)
			if ok {
				err = r.add(src, one)
			}
			return ok, err
		})
		if err != nil {
			return err
		}
		if !r.dec.More() {
			if err = r.delimiter(']'); err == nil && took {
				err = errors.New("a comma is before a ]")
			}
			return err
		}
		if err := byToken(); err != nil {
			return err
		}
	}
}

// writtenLine reads a line of a list as Encode writes it.
func writtenLine(text []byte, list *provenance.Path) (one allowlist.Range, ok bool) {
	number, text, first := between(text, `{"line": `, `, "prefix": "`)
	prefix, rest, second := between(text, ``, `"}`)
	if !first || !second || len(rest) > 0 {
		return one, false
	}
	line, err := strconv.ParseUint(string(number), 10, 32)
	if err != nil || number[0] == '0' || line > prefixes.MaxLabel {
		return one, false
	}
	one.Path = list.AtLine(uint32(line))
	one.Prefix, ok = written(prefix)
	return one, ok
}

// writtenStep reads a step with one range and nothing below it as Encode writes it.
func writtenStep(text []byte, above *provenance.Path) (one allowlist.Range, ok bool) {
	step, text, first := between(text, `{"step": "`, `", "ranges": ["`)
	prefix, rest, second := between(text, ``, `"]}`)
	if !first || !second || len(rest) > 0 || bytes.ContainsFunc(step, escaped) {
		return one, false
	}
	one.Path = above.Then(string(step))
	one.Prefix, ok = written(prefix)
	return one, ok
}

// written reads a network as Encode writes it, with its length.
func written(prefix []byte) (p netip.Prefix, ok bool) {
	p, ok = prefixes.Parse(prefix)
	return p, ok && bytes.IndexByte(prefix, '/') >= 0
}

// between gives what is between two words of a text that begins with the first, and what is behind the second.
func between(text []byte, begin, end string) (within, rest []byte, ok bool) {
	text, begins := bytes.CutPrefix(text, []byte(begin))
	within, rest, ends := bytes.Cut(text, []byte(end))
	return within, rest, begins && ends
}
