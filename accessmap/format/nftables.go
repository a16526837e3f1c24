package format

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// The file is for nft(8), which puts a file in force as one transaction: at no moment is a set empty or half full. It makes
// the table and the sets where they are missing, empties and fills the sets, and leaves the rest of the table as it is, so
// that rules of the site in it go on. The sets have no auto-merge: the networks neither overlap nor contain one another.
const nftSets = `add table inet mailallow
add set inet mailallow allow4 { type ipv4_addr; flags interval; }
add set inet mailallow allow6 { type ipv6_addr; flags interval; }
flush set inet mailallow allow4
flush set inet mailallow allow6
`

// nftElements begins the networks of a family; nftEnd ends them.
func nftElements(ipv4 bool) string {
	if ipv4 {
		return "add element inet mailallow allow4 {"
	}
	return "add element inet mailallow allow6 {"
}

const nftEnd = "}"

// writeNftables writes the elements of each set that has any: nft takes an empty list of elements for a mistake (docs/facts.md
// 36).
func writeNftables(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(Header + nftSets)
	for _, ipv4 := range []bool{true, false} {
		before := nftElements(ipv4)
		count := writeBare(out, ofFamily(l.spans, ipv4), func(b []byte, p netip.Prefix) []byte {
			b = append(append(b, before...), "\n\t"...)
			before = ","
			return p.AppendTo(b)
		})
		if count > 0 {
			out.WriteString("\n" + nftEnd + "\n")
		}
		written.Entries += count
	}
	return written, nil
}

// readNftables reads a file that writeNftables wrote. A network in the set of the other family is an error.
func readNftables(text lines, _ bool, each func(allowlist.Entry)) error {
	fixed := map[string]bool{}
	for line := range strings.Lines(Header + nftSets) {
		fixed[strings.TrimSuffix(line, "\n")] = true
	}
	elements := "" // the line that begins those that are read
	return readBare(text, each, func(line string) (p netip.Prefix, ok bool, err error) {
		switch {
		case elements == "" && fixed[line]:
			return p, false, nil
		case elements == "" && (line == nftElements(true) || line == nftElements(false)):
			elements = line
			return p, false, nil
		case elements != "" && line == nftEnd:
			elements = ""
			return p, false, nil
		}
		p, ok = nftNetwork(line)
		switch {
		case !ok || elements == "":
			err = errors.New(ascii.Printable(line, 80) + ": not a line that mailallow writes")
		case elements != nftElements(p.Addr().Is4()):
			err = fmt.Errorf("%s: not in the set of its family", p)
		}
		return p, ok, err
	})
}

// nftNetwork reads a line with a network.
func nftNetwork(line string) (p netip.Prefix, ok bool) {
	text, indented := strings.CutPrefix(line, "\t")
	p, err := readNetwork(strings.TrimSuffix(text, ","))
	return p, indented && err == nil
}

// nftLine reads a line that writeNftables wrote.
func nftLine(line string) (network netip.Prefix, value string, ok bool) {
	network, ok = nftNetwork(line)
	return network, "", ok
}
