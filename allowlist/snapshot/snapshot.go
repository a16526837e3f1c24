// Package snapshot holds the resolved ranges of all sources, as values and as one file format. It reads snapshots from bytes
// and writes bytes: where they come from and go to is its callers' business. It judges nothing: package guard does.
package snapshot

import (
	"slices"
	"sort"
	"strings"
	"time"

	"mailallow/allowlist"
)

// version is the version that Encode writes. Decode reads version 1, too.
const version = 2

// maxSourceBytes bounds a source in a snapshot, in bytes; allowlist.MaxFileRanges bounds its ranges. No source
// within its Bounds is as long. The sum of all sources has no bound of its own: none of them could be left out for the others.
const maxSourceBytes = 256 << 20

// maxMistakes bounds the mistakes of a snapshot that are reported one by one.
const maxMistakes = 20

// maxSources bounds the sources of a snapshot. A configuration has at most as many keys.
const maxSources = 10_000

// Snapshot holds the resolved ranges of all sources. One format has five uses: the last good state, the reviewed list that
// many hosts install, the list inside the program for a first run without a network, the ranges that a rollback pinned, and
// what fetch hands to update between the two services.
type Snapshot struct {
	// Written is the time of the run that wrote it, in UTC and whole seconds. For one that does not say, as version 1, it
	// is the newest time of its sources. In the last good state it is the newest of those that were installed.
	Written time.Time
	Sources []Source // by name
}

// Find gives the source with this name. A nil snapshot has none.
func (s *Snapshot) Find(name string) (Source, bool) {
	if s == nil {
		return Source{}, false
	}
	i, ok := slices.BinarySearchFunc(s.Sources, name, func(r Source, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return Source{}, false
	}
	return s.Sources[i], true
}

// Resolved gives the sources that have ranges, with nothing but these. A nil snapshot has none.
func (s *Snapshot) Resolved() (all []allowlist.Resolved) {
	if s == nil {
		return nil
	}
	for _, src := range s.Sources {
		if !src.Time.IsZero() {
			all = append(all, src.Resolved)
		}
	}
	return all
}

// Match gives the state of each source: that of its name, else one of its definition, so that a source that was renamed keeps its
// state, under the name that it has in the snapshot. No state is given twice. nil: there is none, as for every inline list.
func (s *Snapshot) Match(sources []allowlist.Source) []*allowlist.Resolved {
	found := make([]*allowlist.Resolved, len(sources))
	if s == nil {
		return found
	}
	taken := map[string]bool{}
	for i, src := range sources {
		if last, ok := s.Find(src.Name); ok && !src.Inline() && !last.Time.IsZero() {
			found[i], taken[src.Name] = &last.Resolved, true
		}
	}
	for i, src := range sources {
		if found[i] != nil || src.Inline() {
			continue
		}
		definition := src.Definition()
		at := slices.IndexFunc(s.Sources, func(r Source) bool { return r.Definition == definition && !r.Time.IsZero() && !taken[r.Name] })
		if at >= 0 {
			found[i], taken[s.Sources[at].Name] = &s.Sources[at].Resolved, true
		}
	}
	return found
}

// Newest gives the name and the time of the newest source; zero for none.
func (s *Snapshot) Newest() (name string, at time.Time) {
	if s != nil {
		for _, src := range s.Sources {
			if src.Time.After(at) {
				name, at = src.Name, src.Time
			}
		}
	}
	return name, at
}

// New makes a snapshot of sources alone, as the last good state is one, written at this time.
func New(written time.Time, sources []allowlist.Resolved) *Snapshot {
	s := &Snapshot{Written: written}
	for _, src := range sources {
		s.Sources = append(s.Sources, Source{Resolved: src})
	}
	return s.normal()
}

// Of makes a snapshot of sources with their statuses.
func Of(written time.Time, sources []Source) *Snapshot {
	return (&Snapshot{Written: written, Sources: slices.Clone(sources)}).normal()
}

// normal sorts the sources by name, so that equal content encodes to equal bytes, and has the times in UTC and whole seconds.
func (s *Snapshot) normal() *Snapshot {
	sort.Slice(s.Sources, func(i, j int) bool { return s.Sources[i].Name < s.Sources[j].Name })
	for i, src := range s.Sources {
		s.Sources[i].Time = src.Time.UTC().Truncate(time.Second)
	}
	if s.Written.IsZero() {
		_, s.Written = s.Newest()
	}
	s.Written = s.Written.UTC().Truncate(time.Second)
	return s
}
