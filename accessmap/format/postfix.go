package format

import (
	"bufio"
	"fmt"
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
func (v postfixValues) write(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(Header)
	written.Entries = writeNetworks(out, l.spans, func(b []byte, p netip.Prefix, e *allowlist.Entry) []byte {
		return append(append(p.AppendTo(b), '\t'), v[e.Action]...)
	})
	return written, nil
}

// read reads a table that write wrote. If a word is used for two actions, the comment above the line has the action.
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
	for _, a := range []allowlist.Action{comment, allowlist.OK, allowlist.Reject, allowlist.Relay} {
		if word != "" && v[a] == word { // a table has no word for an action that it cannot express
			return a, nil
		}
	}
	return allowlist.None, fmt.Errorf("%s: not a value that mailallow writes", ascii.Printable(word, 80))
}
