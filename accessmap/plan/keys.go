package plan

import (
	"iter"
	"net/netip"
	"slices"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
)

// Takes reports whether ranges of the action come into the target.
func (t Target) Takes(a allowlist.Action) bool {
	return slices.Contains(t.Format.Actions, a) && (t.Want.Only == nil || slices.Contains(t.Want.Only, a))
}

// KeysOf gives the number of access keys that the target needs for ranges of the action if it has no others. prefixes are
// the fewest that cover the ranges.
func (t Target) KeysOf(a allowlist.Action, prefixes iter.Seq[netip.Prefix]) (n int) {
	if !t.Format.Map || !t.Takes(a) {
		return 0
	}
	for p := range prefixes {
		if p.Addr().Is4() && !t.Want.NoIPv4 || p.Addr().Is6() && !t.Want.NoIPv6 {
			_, count := key.Of(p)
			n += count
		}
	}
	return n
}

// Keys gives the number of access keys that the target needs for the list. Keys that people wrote count, too.
func (t Target) Keys(set *allowlist.Set) int { return t.Format.CountKeys(set.Spans(), t.Want) }
