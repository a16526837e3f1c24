package format

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// outBuffer is what is held of a text on its way out, in bytes.
const outBuffer = 64 << 10

// postfixValues are the words of one of Postfix's tables, an action each.
type postfixValues map[allowlist.Action]string

// Header opens every file that is ours as a whole and may hold comments.
const Header = "# Written by mailallow: change its configuration, not this file.\n"

// write writes disjoint networks, canonical, in address order. Postfix takes the
// first match in file order; here no two lines match one address, so the order
// decides nothing (docs/facts.md 9). A hole has no line.
func (v postfixValues) write(w io.Writer, l list) (written Written, err error) {
	out := bufio.NewWriterSize(w, outBuffer)
	out.WriteString(Header) // errors come with Flush
	written.Entries = writeNetworks(out, l.spans, func(b []byte, p netip.Prefix, e *allowlist.Entry) []byte {
		return append(append(p.AppendTo(b), '\t'), v[e.Action]...)
	})
	return written, out.Flush()
}

// writeNetworks writes the networks of spans as lines, below a comment for each
// entry that says who put it there, and counts them. line appends one.
func writeNetworks(out *bufio.Writer, spans iter.Seq[allowlist.Span], line func([]byte, netip.Prefix, *allowlist.Entry) []byte) (count int) {
	last := &allowlist.Entry{}
	var networks []netip.Prefix // of one span
	for s := range spans {
		if s.Prefix() != last.Prefix {
			last = s.Entry()
			out.WriteString(commentOf(last) + "\n")
		}
		networks = prefixes.AppendRange(networks[:0], s.From, s.To)
		for _, p := range networks {
			out.Write(append(line(out.AvailableBuffer(), p, last), '\n'))
		}
		count += len(networks)
	}
	return count
}

// read reads such a table. Where one word stands for two actions, the comment
// above tells which was meant.
func (v postfixValues) read(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	var above comments
	for i, raw := range ascii.Lines(text) {
		line := string(raw)
		if above.read(line) {
			continue
		}
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		network, word, _ := strings.Cut(line, "\t")
		prefix, err := netip.ParsePrefix(network)
		if err != nil || prefix != prefix.Masked() {
			return nil, fault.At(i+1, "%s: no network that mailallow writes", ascii.Printable(network, 80))
		}
		action, err := v.action(word, above.Action)
		if err != nil {
			return nil, &fault.AtLine{Line: i + 1, Err: err}
		}
		entries = append(entries, allowlist.Entry{Prefix: prefix, Action: action, Owners: above.Owners})
	}
	return entries, nil
}

// action is what a word means; likely is the comment's word for it.
func (v postfixValues) action(word string, likely allowlist.Action) (allowlist.Action, error) {
	if known := v[likely]; known != "" && known == word {
		return likely, nil
	}
	for _, a := range []allowlist.Action{allowlist.OK, allowlist.Reject, allowlist.Relay} {
		if word != "" && v[a] == word { // an action that the table cannot say has no word
			return a, nil
		}
	}
	return allowlist.None, fmt.Errorf("%s: no value that mailallow writes", ascii.Printable(word, 80))
}
