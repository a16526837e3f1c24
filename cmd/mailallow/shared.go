package main

import (
	"net/netip"

	"mailallow/allowlist"
)

// sharedHosts knows the ranges of the catalogue's shared providers, as the
// program itself holds them.
type sharedHosts struct {
	index  *allowlist.Index
	titles map[string]string
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
		}
	}
	s.index = allowlist.NewIndex(labelled)
	return s, nil
}

// within is the title of a shared provider that sends from a part of p; empty
// for none.
func (s *sharedHosts) within(p netip.Prefix) string {
	if holding := s.index.Holding(p.Addr()); len(holding) > 0 {
		return s.titles[holding[0].Source]
	}
	inside, _ := s.index.Within(p)
	return s.titles[inside.Source]
}
