package allowlist

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"sync"

	"mailallow/allowlist/prefixes"
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
	action   Action
	number   int // of the entry
	among    entries
}

// entries are what spans point into. A list may have a million, so that an entry
// with its owners is made when it is asked for.
type entries interface {
	entry(number int) *Entry
	prefix(number int) netip.Prefix
}

// Action is the span's action.
func (s Span) Action() Action { return s.action }

// Prefix is the prefix of the entry that decides the span. No two entries have the same.
func (s Span) Prefix() netip.Prefix { return s.among.prefix(s.number) }

// Entry is the entry that decides the span, with who put it into the list.
func (s Span) Entry() *Entry { return s.among.entry(s.number) }

// Set is the merged list: every address has one action or none.
type Set struct {
	// Excluded is what EXCLUDE sources name, whether or not it cut anything out: the fewest prefixes.
	Excluded prefixes.List

	sources []Labelled    // in order of precedence: the stricter action first, then by name
	list    prefixes.List // the fewest prefixes of each source but those of EXCLUDE, sorted; the label is the source

	mu   sync.Mutex
	dear map[int]*Entry // entries that many ranges went into, and many spans may ask for: each is made once
}

// dearRanges is of how many ranges the paths are made anew whenever an entry is asked for.
const dearRanges = 16

// Labelled is a source's ranges under the action the configuration gives it.
type Labelled struct {
	Source string
	Action Action
	Ranges Ranges
}

// Merge puts sources together. Each is first reduced to the fewest prefixes of
// its set; between sources the longer prefix wins, as in the access map itself,
// and at equal length EXCLUDE over REJECT over OK over RELAY. EXCLUDE wins at
// any length. The result does not depend on the order of the sources. Time is
// that of sorting the prefixes.
func Merge(sources []Labelled) *Set {
	set := &Set{dear: map[int]*Entry{}, sources: slices.SortedStableFunc(slices.Values(sources), func(a, b Labelled) int {
		return cmp.Or(cmp.Compare(b.Action, a.Action), cmp.Compare(a.Source, b.Source))
	})}
	lists := make([]prefixes.List, len(sources))
	var excluded []prefixes.List
	for i, src := range set.sources {
		if src.Action == Exclude {
			excluded = append(excluded, src.Ranges.fewest())
		} else {
			lists[i] = src.Ranges.fewest()
		}
	}
	set.Excluded = prefixes.Join(excluded...).Fewest()
	set.list = prefixes.Join(lists...)
	return set
}

// Spans goes through the spans, which are disjoint, in address order, IPv4 before
// IPv6. They are worked out on the way and not kept.
func (s *Set) Spans() iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for r := range s.list.Nest(s.Excluded) {
			action := s.sources[s.list.Label(r.Number)].Action
			if !yield(Span{r.From, r.To, action, r.Number, s}) {
				return
			}
		}
	}
}

// Lookup gives the entry that decides addr, or nil.
func (s *Set) Lookup(addr netip.Addr) *Entry {
	number, ok := s.list.Longest(addr)
	if !ok || s.Excluded.Contains(addr) {
		return nil
	}
	return s.entry(number)
}

func (s *Set) prefix(number int) netip.Prefix {
	p, _ := s.list.At(number)
	return p
}

// entry makes the entry of a prefix, the first of those that are the same: the
// others are of the same action, or lost.
func (s *Set) entry(first int) *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.dear[first]; e != nil {
		return e
	}
	e, ranges := &Entry{}, 0
	for number := first; number < s.list.Len(); number++ {
		p, label := s.list.At(number)
		source := s.sources[label]
		if e.Owners != nil && (p != e.Prefix || source.Action != e.Action) {
			break
		}
		e.Prefix, e.Action = p, source.Action
		paths, inside := source.Ranges.pathsInside(p)
		e.Owners = append(e.Owners, Owner{source.Source, paths})
		ranges += inside
	}
	if ranges > dearRanges {
		s.dear[first] = e
	}
	return e
}

// winners sorts entries by address, wider first, and keeps of each prefix the
// action that takes precedence, with all who gave it that action.
func winners(entries []Entry) []Entry {
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(b.Action, a.Action), compareOwners(a, b))
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

// nested are entries as they stand in a slice.
type nested []Entry

func (n nested) entry(number int) *Entry        { return &n[number] }
func (n nested) prefix(number int) netip.Prefix { return n[number].Prefix }

// Nest turns entries into the disjoint spans that each decides as the longest
// prefix, in address order; of equal prefixes the one whose action takes
// precedence stays. It sorts entries in place, and the spans point into it.
func Nest(entries []Entry) []Span {
	won := nested(winners(entries))
	var list prefixes.List
	for _, e := range won {
		list.Add(e.Prefix, 0)
	}
	var spans []Span
	for r := range list.Nest(prefixes.List{}) {
		spans = append(spans, Span{r.From, r.To, won[r.Number].Action, r.Number, won})
	}
	return spans
}
