package format

import (
	"bufio"
	"errors"
	"iter"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// writeBare writes the fewest networks for the spans, each with line, and counts them.
func writeBare(out *bufio.Writer, spans iter.Seq[allowlist.Span], line func([]byte, netip.Prefix) []byte) (count int) {
	var networks []netip.Prefix // of one run of addresses
	for from, to := range joined(spans) {
		networks = prefixes.AppendRange(networks[:0], from, to)
		for _, p := range networks {
			out.Write(line(out.AvailableBuffer(), p))
		}
		count += len(networks)
	}
	return count
}

// readBare reads a text line by line. network gives the network of a line, or ok false for a line without one. Every network
// gets the action OK, because the file has no actions.
func readBare(text lines, each func(allowlist.Entry), network func(line string) (p netip.Prefix, ok bool, err error)) error {
	for i, line := range text {
		p, ok, err := network(string(line))
		if err != nil {
			return &fault.AtLine{Line: i + 1, Err: err}
		}
		if ok {
			each(allowlist.Entry{Prefix: p, Action: allowlist.OK})
		}
	}
	return nil
}

// writeCIDRList writes one network a line and nothing else, as rspamd, Exim's hosts, OpenSMTPD, HAProxy and pf read them
// (docs/facts.md 27).
func writeCIDRList(out *bufio.Writer, l list) (written Written, err error) {
	written.Entries = writeBare(out, l.spans, func(b []byte, p netip.Prefix) []byte { return append(p.AppendTo(b), '\n') })
	return written, nil
}

func readCIDRList(text lines, _ bool, each func(allowlist.Entry)) error {
	return readBare(text, each, func(line string) (netip.Prefix, bool, error) {
		p, err := readNetwork(line)
		return p, true, err
	})
}

// writeExim writes one key a line for net-iplsearch. Exim takes an IPv6 network without quotes for a key that ends at its
// first colon, and says nothing (docs/facts.md 27).
func writeExim(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(Header)
	written.Entries = writeBare(out, l.spans, func(b []byte, p netip.Prefix) []byte {
		return append(p.AppendTo(append(b, '"')), '"', '\n')
	})
	return written, nil
}

func readExim(text lines, _ bool, each func(allowlist.Entry)) error {
	return readBare(text, each, func(line string) (p netip.Prefix, ok bool, err error) {
		if line == strings.TrimSuffix(Header, "\n") {
			return p, false, nil
		}
		key, ok := unquoted(line)
		if !ok {
			return p, false, errors.New(ascii.Printable(line, 80) + ": not a key in quotes")
		}
		p, err = readNetwork(key)
		return p, true, err
	})
}

func unquoted(line string) (key string, ok bool) {
	if len(line) < 2 || line[0] != '"' || line[len(line)-1] != '"' {
		return "", false
	}
	return line[1 : len(line)-1], true
}

// eximLine reads a line that writeExim wrote.
func eximLine(line string) (network netip.Prefix, value string, ok bool) {
	key, ok := unquoted(line)
	if !ok {
		return network, "", false
	}
	return networkLine(key)
}
