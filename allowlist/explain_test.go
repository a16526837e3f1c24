package allowlist

import (
	"net/netip"
	"testing"

	"mailallow/allowlist/provenance"
)

// Explain finds the deciding entry, the excluded ranges and the nearest ones.
func TestExplain(t *testing.T) {
	labelled := func(name string, action Action, prefixes ...string) Labelled {
		src := Labelled{Source: name, Action: action}
		for _, p := range prefixes {
			src.Ranges.Add(Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(name, p)})
		}
		return src
	}
	x := NewExplainer([]Labelled{
		labelled("wide", OK, "10.0.0.0/16", "2001:db8::/32"),
		labelled("inside", Relay, "10.0.0.0/24", "10.0.255.0/25"),
		labelled("never", Exclude, "10.0.0.7/32", "10.9.9.0/24"),
		labelled("far", OK, "10.2.0.0/24", "10.2.0.0/16"),
	})
	format := func(m Match) string { return m.Source + " " + m.Prefix.String() }
	for _, row := range []struct {
		addr, entry, without, below, above string
		matches, excluded                  int
	}{
		{"10.0.0.6", "10.0.0.0/24", "", "", "", 2, 0},
		{"10.0.0.7", "", "10.0.0.0/24", "", "", 2, 1},
		{"10.0.1.1", "10.0.0.0/16", "", "", "", 1, 0},
		{"10.1.0.0", "", "", "wide 10.0.0.0/16 10.0.255.255", "far 10.2.0.0/16 10.2.0.0", 0, 0},
		{"10.9.9.9", "", "", "far 10.2.0.0/16 10.2.255.255", "", 0, 1},
		{"9.255.255.255", "", "", "", "wide 10.0.0.0/16 10.0.0.0", 0, 0},
		{"::1", "", "", "", "wide 2001:db8::/32 2001:db8::", 0, 0},
		{"2002::", "", "", "wide 2001:db8::/32 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "", 0, 0},
	} {
		e := x.Explain(netip.MustParseAddr(row.addr))
		prefix := func(e *Entry) string {
			if e == nil {
				return ""
			}
			return e.Prefix.String()
		}
		beside := func(n *Neighbour) string {
			if n == nil {
				return ""
			}
			return format(n.Match) + " " + n.Edge.String()
		}
		if prefix(e.Entry) != row.entry || prefix(e.Without) != row.without || len(e.Matches) != row.matches ||
			len(e.Excluded) != row.excluded || beside(e.Below) != row.below || beside(e.Above) != row.above {
			t.Errorf("%s: %+v; want %+v", row.addr, e, row)
		}
	}
}
