// Package snapshot holds the resolved ranges of all sources, as values and as one file format. It reads snapshots from bytes
// and writes bytes: where they come from and go to is its callers' business. It judges nothing: package guard does.
package snapshot

import (
	"slices"
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

// Snapshot holds the resolved ranges of all sources. One format has three uses:
// the last good state, the reviewed plan that many hosts install, and the list
// inside the program for a first run without a network.
type Snapshot struct {
	Sources []allowlist.Resolved // by name
}

// Find gives the source with this name. A nil snapshot has none.
func (s *Snapshot) Find(name string) (allowlist.Resolved, bool) {
	if s == nil {
		return allowlist.Resolved{}, false
	}
	i, ok := slices.BinarySearchFunc(s.Sources, name, func(r allowlist.Resolved, name string) int {
		return strings.Compare(r.Name, name)
	})
	if !ok {
		return allowlist.Resolved{}, false
	}
	return s.Sources[i], true
}

// Match gives the state of each source, nil for none, each state once: the state of its name, else one of its definition, so
// that a source that was renamed keeps its state. It has the name of the snapshot. Inline lists have no state.
func (s *Snapshot) Match(sources []allowlist.Source) []*allowlist.Resolved {
	found := make([]*allowlist.Resolved, len(sources))
	if s == nil {
		return found
	}
	taken := map[string]bool{}
	for i, src := range sources {
		if last, ok := s.Find(src.Name); ok && !src.Inline() {
			found[i], taken[src.Name] = &last, true
		}
	}
	for i, src := range sources {
		if found[i] != nil || src.Inline() {
			continue
		}
		definition := src.Definition()
		at := slices.IndexFunc(s.Sources, func(r allowlist.Resolved) bool { return r.Definition == definition && !taken[r.Name] })
		if at >= 0 {
			found[i], taken[s.Sources[at].Name] = &s.Sources[at], true
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

// New sorts the sources by name, so that equal content encodes to equal
// bytes.
func New(sources []allowlist.Resolved) *Snapshot {
	s := &Snapshot{Sources: slices.Clone(sources)}
	slices.SortFunc(s.Sources, func(a, b allowlist.Resolved) int { return strings.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		s.Sources[i].Time = s.Sources[i].Time.UTC().Truncate(time.Second)
	}
	return s
}
