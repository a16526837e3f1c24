package format

import (
	"bufio"
	"fmt"
	"iter"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// The file is a dataset of rbldnsd(8), type combined: the ranges of both families for one zone. The site keeps the zone's SOA
// and NS records and its TTLs in another file, which the command line of rbldnsd names first.
//
// rbldnsd answers with the longest prefix that matches. No two lines of this file match one address, so neither their length
// nor their order matters.

// The A records of the answers. RELAY has its own, so that a mail server can tell the two actions apart.
const (
	rbldnsdOK    = "127.0.0.2"
	rbldnsdRelay = "127.0.0.3"

	// rbldnsdTest is the test entry; its A record means no action. RFC 5782 section 5 wants 127.0.0.2 listed and 127.0.0.1
	// not listed, so that a list that is gone, or that lists every address, differs from one that works. rbldnsd adds no
	// such entry itself. It looks up IPv4-mapped names among the IPv4 ranges, so the entry also answers for
	// ::ffff:127.0.0.2, the test entry of an IPv6 list.
	rbldnsdTest = "127.0.0.2\t:127.0.0.99:test entry"
)

// maxTXT bounds a TXT record, in bytes. rbldnsd cuts a longer one: with a warning from 256 bytes on, and without one at 255.
const maxTXT = 254

// rbldnsdDataset is the line above the part of a family. rbldnsd has a type for each.
func rbldnsdDataset(ipv4 bool) string {
	if ipv4 {
		return "$DATASET ip4trie:mailallow @"
	}
	return "$DATASET ip6trie:mailallow @"
}

// writeRbldnsd writes disjoint networks, each with the A record of its action and a TXT record with its owners. A hole has no
// line.
func writeRbldnsd(out *bufio.Writer, l list) (written Written, err error) {
	out.WriteString(Header)
	for _, ipv4 := range []bool{true, false} {
		out.WriteString(rbldnsdDataset(ipv4) + "\n")
		if ipv4 && !covers(l.spans, netip.AddrFrom4([4]byte{127, 0, 0, 2})) {
			out.WriteString("# RFC 5782 section 5: neither OK nor RELAY\n" + rbldnsdTest + "\n")
		}
		written.Entries += writeNetworks(out, ofFamily(l.spans, ipv4), rbldnsdLine)
	}
	return written, nil
}

func ofFamily(spans iter.Seq[allowlist.Span], ipv4 bool) iter.Seq[allowlist.Span] {
	return func(yield func(allowlist.Span) bool) {
		for s := range spans {
			if s.From.Is4() == ipv4 && !yield(s) {
				return
			}
		}
	}
}

func covers(spans iter.Seq[allowlist.Span], addr netip.Addr) bool {
	for s := range spans {
		if s.From.Is4() == addr.Is4() && s.From.Compare(addr) <= 0 && addr.Compare(s.To) <= 0 {
			return true
		}
	}
	return false
}

// rbldnsdLine appends a network, its A record and its TXT record. A dollar sign is escaped, because rbldnsd replaces it
// together with the character after it.
func rbldnsdLine(b []byte, p netip.Prefix, s allowlist.Span) []byte {
	answer := rbldnsdOK
	if s.Action() == allowlist.Relay {
		answer = rbldnsdRelay
	}
	txt := strings.ReplaceAll(s.Action().String()+" "+string(appendOwners(nil, s.AppendMentions(nil))), "$", `\x24`)
	return append(b, rbldnsdNetwork(p)+"\t:"+answer+":"+ascii.Cut(txt, maxTXT)...)
}

// rbldnsdNetwork writes a network without dotted octets in an IPv6 address: rbldnsd skips a line with them, and warns.
func rbldnsdNetwork(p netip.Prefix) string {
	if !p.Addr().Is4In6() {
		return p.String()
	}
	b := p.Addr().As16()
	return fmt.Sprintf("::ffff:%x:%x/%d", int(b[12])<<8|int(b[13]), int(b[14])<<8|int(b[15]), p.Bits())
}

// readRbldnsd reads a file that writeRbldnsd wrote. A network in the dataset of the other family is an error, because rbldnsd
// would skip it; so is a special line ("$", "#$"), because it could change the meaning of the others.
func readRbldnsd(text lines, owners bool, each func(allowlist.Entry)) error {
	dataset := ""
	return readTable(text, owners, each, func(line string, _ allowlist.Action) (e allowlist.Entry, ok bool, err error) {
		switch {
		case line == rbldnsdTest, line == "", strings.HasPrefix(line, "# "):
			return e, false, nil
		case line == rbldnsdDataset(true), line == rbldnsdDataset(false):
			dataset = line
			return e, false, nil
		}
		e, err = readRbldnsdLine(line)
		if err == nil && dataset != rbldnsdDataset(e.Prefix.Addr().Is4()) {
			err = fmt.Errorf("%s: not in the dataset of its family", e.Prefix)
		}
		return e, true, err
	})
}

func readRbldnsdLine(line string) (e allowlist.Entry, err error) {
	network, value, _ := strings.Cut(line, "\t")
	e.Prefix, err = netip.ParsePrefix(network)
	if err != nil || rbldnsdNetwork(e.Prefix.Masked()) != network {
		return e, fmt.Errorf("%s: not a network that mailallow writes", ascii.Printable(network, 80))
	}
	switch {
	case strings.HasPrefix(value, ":"+rbldnsdOK+":"):
		e.Action = allowlist.OK
	case strings.HasPrefix(value, ":"+rbldnsdRelay+":"):
		e.Action = allowlist.Relay
	default:
		return e, fmt.Errorf("%s: not a value that mailallow writes", ascii.Printable(value, 80))
	}
	return e, nil
}
