package format

import (
	"encoding/json"
	"net/netip"
	"strings"

	"mailallow/allowlist/ascii"
)

// Line is the line of a table that decides for an address.
type Line struct {
	Line    int // from 1
	Network netip.Prefix
	Value   string // empty in a file without actions
}

// FindLine gives the first line, in file order, whose network holds addr, as Postfix takes it (cidr_table(5), docs/facts.md 9);
// ok is false when there is none, and for formats that are no lists of networks. Lines that Postfix skips, one with host
// bits for instance, decide nothing here either; patterns that mailallow does not write (if, !) are not read.
func (f Format) FindLine(text []byte, addr netip.Addr) (found Line, ok bool) {
	if f.line == nil {
		return found, false
	}
	addr = addr.Unmap()
	all := ascii.Lines(text)
	for i := 0; i < len(all); i++ {
		first, line := i+1, string(all[i])
		for ; f.Use != UseNone && i+1 < len(all) && goesOn(all[i+1]); i++ {
			if next := string(all[i+1]); !isRemark(next) {
				line += next
			}
		}
		network, value, ok := f.line(line)
		if ok && network.Contains(addr) {
			return Line{first, network, value}, true
		}
	}
	return found, false
}

// goesOn reports whether a line belongs to the one above: it begins with a blank, or says nothing (postconf(5)).
func goesOn(line []byte) bool { return isRemark(string(line)) || ascii.IsSpace(line[0]) }

// isRemark reports whether a line is blank or a comment.
func isRemark(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// networkLine reads a line of a table: a network, blanks, and the rest as the value.
func networkLine(line string) (network netip.Prefix, value string, ok bool) {
	if line == "" || line[0] == '#' || ascii.IsSpace(line[0]) {
		return network, "", false
	}
	word, value := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		word, value = line[:i], strings.TrimSpace(line[i:])
	}
	if network, ok = parsePrefix(word); !ok {
		addr, err := netip.ParseAddr(word)
		network, ok = netip.PrefixFrom(addr, addr.BitLen()), err == nil
	}
	return network, value, ok && network == network.Masked()
}

// jsonLine reads the line on which an entry of writeJSON begins; the sources may go on below.
func jsonLine(line string) (network netip.Prefix, value string, ok bool) {
	var e jsonEntry
	line, _, ok = strings.Cut(strings.TrimLeft(line, " ,"), `,"sources":`)
	if !ok || json.Unmarshal([]byte(line+"}"), &e) != nil || !e.Prefix.IsValid() {
		return network, "", false
	}
	return e.Prefix, e.Action.String(), true
}
