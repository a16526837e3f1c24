package format

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// maxLine bounds every line we write, its LF included. makemap splits a line at
// 1,023 bytes, a comment too, and reads its tail as an entry (docs/facts.md 5).
const maxLine = 500

// commentOf is the comment that stands above the lines of an entry: the prefix
// as the source has it, the action, the source and the path that put it there.
//
//	# 74.125.0.0/16 OK google: _spf.google.com > ip4:74.125.0.0/16
//
// Sources and paths carry what others chose to publish, so the line is escaped
// and cut.
func commentOf(e *allowlist.Entry) string {
	return ascii.Cut("# "+e.Prefix.String()+" "+e.Action.String()+" "+owners(e), maxLine-1)
}

// owners is who put an entry into the list, and by which path: printable, and as
// long as there are owners.
func owners(e *allowlist.Entry) string {
	var b strings.Builder
	for i, o := range e.Owners {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(quoteSource(o.Source) + ": " + ascii.Printable(o.Paths[0].String(), maxLine))
		if more := len(o.Paths) - 1; more > 0 {
			fmt.Fprintf(&b, " (and %d more)", more)
		}
	}
	return b.String()
}

// comments is what the comments above a line say: the entry of the nearest one, with
// the owners that all of them name, the nearest first.
type comments struct {
	allowlist.Entry
	open bool // no other line has come since
}

// read takes a line; ok tells whether it was such a comment.
func (a *comments) read(line string) (ok bool) {
	e, ok := readProvenance(line)
	if ok && a.open {
		e.Owners = append(e.Owners, a.Owners...)
	}
	if ok {
		a.Entry = e
	}
	a.open = ok
	return ok
}

// readProvenance reads such a comment; ok is false for any other line. A path may
// hold what looks like another owner: that one is read, too.
func readProvenance(line string) (e allowlist.Entry, ok bool) {
	rest, found := strings.CutPrefix(line, "# ")
	fields := strings.SplitN(rest, " ", 3)
	if !found || len(fields) < 3 {
		return e, false
	}
	if e.Prefix, ok = parsePrefix(fields[0]); !ok {
		return e, false
	}
	var err error
	if e.Action, err = allowlist.ParseAction(fields[1]); err != nil {
		return e, false
	}
	for rest := fields[2]; ; {
		source, path, ok := cutSource(rest)
		if !ok {
			break
		}
		path, rest, _ = strings.Cut(path, "; ")
		e.Owners = append(e.Owners, allowlist.Owner{Source: source, Paths: []*provenance.Path{provenance.Of(path)}})
	}
	return e, len(e.Owners) > 0
}

func parsePrefix(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// quoteSource writes a name so that cutSource finds its end: bare where it is
// plain, in quotes elsewhere.
func quoteSource(name string) string {
	plain := name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
	if plain {
		return name
	}
	return strconv.QuoteToASCII(name)
}

func cutSource(s string) (source, path string, ok bool) {
	if quoted, err := strconv.QuotedPrefix(s); err == nil {
		source, _ = strconv.Unquote(quoted)
		path, ok = strings.CutPrefix(s[len(quoted):], ": ")
		return source, path, ok
	}
	return strings.Cut(s, ": ")
}
