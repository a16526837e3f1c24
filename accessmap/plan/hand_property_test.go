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

// An address is left to us where no hand-written key that holds it is as long as the prefix that decides it.
func TestLeftToUsIsWhatALookAtEveryKeySays(t *testing.T) {
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
		var hand []handKey
		for _, p := range rapid.SliceOfN(network, 0, 8).Draw(t, "keys") {
			hand = append(hand, handKey{prefix: p})
		}
		spans := allowlist.Nest(slices.Clone(entries))
		ours := leftToUs(spans, hand)
		for i, s := range ours {
			if s.To.Less(s.From) || i > 0 && !ours[i-1].To.Less(s.From) {
				t.Fatalf("%v", ours)
			}
		}
		at := func(spans []allowlist.Span, addr netip.Addr) int {
			return slices.IndexFunc(spans, func(s allowlist.Span) bool { return s.From.Compare(addr) <= 0 && addr.Compare(s.To) <= 0 })
		}
		for _, p := range allPrefixes(entries, hand) {
			for _, addr := range []netip.Addr{p.Addr(), p.Addr().Prev(), netipx.PrefixLastIP(p), netipx.PrefixLastIP(p).Next()} {
				if !addr.IsValid() {
					continue
				}
				was, is := at(spans, addr), at(ours, addr)
				theirs := was >= 0 && slices.ContainsFunc(hand, func(h handKey) bool {
					return h.prefix.Contains(addr) && h.prefix.Bits() >= spans[was].Prefix().Bits()
				})
				if (is >= 0) != (was >= 0 && !theirs) || is >= 0 && ours[is].Prefix() != spans[was].Prefix() {
					t.Fatalf("%s: span %d, theirs %v, and span %d is left", addr, was, theirs, is)
				}
			}
		}
	})
}

func allPrefixes(entries []allowlist.Entry, hand []handKey) (all []netip.Prefix) {
	for _, e := range entries {
		all = append(all, e.Prefix)
	}
	for _, h := range hand {
		all = append(all, h.prefix)
	}
	return all
}
