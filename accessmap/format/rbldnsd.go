package format

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
)

// The format is what rbldnsd(8) reads as a dataset of type combined: the ranges
// of both families in one file, for the zone that its command line names. Names
// of the zone (SOA, NS) and times to live are the site's own, and go into a file
// that is listed before this one.
//
// rbldnsd answers with the longest prefix that matches. Here no two lines match
// one address, so neither that nor the order of the lines decides anything.

// The A records that rbldnsd answers with. An address that may relay has one of
// its own, so that a client can ask for either.
const (
	rbldnsdOK    = "127.0.0.2"
	rbldnsdRelay = "127.0.0.3"

	// rbldnsdTest is the test entry's, and stands for no action: RFC 5782 section 5
	// wants 127.0.0.2 listed, and 127.0.0.1 not, so that a list that is gone and one
	// that lists the world can be told from one that works. rbldnsd adds no such
	// entry itself. It looks IPv4-mapped names up among the IPv4 ranges, and so
	// answers for ::ffff:127.0.0.2, the test entry of an IPv6 list, too.
	rbldnsdTest = "127.0.0.99"
)

// maxTXT bounds a TXT record, in bytes: rbldnsd cuts what is longer, warns from 256
// on, and takes the last byte of 255 without a word.
const maxTXT = 254

// rbldnsdDataset is a part of the file: rbldnsd has a type for each family.
type rbldnsdDataset struct {
	opens string // the line
	ipv4  bool
}

func rbldnsdDatasets() []rbldnsdDataset {
	return []rbldnsdDataset{{"$DATASET ip4trie:mailallow @", true}, {"$DATASET ip6trie:mailallow @", false}}
}

// rbldnsdTestLine is the test entry.
func rbldnsdTestLine() string {
	return rbldnsdTestAddress().String() + "\t:" + rbldnsdTest + ":test entry"
}

func rbldnsdTestAddress() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 2}) }

// writeRbldnsd writes disjoint networks, each with the A record that tells its
// action and a TXT record that tells who put it there. A hole has no line.
func writeRbldnsd(w io.Writer, l list) (written Written, err error) {
	out := bufio.NewWriterSize(w, outBuffer)
	out.WriteString(Header) // errors come with Flush
	for _, d := range rbldnsdDatasets() {
		out.WriteString(d.opens + "\n")
		if d.ipv4 && !holds(l.spans, rbldnsdTestAddress()) {
			out.WriteString("# RFC 5782 section 5: neither OK nor RELAY\n" + rbldnsdTestLine() + "\n")
		}
		written.Entries += writeNetworks(out, d.spans(l.spans), rbldnsdLine)
	}
	return written, out.Flush()
}

// spans are those of the family.
func (d rbldnsdDataset) spans(all iter.Seq[allowlist.Span]) iter.Seq[allowlist.Span] {
	return func(yield func(allowlist.Span) bool) {
		for s := range all {
			if s.From.Is4() == d.ipv4 && !yield(s) {
				return
			}
		}
	}
}

// holds tells whether one of the spans holds addr.
func holds(spans iter.Seq[allowlist.Span], addr netip.Addr) bool {
	for s := range spans {
		if s.From.Is4() == addr.Is4() && s.From.Compare(addr) <= 0 && addr.Compare(s.To) <= 0 {
			return true
		}
	}
	return false
}

// rbldnsdLine is a network, its A record and its TXT record. A dollar sign would
// be replaced by rbldnsd, together with what follows it, and so is escaped.
func rbldnsdLine(b []byte, p netip.Prefix, e *allowlist.Entry) []byte {
	answer := rbldnsdOK
	if e.Action == allowlist.Relay {
		answer = rbldnsdRelay
	}
	txt := strings.ReplaceAll(e.Action.String()+" "+owners(e), "$", `\x24`)
	return append(b, rbldnsdNetwork(p)+"\t:"+answer+":"+ascii.Cut(txt, maxTXT)...)
}

// rbldnsdNetwork writes a network as rbldnsd reads it: it knows no dotted octets
// in an IPv6 address, and skips the line with a warning.
func rbldnsdNetwork(p netip.Prefix) string {
	if !p.Addr().Is4In6() {
		return p.String()
	}
	b := p.Addr().As16()
	return fmt.Sprintf("::ffff:%x:%x/%d", int(b[12])<<8|int(b[13]), int(b[14])<<8|int(b[15]), p.Bits())
}

// readRbldnsd reads such a file. A line of the other family would be skipped by
// rbldnsd, and a special one ("$", "#$") could change what the rest says.
func readRbldnsd(text []byte) ([]allowlist.Entry, error) {
	var entries []allowlist.Entry
	var above comments
	var dataset rbldnsdDataset
	for i, raw := range ascii.Lines(text) {
		line := string(raw)
		if above.read(line) || line == rbldnsdTestLine() || line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		if at := slices.IndexFunc(rbldnsdDatasets(), func(d rbldnsdDataset) bool { return d.opens == line }); at >= 0 {
			dataset = rbldnsdDatasets()[at]
			continue
		}
		e, err := readRbldnsdLine(line)
		if err != nil {
			return nil, &fault.AtLine{Line: i + 1, Err: err}
		}
		if dataset.opens == "" || e.Prefix.Addr().Is4() != dataset.ipv4 {
			return nil, fault.At(i+1, "%s: not the dataset for it", e.Prefix)
		}
		e.Owners = above.Owners
		entries = append(entries, e)
	}
	return entries, nil
}

func readRbldnsdLine(line string) (e allowlist.Entry, err error) {
	network, value, _ := strings.Cut(line, "\t")
	e.Prefix, err = netip.ParsePrefix(network)
	if err != nil || rbldnsdNetwork(e.Prefix.Masked()) != network {
		return e, fmt.Errorf("%s: no network that mailallow writes", ascii.Printable(network, 80))
	}
	switch {
	case strings.HasPrefix(value, ":"+rbldnsdOK+":"):
		e.Action = allowlist.OK
	case strings.HasPrefix(value, ":"+rbldnsdRelay+":"):
		e.Action = allowlist.Relay
	default:
		return e, fmt.Errorf("%s: no value that mailallow writes", ascii.Printable(value, 80))
	}
	return e, nil
}
