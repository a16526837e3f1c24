package allowlist

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"go4.org/netipx"
)

// Owner is a source that put a prefix into the list, and by which paths.
type Owner struct {
	Source string
	Paths  []string // each a path on one line, sorted; at least one
}

// Entry is a prefix that won: no source holds the same prefix with an action
// that takes precedence. All its owners give it the same action.
type Entry struct {
	Prefix netip.Prefix
	Action Action
	Owners []Owner // by source name
}

// Span is a run of addresses of one family, From to To inclusive, that an entry
// decides: no longer prefix of another source and no EXCLUDE stands in it.
type Span struct {
	From, To netip.Addr
	Entry    *Entry
}

// Action is the span's action.
func (s Span) Action() Action { return s.Entry.Action }

// Set is the merged list: every address has one action or none.
type Set struct {
	// Spans are disjoint and in address order, IPv4 before IPv6.
	Spans []Span
	// Excluded is what EXCLUDE sources name, whether or not it cut anything out.
	Excluded *netipx.IPSet
}

// Labelled is a source's ranges under the action the configuration gives it.
type Labelled struct {
	Source string
	Action Action
	Ranges []Range
}

// Merge puts sources together. Each is first reduced to the fewest prefixes of
// its set; between sources the longer prefix wins, as in the access map itself,
// and at equal length EXCLUDE over REJECT over OK over RELAY. EXCLUDE wins at
// any length. The result does not depend on the order of the sources. Time is
// that of sorting the prefixes.
func Merge(sources []Labelled) *Set {
	var entries []Entry
	var excluded netipx.IPSetBuilder
	for _, src := range sources {
		if src.Action == Exclude {
			excluded.AddSet(union(src.Ranges))
			continue
		}
		entries = append(entries, entriesOf(src)...)
	}
	set := &Set{Excluded: mustSet(&excluded)}
	set.Spans = cut(Nest(entries), set.Excluded.Ranges())
	return set
}

// Lookup gives the entry that decides addr, or nil.
func (s *Set) Lookup(addr netip.Addr) *Entry {
	i := sort.Search(len(s.Spans), func(i int) bool { return addr.Compare(s.Spans[i].To) <= 0 })
	if i < len(s.Spans) && s.Spans[i].From.Compare(addr) <= 0 {
		return s.Spans[i].Entry
	}
	return nil
}

// entriesOf reduces a source to its fewest prefixes, each with the paths of the
// ranges inside it. Every range lies in exactly one of them: the fewest prefixes
// of a set are its largest ones.
func entriesOf(src Labelled) []Entry {
	minimal := Minimal(src.Ranges)
	paths := make([][]string, len(minimal))
	for _, r := range src.Ranges {
		i := sort.Search(len(minimal), func(i int) bool {
			return r.Prefix.Addr().Less(minimal[i].Addr())
		}) - 1
		paths[i] = append(paths[i], r.PathString())
	}
	entries := make([]Entry, len(minimal))
	for i, p := range minimal {
		slices.Sort(paths[i])
		entries[i] = Entry{Prefix: p, Action: src.Action,
			Owners: []Owner{{Source: src.Source, Paths: slices.Compact(paths[i])}}}
	}
	return entries
}

// winners sorts entries by address, wider first, and keeps of each prefix the
// action that takes precedence, with all who gave it that action.
func winners(entries []Entry) []Entry {
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(comparePrefix(a.Prefix, b.Prefix), cmp.Compare(b.Action, a.Action), compareOwners(a, b))
	})
	kept := entries[:0]
	for _, e := range entries {
		if n := len(kept); n > 0 && kept[n-1].Prefix == e.Prefix {
			if kept[n-1].Action == e.Action {
				kept[n-1].Owners = append(kept[n-1].Owners, e.Owners...)
			}
			continue
		}
		kept = append(kept, e)
	}
	return kept
}

func compareOwners(a, b Entry) int {
	return slices.CompareFunc(a.Owners, b.Owners, func(a, b Owner) int { return cmp.Compare(a.Source, b.Source) })
}

// Nest turns entries into the disjoint spans that each decides as the longest
// prefix, in address order; of equal prefixes the one whose action takes
// precedence stays. It sorts entries in place, and the spans point into it.
func Nest(entries []Entry) []Span {
	entries = winners(entries)
	// Prefixes either nest or are apart, so a stack of those still open is all
	// there is to remember.
	var spans []Span
	var open []*Entry
	var next netip.Addr // first address not yet given to a span; invalid past the end of a family
	emit := func(to netip.Addr, e *Entry) {
		if next.IsValid() && next.Compare(to) <= 0 {
			spans = append(spans, Span{From: next, To: to, Entry: e})
		}
	}
	closeBefore := func(addr netip.Addr) {
		for len(open) > 0 {
			top := open[len(open)-1]
			last := netipx.PrefixLastIP(top.Prefix)
			if addr.IsValid() && addr.Compare(last) <= 0 && addr.BitLen() == last.BitLen() {
				return
			}
			emit(last, top)
			next = last.Next()
			open = open[:len(open)-1]
		}
	}
	for i := range entries {
		e := &entries[i]
		first := e.Prefix.Addr()
		closeBefore(first)
		if len(open) > 0 && next.Compare(first) < 0 {
			emit(first.Prev(), open[len(open)-1])
		}
		next = first
		open = append(open, e)
	}
	closeBefore(netip.Addr{})
	return spans
}

// cut takes holes out of spans; both are disjoint and in address order.
func cut(spans []Span, holes []netipx.IPRange) []Span {
	if len(holes) == 0 {
		return spans
	}
	var kept []Span
	for _, s := range spans {
		for len(holes) > 0 && holes[0].To().Compare(s.From) < 0 {
			holes = holes[1:]
		}
		gone := false
		for _, h := range holes {
			if h.From().Compare(s.To) > 0 {
				break
			}
			if s.From.Compare(h.From()) < 0 {
				kept = append(kept, Span{s.From, h.From().Prev(), s.Entry})
			}
			if h.To().Compare(s.To) >= 0 {
				gone = true
				break
			}
			s.From = h.To().Next()
		}
		if !gone {
			kept = append(kept, s)
		}
	}
	return kept
}
