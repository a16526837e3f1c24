package allowlist

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"mailallow/allowlist/document"
	"mailallow/allowlist/prefixes"
)

// maxFileErrors bounds the bad lines of a file that are reported one by one.
const maxFileErrors = 20

// ParseList reads a list of networks: one or more to a line, separated by blanks
// or commas. A comment begins with # or ; and ends with the line. Paths and
// errors begin with name. The error reports every bad item, up to a bound; do not
// use the ranges of a list with an error.
func ParseList(text []byte, name string) (Ranges, []Problem, error) {
	r := listReader{name: name, ranges: linesOf(name)}
	lines := bytes.Count(text, []byte("\n")) + 1
	if lines > prefixes.MaxLabel {
		return Ranges{}, nil, fmt.Errorf("%s: more than %d lines", name, prefixes.MaxLabel)
	}
	r.expected = min(lines, len(text)/len("10.0.0.0/8\n"))
	for r.line = 1; len(text) > 0; r.line++ {
		line := text
		if n := bytes.IndexByte(text, '\n'); n >= 0 {
			line, text = text[:n], text[n+1:]
		} else {
			text = nil
		}
		r.read(line)
	}
	if len(r.failed) > maxFileErrors {
		more := len(r.failed) - maxFileErrors
		r.failed = append(r.failed[:maxFileErrors], fmt.Errorf("%s: and %d more lines like these", name, more))
	}
	return r.ranges, r.problems.inDocument(name), errors.Join(r.failed...)
}

// listReader reads a list line by line.
type listReader struct {
	name     string
	line     int // from 1
	expected int // an estimate of the number of networks
	ranges   Ranges
	problems Few
	failed   []error
}

func (r *listReader) read(line []byte) {
	if p, ok := prefixes.Parse(line); ok { // most lines are one network and nothing else
		r.add(p)
		return
	}
	if i := bytes.IndexAny(line, "#;"); i >= 0 {
		line = line[:i]
	}
	for item := range bytes.FieldsFuncSeq(line, isListBlank) {
		if p, ok := prefixes.Parse(item); ok {
			r.add(p)
		} else {
			r.readItem(string(item))
		}
	}
}

// readItem reads an item that prefixes.Parse refuses, with a note or an error.
func (r *listReader) readItem(item string) {
	p, note, err := document.ParseCIDR(item)
	if err != nil {
		r.failed = append(r.failed, fmt.Errorf("%s:%d: %w", r.name, r.line, err))
		return
	}
	if note != "" {
		r.problems.Add("canonicalised", func() string { return fmt.Sprintf("%s:%d: %s", r.name, r.line, note) })
	}
	r.add(p)
}

func (r *listReader) add(p netip.Prefix) {
	if r.ranges.Len() == 0 { // most lists have one family only
		r.ranges.list.Grow(p, r.expected)
	}
	r.ranges.addLine(p, uint32(r.line))
}

func isListBlank(c rune) bool { return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\ufeff' }
