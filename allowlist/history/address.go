package history

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// Span is a time in which an address was in the list by one source, with one action and one prefix.
type Span struct {
	From, Until time.Time // Until is zero if the span has not ended
	Action      allowlist.Action
	Source      string
	Prefix      netip.Prefix
	Path        *provenance.Path // the first one by which the prefix came in
	// Entry is the one with which it began, without its sources. If it begins the history, the address may have been there
	// before.
	Entry Entry
}

// Spans gives the times in which an address was in the list, the newest first. An EXCLUDE source ends one, and a span begins
// where source, action or prefix changes. The problems are of parts of the history that cannot be read.
func (l Log) Spans(addr netip.Addr) (spans []Span, problems []allowlist.Problem) {
	all, _, problems := l.SpansOf([]netip.Addr{addr})
	return all[0], problems
}

// SpansOf gives the spans of each address, and goes through the history once. known: the end of the history could be read, so
// that it says what the list is now.
func (l Log) SpansOf(addrs []netip.Addr) (spans [][]Span, known bool, problems []allowlist.Problem) {
	spans = make([][]Span, len(addrs))
	f := newFollower(addrs)
	for m := range l.walk() {
		if m.problem != nil {
			problems = append(problems, *m.problem)
		}
		f.take(m)
		if !f.known {
			continue
		}
		for i, addr := range addrs {
			spans[i] = f.continued(spans[i], m, f.number(addr))
		}
	}
	for _, of := range spans {
		slices.Reverse(of)
	}
	return spans, f.known, problems
}

// continued ends the last span of an address, or begins another, if the moment has changed what decides it.
func (f *follower) continued(spans []Span, m moment, number int) []Span {
	now, in := f.deciding(number)
	if n := len(spans); n > 0 && spans[n-1].Until.IsZero() {
		last := &spans[n-1]
		if in && last.Source == now.name && last.Action == now.action && last.Prefix == now.prefix {
			return spans
		}
		last.Until = m.Time
	}
	if !in {
		return spans
	}
	entry := m.Entry
	entry.Sources, entry.Begins = nil, m.Begins && !m.First || m.base
	return append(spans, Span{From: m.Time, Action: now.action, Source: now.name, Prefix: now.prefix, Path: now.path, Entry: entry})
}

// Sighting is an address at a time.
type Sighting struct {
	Addr netip.Addr
	At   time.Time
}

// Cover says whether the list let an address in.
type Cover string

// The answers of Covered, as JSON has them.
const (
	CoverYes     Cover = "yes" // OK or RELAY
	CoverNo      Cover = "no"
	CoverUnknown Cover = "unknown" // the history begins later, or this part of it cannot be read
)

// Covered says of each sighting whether the list let the address in at that time.
func (l Log) Covered(sightings []Sighting) (answers []Cover, problems []allowlist.Problem) {
	answers = make([]Cover, len(sightings))
	addrs := make([]netip.Addr, len(sightings))
	byTime := make([]int, len(sightings))
	for i, s := range sightings {
		addrs[i], byTime[i] = s.Addr, i
	}
	sort.Slice(byTime, func(i, j int) bool { return sightings[byTime[i]].At.Before(sightings[byTime[j]].At) })
	f := newFollower(addrs)
	answerUntil := func(until time.Time) { // of what the list is now
		for len(byTime) > 0 && (until.IsZero() || sightings[byTime[0]].At.Before(until)) {
			answers[byTime[0]] = f.covers(f.number(sightings[byTime[0]].Addr))
			byTime = byTime[1:]
		}
	}
	for m := range l.walk() {
		if !m.effective.IsZero() {
			answerUntil(m.effective)
		}
		if m.problem != nil {
			problems = append(problems, *m.problem)
		}
		f.take(m)
	}
	answerUntil(time.Time{})
	return answers, problems
}

// follower follows some addresses through the history, and nothing else.
type follower struct {
	known   bool
	addrs   []netip.Addr // sorted
	held    [][]holding  // of each address, one for each source that has it
	sources map[string]*followed
}

// followed is what all holdings of a source share.
type followed struct {
	name   string
	action allowlist.Action
}

type holding struct {
	*followed
	prefix netip.Prefix
	path   *provenance.Path
}

func newFollower(addrs []netip.Addr) *follower {
	addrs = slices.Clone(addrs)
	sort.Slice(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
	addrs = slices.Compact(addrs)
	return &follower{addrs: addrs, held: make([][]holding, len(addrs))}
}

func (f *follower) number(addr netip.Addr) int {
	i, _ := slices.BinarySearchFunc(f.addrs, addr, netip.Addr.Compare)
	return i
}

// take goes on by one moment.
func (f *follower) take(m moment) {
	switch {
	case m.problem != nil:
		f.forget(false)
		return
	case m.base && f.known:
		return // it says nothing else
	case m.base || m.Begins:
		f.forget(true)
	case !f.known:
		return
	}
	for _, s := range m.Sources {
		f.source(s)
	}
	for c := range m.changes() {
		f.change(m, c)
	}
}

func (f *follower) forget(known bool) {
	f.known = known
	f.sources = map[string]*followed{}
	clear(f.held)
}

// source takes what an entry says of a source besides its networks.
func (f *follower) source(s Source) {
	if s.Change == Renamed && f.sources[s.From] != nil {
		f.sources[s.Name] = f.sources[s.From]
		delete(f.sources, s.From)
	}
	if f.sources[s.Name] == nil {
		f.sources[s.Name] = &followed{}
	}
	f.sources[s.Name].name, f.sources[s.Name].action = s.Name, s.Action
}

func (f *follower) change(m moment, c change) {
	first := sort.Search(len(f.addrs), func(i int) bool { return !f.addrs[i].Less(c.prefix.Addr()) })
	for i := first; i < len(f.addrs) && c.prefix.Contains(f.addrs[i]); i++ {
		source := f.sources[m.Sources[c.source].Name]
		at := slices.IndexFunc(f.held[i], func(h holding) bool { return h.followed == source })
		switch {
		case c.came:
			h := holding{source, c.prefix, m.path(c.paths[0])}
			if at >= 0 {
				f.held[i][at] = h
			} else {
				f.held[i] = append(f.held[i], h)
			}
		case at >= 0 && f.held[i][at].prefix == c.prefix: // not one that came in its place
			f.held[i] = slices.Delete(f.held[i], at, at+1)
		}
	}
}

// deciding gives what decides an address, as allowlist.Merge has it; in is false for one that is in no source, or excluded.
func (f *follower) deciding(number int) (best holding, in bool) {
	for _, h := range f.held[number] {
		if h.action == allowlist.Exclude {
			return holding{}, false
		}
		longer := h.prefix.Bits() - best.prefix.Bits()
		if !in || longer > 0 || longer == 0 && (h.action > best.action || h.action == best.action && strings.Compare(h.name, best.name) < 0) {
			best, in = h, true
		}
	}
	return best, in
}

func (f *follower) covers(number int) Cover {
	if !f.known {
		return CoverUnknown
	}
	if h, in := f.deciding(number); in && h.action != allowlist.Reject {
		return CoverYes
	}
	return CoverNo
}
