package format

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// ReadSendmail reads a block, an entry a key.
func ReadSendmail(text []byte) ([]allowlist.Entry, error) {
	entries := make([]allowlist.Entry, 0, bytes.Count(text, []byte("\n")))
	lines := make([]int, 0, cap(entries)) // of the entries
	var seen map[netip.Prefix]int         // as soon as the keys are not in order
	var above comments
	for i, rest := 1, text; len(rest) > 0; i++ {
		var raw []byte
		raw, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(raw) == 0 || raw[0] == '#' {
			above.read(string(raw))
			continue
		}
		above.open = false
		e, err := readKeyLine(string(raw))
		if err != nil {
			return nil, &fault.AtLine{Line: i, Err: err}
		}
		if n := len(entries); seen == nil && n > 0 && entries[n-1].Prefix.Compare(e.Prefix) >= 0 {
			seen = make(map[netip.Prefix]int, n)
			for k, before := range entries {
				seen[before.Prefix] = lines[k]
			}
		}
		if seen != nil {
			if before, twice := seen[e.Prefix]; twice {
				return nil, fault.At(i, "the key of line %d again", before)
			}
			seen[e.Prefix] = i
		}
		e.Owners = above.Owners
		entries, lines = append(entries, e), append(lines, i)
	}
	return slices.Clip(entries), nil
}

// readKeyLine reads a line with a key of ours.
func readKeyLine(line string) (e allowlist.Entry, err error) {
	k, value, _ := strings.Cut(line, "\t")
	address, tagged := strings.CutPrefix(k, key.Connect)
	prefix, ok := key.Parse(address)
	if !tagged || !ok {
		return e, errors.New(ascii.Printable(k, 80) + ": no key that mailallow writes")
	}
	action, err := allowlist.ParseAction(value)
	if err != nil || action == allowlist.Exclude {
		return e, errors.New(ascii.Printable(value, 80) + ": no value that mailallow writes")
	}
	return allowlist.Entry{Prefix: prefix, Action: action}, nil
}
