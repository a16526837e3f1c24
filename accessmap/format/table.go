package format

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// Line is the line of a table that decides for an address.
type Line struct {
	Line    int // of the file, from 1
	Network netip.Prefix
	Value   string // empty in a file without actions
}

// FindLine gives the first line, in file order, whose network contains addr, as Postfix does (cidr_table(5), docs/facts.md 9).
// It skips lines that Postfix skips, such as one with host bits, and patterns that mailallow does not write (if, !). ok is
// false if no line matches, and for formats that are not lists of networks.
func (f Format) FindLine(text []byte, addr netip.Addr) (found Line, ok bool) {
	if f.line == nil {
		return found, false
	}
	addr = addr.Unmap()
	first, logical := 0, []byte(nil)
	decides := func() bool {
		network, value, ok := f.line(string(logical))
		found = Line{first, network, value}
		return ok && network.Contains(addr)
	}
	for i, line := range ascii.Lines(text) {
		switch {
		case i > 0 && f.Use != UseNone && isComment(string(line)):
		case i > 0 && f.Use != UseNone && ascii.IsSpace(line[0]):
			logical = append(logical, line...)
		case decides():
			return found, true
		default:
			first, logical = i+1, slices.Clip(line) // what continues it must not overwrite the text
		}
	}
	if decides() {
		return found, true
	}
	return Line{}, false
}

// isComment reports whether a line is a comment or blank.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// networkLine reads a line of a table: a network, blanks, and the rest as the value.
func networkLine(line string) (network netip.Prefix, value string, ok bool) {
	if line == "" || line[0] == '#' || ascii.IsSpace(line[0]) {
		return network, "", false
	}
	word, value := line, ""
	if i := strings.IndexAny(line, ascii.Space); i >= 0 {
		word, value = line[:i], strings.Trim(line[i:], ascii.Space)
	}
	network, err := netip.ParsePrefix(word)
	if err != nil {
		var addr netip.Addr
		addr, err = netip.ParseAddr(word)
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	return network, value, err == nil && network == network.Masked()
}

// jsonLine reads the first line of an entry that writeJSON wrote. Its sources may be on lines below.
func jsonLine(line string) (network netip.Prefix, value string, ok bool) {
	var e jsonEntry
	line, _, ok = strings.Cut(strings.TrimLeft(line, " ,"), `,"sources":`)
	if !ok || json.Unmarshal([]byte(line+"}"), &e) != nil || !e.Prefix.IsValid() {
		return network, "", false
	}
	return e.Prefix, e.Action.String(), true
}
