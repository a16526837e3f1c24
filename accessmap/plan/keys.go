package plan

import (
	"iter"
	"net/netip"

	"mailallow/accessmap/key"
	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
)

// Takes reports whether ranges of the action come into the target.
func (t Target) Takes(a allowlist.Action) bool { return t.Format.Takes(a, t.Want.Only) }

// KeysOf gives the number of access keys that the target needs for ranges of the action if it has no others. prefixes are
// the fewest that cover the ranges.
func (t Target) KeysOf(a allowlist.Action, prefixes iter.Seq[netip.Prefix]) (n int64) {
	if !t.Format.Map || !t.Takes(a) {
		return 0
	}
	for p := range prefixes {
		if p.Addr().Is4() && !t.Want.NoIPv4 || p.Addr().Is6() && !t.Want.NoIPv6 {
			_, count := key.Of(p)
			n += int64(count)
		}
	}
	return n
}

// BesideHandWritten gives the target with the hand-written keys of its present file as Taken: what lies below one inherits from
// no shorter key, and needs keys of its own. It has none if the file cannot be read, which the plan reports.
func (t Target) BesideHandWritten() Target {
	current, err := readTarget(t)
	if err != nil {
		return t
	}
	if _, handWritten, err := separate(t, current, MapChoice{}); err == nil {
		t.Want.Taken = taken(ofAddresses(handWritten))
	}
	return t
}

// Keys gives the number of access keys that the target needs for the list, beside those that are Taken.
func (t Target) Keys(set *allowlist.Set) int64 { return t.Format.CountKeys(set.Spans(), t.Want) }

// taken reports the keys that are hand-written; nil: none are.
func taken(handWritten []handKey) func(key netip.Prefix) bool {
	if len(handWritten) == 0 {
		return nil
	}
	var keys prefixes.List
	for _, h := range handWritten {
		keys.Add(h.prefix, 0)
	}
	keys = keys.Sorted()
	return func(key netip.Prefix) bool {
		first, end := keys.Inside(key)
		if first == end {
			return false
		}
		widest, _ := keys.At(first)
		return widest == key
	}
}
