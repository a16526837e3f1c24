package history

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// State is the list as it was at a time.
type State struct {
	// Known: the history says what the list was. Otherwise it begins later, or the part of it is damaged.
	Known   bool
	Entry   string    // the id of the last entry before; empty: the history has lost it
	Time    time.Time // of that entry
	Sources []Installed
}

// replay builds states. It keeps the networks of the last whole list as they are, and beside them what changed since: a list of
// a million networks is built once, and not at every entry.
type replay struct {
	withPaths bool
	known     bool
	entry     string
	at        time.Time
	sources   map[string]*replayed
}

type replayed struct {
	Installed
	since map[netip.Prefix][]*provenance.Path // nil for one that went
}

// take goes on by one moment.
func (r *replay) take(m moment) {
	if m.problem != nil {
		*r = replay{withPaths: r.withPaths}
		return
	}
	if m.base || m.Begins {
		*r = replay{withPaths: r.withPaths, known: true, sources: map[string]*replayed{}}
	}
	if !r.known {
		return // the entry says what changed, and nothing says what the list was
	}
	r.entry, r.at = m.ID, m.Time
	whole := m.base || m.Begins
	for _, s := range m.Sources {
		r.source(s)
	}
	for c := range m.changes() {
		held := r.sources[m.Sources[c.source].Name]
		switch {
		case held == nil: // it was removed
		case whole && r.withPaths:
			m.addTo(&held.Ranges, c)
		case whole:
			held.Ranges.Add(allowlist.Range{Prefix: c.prefix})
		case !c.came:
			held.since[c.prefix] = nil
		default:
			held.since[c.prefix] = r.paths(m, c)
		}
	}
}

// source takes what an entry says of a source besides its networks.
func (r *replay) source(s Source) {
	held := r.sources[s.Name]
	switch {
	case s.Change == Removed || s.Change == Ended:
		delete(r.sources, s.Name)
		return
	case s.Change == Renamed:
		held = r.sources[s.From]
		delete(r.sources, s.From)
	}
	if held == nil {
		held = &replayed{since: map[netip.Prefix][]*provenance.Path{}}
	}
	held.Name, held.Definition, held.Action, held.Status, held.About, held.Problems = s.Name, s.Definition, s.Action, s.Status, s.About, s.Problems
	r.sources[s.Name] = held
}

func (r *replay) paths(m moment, c change) []*provenance.Path {
	if !r.withPaths {
		return []*provenance.Path{nil}
	}
	var paths []*provenance.Path
	for _, ref := range c.paths {
		paths = append(paths, m.path(ref))
	}
	return paths
}

// state gives the list as it is now.
func (r *replay) state() State {
	s := State{Known: r.known, Entry: r.entry, Time: r.at}
	for _, name := range slices.Sorted(maps.Keys(r.sources)) {
		s.Sources = append(s.Sources, r.sources[name].installed())
	}
	return s
}

// installed puts the networks together, in the order of addresses.
func (r *replayed) installed() Installed {
	if len(r.since) == 0 {
		return r.Installed
	}
	var all allowlist.Ranges
	for one := range r.Ranges.All() {
		if _, changed := r.since[one.Prefix]; !changed {
			all.Add(one)
		}
	}
	networks := slices.Collect(maps.Keys(r.since))
	sort.Slice(networks, func(i, j int) bool { return networks[i].Compare(networks[j]) < 0 })
	for _, p := range networks {
		for _, path := range r.since[p] {
			all.Add(allowlist.Range{Prefix: p, Path: path})
		}
	}
	r.Ranges, r.since = all, map[netip.Prefix][]*provenance.Path{}
	return r.Installed
}

// At gives the list as it was at a time. The problems are of parts of the history that cannot be read.
func (l Log) At(at time.Time) (State, []allowlist.Problem) {
	return l.until(true, func(m moment) bool { return !m.effective.After(at) })
}

// After gives the list as it was after an entry; found: the history has that entry.
func (l Log) After(id string) (state State, found bool, problems []allowlist.Problem) {
	state, problems = l.until(true, func(m moment) bool {
		goOn := !found
		found = found || m.isEntry() && m.ID == id
		return goOn
	})
	return state, found, problems
}

// BeforeChange gives the list as it was before the last update that changed it, and the id of that update; empty: there is
// none. The problems are of the whole history: what cannot be read behind that update may be a later one.
func (l Log) BeforeChange() (state State, id string, problems []allowlist.Problem) {
	last, n := 0, 0
	for m := range l.walk() {
		if m.problem != nil {
			problems = append(problems, *m.problem)
		}
		if n++; m.isEntry() && (m.Command == Update || m.Command == Accept) && m.changesList() {
			last, id = n, m.ID
		}
	}
	n = 0
	state, _ = l.until(true, func(moment) bool { n++; return n < last })
	return state, id, problems
}

func (m moment) isEntry() bool { return m.decoded != nil && !m.base }

// changesList reports whether an entry tells of more than statuses, names and definitions: a source that was added and never
// fetched brought nothing into the list.
func (m moment) changesList() bool {
	for range m.changes() {
		return true
	}
	return slices.ContainsFunc(m.Sources, func(s Source) bool { return s.Was != allowlist.None })
}

func (l Log) until(withPaths bool, goOn func(moment) bool) (State, []allowlist.Problem) {
	r := replay{withPaths: withPaths}
	var problems []allowlist.Problem
	for m := range l.walk() {
		if !goOn(m) {
			break
		}
		if m.problem != nil {
			problems = append(problems, *m.problem)
		}
		r.take(m)
	}
	return r.state(), problems
}

// Last gives the list as the last entry left it, without the paths of its networks.
func (l Log) Last() State { return l.last(false) }

// last gives the list as the last entry left it. Only the last segment is read.
func (l Log) last(withPaths bool) State {
	r := replay{withPaths: withPaths}
	for m := range l.walkFrom(max(0, len(l.Segments)-1), nil) {
		r.take(m)
	}
	return r.state()
}

// difference gives what there is to tell of each source, by name: of the whole list if before is not known.
func difference(before State, after []Installed) (all []Source) {
	old := map[string]Installed{}
	for _, s := range before.Sources {
		old[s.Name] = s
	}
	names := map[string]bool{}
	for _, s := range after {
		names[s.Name] = true
	}
	free := func(name string) bool {
		_, left := old[name]
		return left && !names[name]
	}
	for _, s := range after {
		was, had := old[s.Name]
		from := s.Name
		if !had && !s.Ended {
			if was, had = renamed(s, before.Sources, free); had {
				from = was.Name
			}
		}
		delete(old, from)
		if one, tell := differenceOf(was, had, s); tell {
			all = append(all, one)
		}
	}
	for _, was := range old {
		all = append(all, Source{Name: was.Name, Definition: was.Definition, Action: was.Action, About: was.About, Change: Removed, Gone: was.Ranges.Fewest()})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// renamed finds the source that had the definition of s, under a name that is free.
func renamed(s Installed, before []Installed, free func(name string) bool) (Installed, bool) {
	i := slices.IndexFunc(before, func(was Installed) bool {
		return was.Definition == s.Definition && s.Definition != "" && free(was.Name)
	})
	if i < 0 {
		return Installed{}, false
	}
	return before[i], true
}

// differenceOf compares a source with what it was; had: there was one. tell: there is something to tell.
func differenceOf(was Installed, had bool, s Installed) (one Source, tell bool) {
	one = Source{Name: s.Name, Definition: s.Definition, Action: s.Action, Status: s.Status, About: s.About, Problems: s.Problems}
	if s.Ended {
		one.Change, one.Gone = Ended, was.Ranges.Fewest()
		return one, had
	}
	switch {
	case !had:
		one.Change = Added
	case was.Name != s.Name:
		one.Change, one.From = Renamed, was.Name
	case was.Definition != s.Definition:
		one.Change = Edited
	}
	if had && was.Action != s.Action {
		one.Was = was.Action
	}
	one.Came, one.Gone = elements(was.Ranges.Fewest(), s.Ranges)
	tell = one.Change != "" || one.Was != allowlist.None || was.Status != s.Status || one.Came.Len()+one.Gone.Len() > 0
	return one, tell
}

// elements gives the networks of the fewest that are new, with their paths, and those that are no more. Both lists are sorted,
// and no network of one of them is in another of it. Of a new source it gives the ranges as they are: who writes them takes the
// fewest.
func elements(before prefixes.List, after allowlist.Ranges) (came allowlist.Ranges, gone prefixes.List) {
	if before.Len() == 0 {
		return after, gone // a copy of the whole list would take as much memory again
	}
	now, all := after.Fewest(), after.Places()
	i, j := 0, 0
	for i < before.Len() || j < now.Len() {
		var old, new netip.Prefix
		order := 0
		switch {
		case i == before.Len():
			order = 1
		case j == now.Len():
			order = -1
		}
		if i < before.Len() {
			old, _ = before.At(i)
		}
		if j < now.Len() {
			new, _ = now.At(j)
		}
		if order == 0 {
			order = cmp.Or(cmp.Compare(old.Addr().BitLen(), new.Addr().BitLen()), old.Addr().Compare(new.Addr()), cmp.Compare(old.Bits(), new.Bits()))
		}
		if order <= 0 {
			i++
		}
		if order >= 0 {
			j++
		}
		switch {
		case order < 0:
			gone.Add(old, 0)
		case order > 0:
			places, _ := all.Inside(new)
			for _, place := range places {
				came.Add(allowlist.Range{Prefix: new, Path: place.To()})
			}
		}
	}
	return came, gone
}
