package format

import (
	"bufio"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// maxLine bounds every written line, in bytes with its LF. makemap cuts a line after 1,023 bytes, a comment too, and reads the
// rest as an entry (docs/facts.md 5).
const maxLine = 500

// commentWriter writes comments.
type commentWriter struct {
	*bufio.Writer
	owners []allowlist.Mention // room for those of one entry
}

// writeComment writes the comment above the lines of the entry of a span: its prefix, its action, and its sources with their paths.
//
//	# 74.125.0.0/16 OK google: _spf.google.com > ip4:74.125.0.0/16
//
// Paths contain text that others publish, so the line is escaped and cut.
func (w *commentWriter) writeComment(s allowlist.Span) {
	b := s.Prefix().AppendTo(append(w.AvailableBuffer(), "# "...))
	b = append(append(append(b, ' '), s.Action().String()...), ' ')
	w.owners = s.AppendMentions(w.owners[:0])
	if b = appendOwners(b, w.owners); len(b) >= maxLine {
		b = []byte(ascii.Cut(string(b), maxLine-1))
	}
	w.Write(append(b, '\n'))
}

// appendOwners appends the owners of an entry with the first path of each, printable and of any length.
func appendOwners(b []byte, owners []allowlist.Mention) []byte {
	for i, o := range owners {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(append(b, quoteSource(o.Source)...), ": "...)
		path := len(b)
		if b = o.First.AppendTo(b); len(b)-path > maxLine || !ascii.IsPrintable(b[path:]) {
			b = append(b[:path], ascii.Printable(string(b[path:]), maxLine)...)
		}
		if more := o.Paths - 1; more > 0 {
			b = fmt.Appendf(b, " (and %d more)", more)
		}
	}
	return b
}

// comments holds the comments above a line: the entry of the nearest one, with the owners of all of them, the nearest first.
type comments struct {
	allowlist.Entry
	owners bool // they are read, too
	last   bool // the last line was such a comment
}

// read reports whether a line is such a comment, and adds it then. Until end, the owners are in reverse order, so that those of
// many comments are not copied for each.
func (c *comments) read(line string) (ok bool) {
	e, ok := readProvenance(line, c.owners)
	if !ok {
		c.end()
		return false
	}
	slices.Reverse(e.Owners)
	if c.last {
		e.Owners = append(c.Owners, e.Owners...)
	}
	c.Entry, c.last = e, true
	return true
}

// end is called for a line that is no such comment. The lines down to the next comment share the owners.
func (c *comments) end() {
	if c.last {
		slices.Reverse(c.Owners)
	}
	c.last = false
}

// readProvenance reads a comment that writeComment wrote, with its owners if they are wanted; ok is false for any other line. A
// path that contains "; name: " gives an owner too many.
func readProvenance(line string, owners bool) (e allowlist.Entry, ok bool) {
	rest, found := strings.CutPrefix(line, "# ")
	network, rest, _ := strings.Cut(rest, " ")
	action, rest, complete := strings.Cut(rest, " ")
	if !found || !complete {
		return e, false
	}
	var err error
	if e.Prefix, err = netip.ParsePrefix(network); err != nil {
		return e, false
	}
	if e.Action, err = allowlist.ParseAction(action); err != nil {
		return e, false
	}
	if !owners {
		_, _, ok := cutSource(rest)
		return e, ok
	}
	for {
		source, path, ok := cutSource(rest)
		if !ok {
			break
		}
		path, rest, _ = strings.Cut(path, "; ")
		e.Owners = append(e.Owners, allowlist.Owner{Source: source, Paths: []*provenance.Path{provenance.Of(ascii.Raw(path))}})
	}
	return e, len(e.Owners) > 0
}

// quoteSource writes a name so that cutSource finds its end: in quotes, unless it has only letters, digits and -_.
func quoteSource(name string) string {
	plain := name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
	if plain {
		return name
	}
	return strconv.QuoteToASCII(name)
}

// cutSource cuts "name: path", with the name as quoteSource writes it.
func cutSource(s string) (source, path string, ok bool) {
	if quoted, err := strconv.QuotedPrefix(s); err == nil {
		source, _ = strconv.Unquote(quoted)
		path, ok = strings.CutPrefix(s[len(quoted):], ": ")
		return source, path, ok
	}
	return strings.Cut(s, ": ")
}
