package format

import (
	"bufio"
	"net/netip"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// writeCIDRList writes the fewest networks for the list, one a line and nothing else, as rspamd, Exim, OpenSMTPD, HAProxy
// and pf read them (docs/facts.md 27).
func writeCIDRList(out *bufio.Writer, l list) (written Written, err error) {
	var networks []netip.Prefix // of one run of addresses
	for from, to := range Joined(l.spans) {
		networks = prefixes.AppendRange(networks[:0], from, to)
		for _, p := range networks {
			out.Write(append(p.AppendTo(out.AvailableBuffer()), '\n'))
		}
		written.Entries += len(networks)
	}
	return written, nil
}

// readCIDRList gives every network the action OK, because the file has no actions.
func readCIDRList(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	for i, line := range ascii.Lines(text) {
		p, err := readNetwork(string(line))
		if err != nil {
			return nil, &fault.AtLine{Line: i + 1, Err: err}
		}
		entries = append(entries, allowlist.Entry{Prefix: p, Action: allowlist.OK})
	}
	return entries, nil
}
