package format

import (
	"bufio"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// postfixValues are the words of a Postfix table for the actions that it can express.
type postfixValues map[allowlist.Action]string

// write writes disjoint networks without host bits, in address order. Postfix takes the first line that matches (docs/facts.md
// 9); no two of these lines match one address, so their order does not matter. A hole has no line.
func (v postfixValues) write(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(Header)
	written.Entries = writeNetworks(out, l.spans, func(b []byte, p netip.Prefix, s allowlist.Span) []byte {
		return append(append(p.AppendTo(b), '\t'), v[s.Action()]...)
	})
	return written, nil
}

// read reads a table that write wrote. If a word is used for two actions, the comment above the line has the action.
func (v postfixValues) read(text lines, owners bool, each func(allowlist.Entry)) error {
	return readTable(text, owners, each, func(line string, above allowlist.Action) (e allowlist.Entry, ok bool, err error) {
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			return e, false, nil
		}
		network, word, _ := strings.Cut(line, "\t")
		if e.Prefix, err = readNetwork(network); err == nil {
			e.Action, err = v.action(word, above)
		}
		return e, true, err
	})
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
