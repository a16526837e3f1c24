package format

import (
	"bufio"
	"fmt"
	"iter"
	"net/netip"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// Header is the first line of a file that mailallow manages as a whole, in formats with comments.
const Header = "# Written by mailallow: change its configuration, not this file.\n"

// writeNetworks writes the networks of spans as lines, below a comment with the provenance of each entry, and counts them.
// line appends one line without its LF.
func writeNetworks(out *bufio.Writer, spans iter.Seq[allowlist.Span], line func([]byte, netip.Prefix, allowlist.Span) []byte) (count int) {
	comments := commentWriter{Writer: out}
	var above allowlist.Span
	var networks []netip.Prefix // of one span
	for s := range spans {
		if !sameEntry(s, above) {
			comments.writeComment(s)
		}
		above = s
		networks = prefixes.AppendRange(networks[:0], s.From, s.To)
		for _, p := range networks {
			out.Write(append(line(out.AvailableBuffer(), p, s), '\n'))
		}
		count += len(networks)
	}
	return count
}

// sameEntry reports whether a span has the entry of the one above it; the zero value has none.
func sameEntry(s, above allowlist.Span) bool { return above.From.IsValid() && s.SameEntry(above) }

// tableLine gives the entry of a line, without its owners, or ok false for a line without one; above is the action in the
// comment above the line.
type tableLine func(line string, above allowlist.Action) (e allowlist.Entry, ok bool, err error)

// readTable reads a text line by line.
func readTable(text lines, owners bool, each func(allowlist.Entry), read tableLine) error {
	above := comments{owners: owners}
	for i, raw := range text {
		line := string(raw)
		if above.read(line) {
			continue
		}
		e, ok, err := read(line, above.Action)
		if err != nil {
			return &fault.AtLine{Line: i + 1, Err: err}
		}
		if ok {
			e.Owners = above.Owners
			each(e)
		}
	}
	return nil
}

func readNetwork(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p != p.Masked() {
		return p, fmt.Errorf("%s: not a network that mailallow writes", ascii.Printable(text, 80))
	}
	return p, nil
}

// joined gives the ranges of addresses that the spans cover: spans without a gap between them make one range.
func joined(spans iter.Seq[allowlist.Span]) iter.Seq2[netip.Addr, netip.Addr] {
	return func(yield func(from, to netip.Addr) bool) {
		var from, to netip.Addr
		for s := range spans {
			if from.IsValid() && to.Next() == s.From {
				to = s.To
				continue
			}
			if from.IsValid() && !yield(from, to) {
				return
			}
			from, to = s.From, s.To
		}
		if from.IsValid() {
			yield(from, to)
		}
	}
}
