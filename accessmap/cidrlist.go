package accessmap

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"

	"mailallow/allowlist"

	"go4.org/netipx"

	"mailallow/allowlist/ascii"
)

// writeCIDRList writes the fewest networks for the list, one a line and nothing
// else, as rspamd, Exim, OpenSMTPD, pf and nftables read them. It has no actions.
func writeCIDRList(w io.Writer, l list) (Written, error) {
	var b netipx.IPSetBuilder
	for _, s := range l.spans {
		b.AddRange(netipx.IPRangeFrom(s.From, s.To))
	}
	out := bufio.NewWriter(w)
	prefixes := mustSet(&b).Prefixes()
	for _, p := range prefixes {
		out.WriteString(p.String() + "\n") // its error comes with Flush
	}
	return Written{Entries: len(prefixes)}, out.Flush()
}

func readCIDRList(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	for i, line := range lines(text) {
		p, err := netip.ParsePrefix(string(line))
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("line %d: %s: no network that mailallow writes", i+1, ascii.Printable(string(line), 80))
		}
		entries = append(entries, allowlist.Entry{Prefix: p, Action: allowlist.OK})
	}
	return entries, nil
}
