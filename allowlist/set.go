package allowlist

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"sort"
	"sync"

	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Owner is a source that named a prefix of the list.
type Owner struct {
	Source string
	Paths  []*provenance.Path // at least one, sorted
}

// Mention is an owner in short: the first of its paths, and how many it has.
type Mention struct {
	Source string
	First  provenance.Place
	Paths  int
}

// Entry is a prefix of the list with its action. Its owners are the sources that
// give the prefix this action; no source gives it an action that takes precedence.
type Entry struct {
	Prefix netip.Prefix
	Action Action
	Owners []Owner // by source name
}

// Span is a run of addresses of one family, From to To inclusive, that one entry
// decides: no longer prefix of another source and no EXCLUDE is inside.
type Span struct {
	From, To netip.Addr
	action   Action
	number   int // of the entry in entries
	entries  entries
}

// entries makes an entry with its owners on request, because a list may have a
// million.
type entries interface {
	entry(number int) *Entry
	appendMentions(to []Mention, number int) []Mention
	prefix(number int) netip.Prefix
	source(number int) string
	first(number int) provenance.Place
}

// Action gives the span's action.
func (s Span) Action() Action { return s.action }

// Prefix gives the prefix of the entry that decides the span. No two entries of
// a list have the same prefix.
func (s Span) Prefix() netip.Prefix { return s.entries.prefix(s.number) }

// Source gives the source of its first owner; it is empty for an entry without owners.
func (s Span) Source() string { return s.entries.source(s.number) }

// SameEntry reports whether one entry decides both spans, of one list.
func (s Span) SameEntry(other Span) bool { return s.number == other.number }

// Entry gives the entry that decides the span, with its owners.
func (s Span) Entry() *Entry { return s.entries.entry(s.number) }

// First gives the first place of the first owner; the zero value: it has none.
func (s Span) First() provenance.Place { return s.entries.first(s.number) }

// AppendMentions appends the owners of that entry in short, which takes no memory for
// their paths.
func (s Span) AppendMentions(to []Mention) []Mention { return s.entries.appendMentions(to, s.number) }

// Set is the merged list: it has one action, or none, for every address.
type Set struct {
	// Excluded holds the fewest prefixes that cover all addresses of EXCLUDE sources, also those that no other source
	// names.
	Excluded prefixes.List

	sources []Labelled    // in order of precedence: the stricter action first, then by name
	list    prefixes.List // the fewest prefixes of each source but EXCLUDE, sorted; the label is the number in sources

	mu     sync.Mutex
	places []*Places // by number in sources

	// For entries with more than maxUncached ranges, which many spans may share.
	cache    map[int]*Entry
	mentions map[int][]Mention
}

const (
	// maxUncached is the number of ranges up to which an entry is made anew at each request.
	maxUncached = 16
	// maxCached bounds the entries that are kept: a list of a million ranges may have many of more ranges, and each takes
	// as much memory as all their paths.
	maxCached = 1000
)

// Labelled is a source's ranges under the action that the configuration gives it.
type Labelled struct {
	Source string
	Action Action
	Ranges Ranges
}

// Merge makes one list of the sources. It first reduces each source to the
// fewest prefixes that cover its addresses. Between sources the longer prefix
// wins, as in the access map (docs/facts.md 3), and at equal length EXCLUDE over
// REJECT over OK over RELAY. EXCLUDE wins at any length. The order of the sources
// does not matter. Merge takes the time of sorting all prefixes.
func Merge(sources []Labelled) *Set {
	set := &Set{cache: map[int]*Entry{}, mentions: map[int][]Mention{}, sources: slices.Clone(sources)}
	sort.SliceStable(set.sources, func(i, j int) bool {
		a, b := &set.sources[i], &set.sources[j]
		return cmp.Or(cmp.Compare(b.Action, a.Action), cmp.Compare(a.Source, b.Source)) < 0
	})
	lists := make([]prefixes.List, len(sources))
	var excluded []prefixes.List
	for i, src := range set.sources {
		if src.Action == Exclude {
			excluded = append(excluded, src.Ranges.Fewest())
		} else {
			lists[i] = src.Ranges.Fewest()
		}
	}
	for _, src := range set.sources {
		set.places = append(set.places, src.Ranges.Places())
	}
	set.Excluded = prefixes.Join(excluded...).Fewest()
	set.list = prefixes.Join(lists...)
	return set
}

// Spans yields the spans of the list, which are disjoint, in address order, IPv4
// first. It computes them anew at each call.
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

// Lookup gives the entry that decides addr, or nil. addr must not be IPv4-mapped.
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

func (s *Set) source(number int) string { return s.sources[s.list.Label(number)].Source }

func (s *Set) first(number int) provenance.Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	prefix, label := s.list.At(number)
	places, _ := s.places[label].Inside(prefix)
	return places[0]
}

func (s *Set) entry(first int) *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.cache[first]; e != nil {
		return e
	}
	prefix, label := s.list.At(first)
	e := &Entry{Prefix: prefix, Action: s.sources[label].Action}
	ranges := s.owners(first, func(source string, places []provenance.Place) {
		paths := make([]*provenance.Path, len(places))
		for i, at := range places {
			paths[i] = at.To()
		}
		e.Owners = append(e.Owners, Owner{source, paths})
	})
	if ranges > maxUncached {
		keep(s.cache, first, e)
	}
	return e
}

func (s *Set) appendMentions(to []Mention, first int) []Mention {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.mentions[first]; known != nil {
		return append(to, known...)
	}
	before := len(to)
	ranges := s.owners(first, func(source string, places []provenance.Place) {
		to = append(to, Mention{source, places[0], len(places)})
	})
	if ranges > maxUncached {
		keep(s.mentions, first, slices.Clone(to[before:]))
	}
	return to
}

// keep keeps what took long to make. What is asked for again are the entries around those that follow: they are few.
func keep[T any](cache map[int]T, number int, made T) {
	if len(cache) == maxCached {
		clear(cache)
	}
	cache[number] = made
}

// owners calls take for each owner of the entry whose prefix is the first of several
// equal ones, with the places of its ranges, and gives the number of ranges. The next
// prefixes are of other owners as long as their action is the same; after that, of
// sources that lost. The places are valid until take returns.
func (s *Set) owners(first int, take func(source string, places []provenance.Place)) (ranges int) {
	prefix, label := s.list.At(first)
	action := s.sources[label].Action
	for number := first; ; {
		places, inside := s.places[label].Inside(prefix)
		take(s.sources[label].Source, places)
		ranges += inside
		if number++; number == s.list.Len() {
			return ranges
		}
		var p netip.Prefix
		if p, label = s.list.At(number); p != prefix || s.sources[label].Action != action {
			return ranges
		}
	}
}

// Networks are networks with an action each, without owners. The zero value has none. A million take 8 to 24 MB.
type Networks struct {
	Room int // how many there will be, if that is known

	list  prefixes.List
	grown [2]bool // IPv4, IPv6
}

// Add adds a network.
func (n *Networks) Add(p netip.Prefix, a Action) {
	family := 0
	if p.Addr().Is6() {
		family = 1
	}
	if !n.grown[family] {
		n.grown[family] = true
		n.list.Grow(p, max(0, n.Room-n.list.Len()))
	}
	n.list.Add(p, uint32(Exclude-a)) // the label of the stricter sorts first
}

// Spans divides the addresses into disjoint spans, as Nest does.
func (n Networks) Spans() iter.Seq[Span] {
	return func(yield func(Span) bool) {
		list := n.list
		if !list.IsSorted() {
			list = list.Sorted()
		}
		sorted := plain(list)
		var all entries = sorted // one for all spans, which would otherwise have a copy each
		for r := range list.Nest(prefixes.List{}) {
			if !yield(Span{r.From, r.To, sorted.action(r.Number), r.Number, all}) {
				return
			}
		}
	}
}

type plain prefixes.List

func (l plain) entry(number int) *Entry {
	return &Entry{Prefix: l.prefix(number), Action: l.action(number)}
}

func (plain) first(int) (none provenance.Place) { return none }

func (plain) appendMentions(to []Mention, _ int) []Mention { return to }

func (l plain) prefix(number int) netip.Prefix {
	p, _ := prefixes.List(l).At(number)
	return p
}

func (plain) source(int) string { return "" }

func (l plain) action(number int) Action { return Exclude - Action(prefixes.List(l).Label(number)) }

type entrySlice []Entry

func (s entrySlice) entry(number int) *Entry { return &s[number] }

func (s entrySlice) appendMentions(to []Mention, number int) []Mention {
	for _, o := range s[number].Owners {
		to = append(to, Mention{o.Source, o.Paths[0].Place(), len(o.Paths)})
	}
	return to
}

func (s entrySlice) prefix(number int) netip.Prefix { return s[number].Prefix }
func (s entrySlice) source(number int) string       { return s[number].source() }

func (s entrySlice) first(number int) (at provenance.Place) {
	if owners := s[number].Owners; len(owners) > 0 {
		at = owners[0].Paths[0].Place()
	}
	return at
}

func (e *Entry) source() string {
	if len(e.Owners) == 0 {
		return ""
	}
	return e.Owners[0].Source
}

// Nest divides the addresses of entries into disjoint spans, in address order.
// The longest prefix decides a span; of equal prefixes, the action that takes
// precedence, and of equal actions the first by the name of the source; one
// without owners comes last. Nest sorts the slice in place, and the spans point
// into it.
func Nest(entries []Entry) []Span {
	sort.Slice(entries, func(i, j int) bool {
		a, b := &entries[i], &entries[j]
		return cmp.Or(a.Prefix.Compare(b.Prefix), cmp.Compare(b.Action, a.Action),
			cmp.Compare(min(1, len(b.Owners)), min(1, len(a.Owners))), cmp.Compare(a.source(), b.source())) < 0
	})
	won := entrySlice(entries[:0])
	var list prefixes.List
	for _, e := range entries {
		if n := len(won); n == 0 || won[n-1].Prefix != e.Prefix {
			won = append(won, e)
			list.Add(e.Prefix, 0)
		}
	}
	spans := make([]Span, 0, len(won)) // few have another entry inside
	for r := range list.Nest(prefixes.List{}) {
		spans = append(spans, Span{r.From, r.To, won[r.Number].Action, r.Number, won})
	}
	return spans
}
