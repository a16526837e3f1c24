package allowlist

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"mailallow/allowlist/bounded"
	"mailallow/allowlist/prefixes"
)

// defaultFileBytes bounds a list on disk: four million lines.
const defaultFileBytes = 64 << 20

// maxFileErrors bounds how many bad lines of a file are told one by one.
const maxFileErrors = 20

func (f *Fetcher) readFile(src Source) (Ranges, []Problem, error) {
	limit := f.MaxFileBytes
	if limit == 0 {
		limit = defaultFileBytes
	}
	text, err := bounded.File(src.FilePath, limit)
	if err != nil {
		return Ranges{}, nil, err
	}
	return ParseList(text, printable(src.File))
}

// ParseList reads a list of networks: one or more a line, apart by blanks or
// commas, with comments from # or ; to the end of the line. name stands in the
// paths and messages. Every bad line is an error of its own, up to a bound; with
// any, the list as a whole is not to be used.
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
	return r.ranges, r.problems, errors.Join(r.failed...)
}

// listReader reads a list line by line.
type listReader struct {
	name     string
	line     int // from 1
	expected int // how many networks there may be
	ranges   Ranges
	problems []Problem
	failed   []error
}

// read reads a line. Of most there is nothing to say but one network.
func (r *listReader) read(line []byte) {
	if p, ok := prefixes.Parse(line); ok {
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
			r.judge(string(item))
		}
	}
}

// judge reads what is not written plainly.
func (r *listReader) judge(item string) {
	p, note, err := ParseCIDR(item)
	if err != nil {
		r.failed = append(r.failed, fmt.Errorf("%s:%d: %w", r.name, r.line, err))
		return
	}
	if note != "" {
		r.problems = append(r.problems, Problem{Kind: "canonicalised", Text: fmt.Sprintf("%s:%d: %s", r.name, r.line, note)})
	}
	r.add(p)
}

func (r *listReader) add(p netip.Prefix) {
	if r.ranges.Len() == 0 { // most lists are of one family, that of the first
		r.ranges.list.Grow(p, r.expected)
	}
	r.ranges.list.Add(p, uint32(r.line))
}

func isListBlank(c rune) bool { return c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\ufeff' }
