package format

import (
	"bufio"
	"io"
	"iter"
	"net/netip"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/prefixes"
)

// writeCIDRList writes the fewest networks for the list, one a line and nothing
// else, as rspamd, Exim, OpenSMTPD, pf and nftables read them. It has no actions.
func writeCIDRList(w io.Writer, l list) (Written, error) {
	out := bufio.NewWriterSize(w, outBuffer)
	written := Written{}
	var networks []netip.Prefix // of one run of addresses
	for from, to := range Joined(l.spans) {
		networks = prefixes.AppendRange(networks[:0], from, to)
		for _, p := range networks {
			out.Write(append(p.AppendTo(out.AvailableBuffer()), '\n')) // its error comes with Flush
		}
		written.Entries += len(networks)
	}
	return written, out.Flush()
}

// Joined puts spans that touch together.
func Joined(spans iter.Seq[allowlist.Span]) iter.Seq2[netip.Addr, netip.Addr] {
	return func(yield func(from, to netip.Addr) bool) {
		var from, to netip.Addr
		for s := range spans {
			if from.IsValid() && to.Next() == s.From {
				to = s.To
				continue
			}
			if from.IsValid() && !yield(from, to) {
				return
			}
			from, to = s.From, s.To
		}
		if from.IsValid() {
			yield(from, to)
		}
	}
}

func readCIDRList(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	for i, line := range ascii.Lines(text) {
		p, err := netip.ParsePrefix(string(line))
		if err != nil || p != p.Masked() {
			return nil, fault.At(i+1, "%s: no network that mailallow writes", ascii.Printable(string(line), 80))
		}
		entries = append(entries, allowlist.Entry{Prefix: p, Action: allowlist.OK})
	}
	return entries, nil
}
