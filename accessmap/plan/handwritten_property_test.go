package plan

import (
	"net/netip"
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
)

// TestUndecided compares undecided with a look at every key: an address stays if each hand-written key that covers it is
// shorter than the prefix of its span.
func TestUndecided(t *testing.T) {
	network := rapid.Custom(func(t *rapid.T) netip.Prefix {
		low := byte(rapid.IntRange(0, 255).Draw(t, "low"))
		if rapid.Bool().Draw(t, "v6") {
			return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: low}), rapid.IntRange(118, 128).Draw(t, "bits")).Masked()
		}
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, low}), rapid.IntRange(22, 32).Draw(t, "bits")).Masked()
	})
	rapid.Check(t, func(t *rapid.T) {
		var entries []allowlist.Entry
		for _, p := range rapid.SliceOfN(network, 0, 8).Draw(t, "prefixes") {
			entries = append(entries, allowlist.Entry{Prefix: p, Action: rapid.SampledFrom(format.Actions()).Draw(t, "action")})
		}
		var handWritten []handKey
		for _, p := range rapid.SliceOfN(network, 0, 8).Draw(t, "keys") {
			handWritten = append(handWritten, handKey{prefix: p})
		}
		spans := allowlist.Nest(slices.Clone(entries))
		rest := undecided(spans, handWritten)
		for i, s := range rest {
			if s.To.Less(s.From) || i > 0 && !rest[i-1].To.Less(s.From) {
				t.Fatalf("%v", rest)
			}
		}
		at := func(spans []allowlist.Span, addr netip.Addr) int {
			return slices.IndexFunc(spans, func(s allowlist.Span) bool { return s.From.Compare(addr) <= 0 && addr.Compare(s.To) <= 0 })
		}
		for _, p := range allPrefixes(entries, handWritten) {
			for _, addr := range []netip.Addr{p.Addr(), p.Addr().Prev(), netipx.PrefixLastIP(p), netipx.PrefixLastIP(p).Next()} {
				if !addr.IsValid() {
					continue
				}
				before, after := at(spans, addr), at(rest, addr)
				decided := before >= 0 && slices.ContainsFunc(handWritten, func(h handKey) bool {
					return h.prefix.Contains(addr) && h.prefix.Bits() >= spans[before].Prefix().Bits()
				})
				if (after >= 0) != (before >= 0 && !decided) || after >= 0 && rest[after].Prefix() != spans[before].Prefix() {
					t.Fatalf("%s: in span %d before, decided by hand %v, in span %d after", addr, before, decided, after)
				}
			}
		}
	})
}

func allPrefixes(entries []allowlist.Entry, handWritten []handKey) (all []netip.Prefix) {
	for _, e := range entries {
		all = append(all, e.Prefix)
	}
	for _, h := range handWritten {
		all = append(all, h.prefix)
	}
	return all
}
