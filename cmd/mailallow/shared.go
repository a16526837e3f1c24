package main

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"

	"mailallow/allowlist"
)

// sharedHosts knows the ranges of the catalogue's shared providers, as the
// program itself holds them.
type sharedHosts struct {
	ranges []allowlist.Match // by address
	titles map[string]string
	index  *allowlist.Index
}

func loadSharedHosts() (*sharedHosts, error) {
	known, err := allowlist.EmbeddedSnapshot()
	if err != nil {
		return nil, err
	}
	all, err := allowlist.Providers()
	if err != nil {
		return nil, err
	}
	s := &sharedHosts{titles: map[string]string{}}
	var labelled []allowlist.Labelled
	for _, p := range all {
		if there, ok := known.Find(p.Name); ok && p.Shared {
			s.titles[p.Name] = p.Title
			labelled = append(labelled, allowlist.Labelled{Source: p.Name, Ranges: there.Ranges})
			for _, r := range there.Ranges {
				s.ranges = append(s.ranges, allowlist.Match{Source: p.Name, Range: r})
			}
		}
	}
	s.index = allowlist.NewIndex(labelled)
	slices.SortFunc(s.ranges, func(a, b allowlist.Match) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Source, b.Source))
	})
	return s, nil
}

// within is the title of a shared provider that sends from a part of p; empty
// for none.
func (s *sharedHosts) within(p netip.Prefix) string {
	if holding := s.index.Holding(p.Addr()); len(holding) > 0 {
		return s.titles[holding[0].Source]
	}
	i := sort.Search(len(s.ranges), func(i int) bool { return !s.ranges[i].Prefix.Addr().Less(p.Addr()) })
	if i < len(s.ranges) && p.Contains(s.ranges[i].Prefix.Addr()) {
		return s.titles[s.ranges[i].Source]
	}
	return ""
}
