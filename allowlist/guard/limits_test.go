package guard

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// hosts are n addresses from 74.0.0.0 on.
func hosts(n int) (r allowlist.Ranges) {
	first := netip.MustParseAddr("74.0.0.0")
	last := netip.AddrFrom4([4]byte{74, 0, byte((n - 1) >> 8), byte(n - 1)})
	for _, p := range prefixes.AppendRange(nil, first, last) {
		r.Add(allowlist.Range{Prefix: p, Path: provenance.Of("x")})
	}
	return r
}

// hosts6 are n networks of 64 bits or more, each of them the first in a /64 of which no two are neighbours.
func hosts6(n, bits int) (r allowlist.Ranges) {
	for i := range n {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x2a, 6: byte(i >> 7), 7: byte(i << 1)}), bits)
		r.Add(allowlist.Range{Prefix: p, Path: provenance.Of("x")})
	}
	return r
}

// TestGuardLimits has a source at each limit of its size and its change, and one bit, address or network to either side of it:
// only what is past the limit is held, and for nothing else. By itself the source of every row is within the other limits.
func TestGuardLimits(t *testing.T) {
	limits := allowlist.Limits{MaxShrink: 30, MaxGrow: 200, Window: time.Hour}
	for _, row := range []struct {
		kind, key string
		limit     func(*allowlist.Limits)
		last      allowlist.Ranges
		next      func(over int) allowlist.Ranges // past the limit by so much
	}{
		{"wide", "widest_ipv4", func(l *allowlist.Limits) { l.WidestIPv4 = 12 }, allowlist.Ranges{},
			func(over int) allowlist.Ranges { return someRanges(fmt.Sprintf("74.0.0.0/%d", 12-over)) }},
		{"wide", "widest_ipv6", func(l *allowlist.Limits) { l.WidestIPv6 = 28 }, allowlist.Ranges{},
			func(over int) allowlist.Ranges { return someRanges(fmt.Sprintf("2a00::/%d", 28-over)) }},
		{"total", "total_ipv4", func(l *allowlist.Limits) { l.TotalIPv4 = 24 }, allowlist.Ranges{},
			func(over int) allowlist.Ranges { return hosts(256 + over) }},
		{"total", "total_ipv6", func(l *allowlist.Limits) { l.TotalIPv6 = 120 }, allowlist.Ranges{},
			func(over int) allowlist.Ranges { return hosts6(256+over, 128) }},
		{"shrink", "max_shrink of IPv4", nil, hosts(100), func(over int) allowlist.Ranges { return hosts(70 - over) }},
		{"shrink", "max_shrink of IPv6", nil, hosts6(100, 64), func(over int) allowlist.Ranges { return hosts6(70-over, 64) }},
		{"grow", "max_grow of IPv4", nil, hosts(100), func(over int) allowlist.Ranges { return hosts(300 + over) }},
		{"grow", "max_grow of IPv6", nil, hosts6(100, 128), func(over int) allowlist.Ranges { return hosts6(300+over, 128) }},
		{"shrink", "max_shrink of one host", nil, hosts(3), func(over int) allowlist.Ranges { return hosts(2 - over) }},
		{"shrink", "max_shrink of one IPv6 host", nil, hosts6(3, 64), func(over int) allowlist.Ranges { return hosts6(2-over, 64) }},
	} {
		for over := -1; over <= 1; over++ {
			g := Guard{Limits: limits}
			if row.limit != nil {
				row.limit(&g.Limits)
			}
			var earlier Earlier
			if row.last.Len() > 0 {
				earlier.Last = &allowlist.Resolved{Ranges: row.last}
			}
			v := g.Check(earlier, allowlist.Fetched{Resolved: allowlist.Resolved{Ranges: row.next(over)}})
			if over <= 0 && (v.Status != Fresh || len(v.Problems) > 0) || over > 0 && (v.Status != Held || len(v.Problems) != 1 || v.Problems[0].Kind != row.kind) {
				t.Errorf("%s, past by %d: %s, %v", row.key, over, v.Status, v.Problems)
			}
		}
	}
}

// listFrom gives n networks that are no neighbours.
func listFrom(first byte, n int) (l prefixes.List) {
	for i := range n {
		l.Add(netip.PrefixFrom(netip.AddrFrom4([4]byte{first + byte(i>>22), byte(i >> 14), byte(i >> 6), byte(i << 2)}), 31), 0)
	}
	return l
}

// TestMemoryLimits has past states at each bound of a memory, and one state or network to either side: only those past the
// bound are thinned.
func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	unchanged := func(n int) []Past { return make([]Past, n) }
	const long = maxPastNetworks / 2
	if one := MaxMemoryBytes(1); MaxMemoryBytes(0) != one || MaxMemoryBytes(3) != 3*one {
		t.Errorf("%d bytes for one source, %d for none, %d for three", one, MaxMemoryBytes(0), MaxMemoryBytes(3))
	}
	for _, row := range []struct {
		name string
		past func(over int) []Past
	}{
		{"states", func(over int) []Past { return unchanged(maxPast + over) }},
		{"networks that came", func(over int) []Past {
			return []Past{{Came: listFrom(20, long)}, {Came: listFrom(60, maxPastNetworks-long+over)}}
		}},
		{"networks that came and went", func(over int) []Past {
			return []Past{{Came: listFrom(20, long)}, {Gone: listFrom(20, maxPastNetworks-long-1+over), Came: listFrom(60, 1)}}
		}},
		{"networks of all states", func(over int) []Past {
			states := append([]Past{{Came: listFrom(20, long)}}, unchanged(maxCompared/long-1)...)
			last := &states[len(states)-1]
			if last.Came = listFrom(60, max(0, over)); over < 0 {
				last.Gone = listFrom(20, 1)
			}
			return states
		}},
	} {
		for over := -1; over <= 1; over++ {
			past := row.past(over)
			for i := range past {
				past[i].From, past[i].To = at, at
			}
			if all := len(thinned(past)) == len(past); all != (over <= 0) {
				t.Errorf("%s, past the bound by %d: of %d states %d are kept", row.name, over, len(past), len(thinned(past)))
			}
		}
	}
}
