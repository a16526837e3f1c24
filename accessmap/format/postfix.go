package format

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// postfixValues are the words of a Postfix table for the actions that it can express.
type postfixValues map[allowlist.Action]string

// write writes disjoint networks without host bits, in address order. Postfix takes the first line that matches (docs/facts.md
// 9); no two of these lines match one address, so their order does not matter. A hole has no line.
func (v postfixValues) write(w io.Writer, l list) (written Written, err error) {
	out := bufio.NewWriterSize(w, outBuffer)
	out.WriteString(Header) // Flush gives the errors
	written.Entries = writeNetworks(out, l.spans, func(b []byte, p netip.Prefix, e *allowlist.Entry) []byte {
		return append(append(p.AppendTo(b), '\t'), v[e.Action]...)
	})
	return written, out.Flush()
}

// read reads a table that write wrote. If a word is used for two actions, the comment above the line has the action.
func (v postfixValues) read(text []byte) ([]allowlist.Entry, error) {
	entries := make([]allowlist.Entry, 0, bytes.Count(text, []byte("\n"))/2) // most lines have a comment of their own
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
		prefix, err := readNetwork(network)
		if err != nil {
			return nil, &fault.AtLine{Line: i + 1, Err: err}
		}
		action, err := v.action(word, above.Action)
		if err != nil {
			return nil, &fault.AtLine{Line: i + 1, Err: err}
		}
		entries = append(entries, allowlist.Entry{Prefix: prefix, Action: action, Owners: above.Owners})
	}
	return entries, nil
}

// action gives the action of a word: that of the comment above the line if the word fits it.
func (v postfixValues) action(word string, comment allowlist.Action) (allowlist.Action, error) {
	if word != "" && v[comment] == word { // a table has no word for an action that it cannot express
		return comment, nil
	}
	for _, a := range []allowlist.Action{allowlist.OK, allowlist.Reject, allowlist.Relay} {
		if word != "" && v[a] == word {
			return a, nil
		}
	}
	return allowlist.None, fmt.Errorf("%s: not a value that mailallow writes", ascii.Printable(word, 80))
}
