package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/terminal"
)

// catalogue tells which mail providers send from an address: those that an
// administrator could name as a source and perhaps does not.
type catalogue struct {
	index *allowlist.Index
	times map[string]time.Time // of each provider's ranges
	live  bool                 // asked for now, where they answered
}

// liveCatalogue bounds the asking: it answers a question that the run does not
// depend on.
const liveCatalogue = 10 * time.Second

// catalogue takes the providers' ranges from the program itself; when live, from
// the network first, and from the program for those that do not answer.
func openCatalogue(ctx context.Context, t *terminal.Terminal, s *config.Settings, live bool) (*catalogue, error) {
	all, err := providersThat(func(p allowlist.Provider) bool { return p.Unlistable == "" })
	if err != nil {
		return nil, err
	}
	fetched := make([]allowlist.Fetched, len(all))
	if live {
		ctx, cancel := context.WithTimeoutCause(ctx, liveCatalogue, fmt.Errorf("not done within %s", liveCatalogue))
		defer cancel()
		if fetched, err = fetchProviders(ctx, t, s, all); err != nil {
			return nil, err
		}
	}
	c, err := newCatalogue(all, fetched)
	if err == nil {
		c.live = live
	}
	return c, err
}

// sharedCatalogue has the shared providers alone, as the program itself holds them.
func sharedCatalogue() (*catalogue, error) {
	shared, err := providersThat(func(p allowlist.Provider) bool { return p.Shared })
	if err != nil {
		return nil, err
	}
	return newCatalogue(shared, make([]allowlist.Fetched, len(shared)))
}

func providersThat(are func(allowlist.Provider) bool) ([]allowlist.Provider, error) {
	all, err := allowlist.Providers()
	return slices.DeleteFunc(all, func(p allowlist.Provider) bool { return !are(p) }), err
}

// newCatalogue takes what was fetched of each provider, else what the program holds.
func newCatalogue(all []allowlist.Provider, fetched []allowlist.Fetched) (*catalogue, error) {
	known, err := allowlist.EmbeddedSnapshot()
	if err != nil {
		return nil, err
	}
	c := &catalogue{times: map[string]time.Time{}}
	var labelled []allowlist.Labelled
	for i, p := range all {
		from := fetched[i].Resolved
		if fetched[i].Err != nil || from.Ranges.Len() == 0 {
			from, _ = known.Find(p.Name)
		}
		c.times[p.Name] = from.Time
		labelled = append(labelled, allowlist.Labelled{Source: p.Name, Action: allowlist.OK, Ranges: from.Ranges})
	}
	c.index = allowlist.NewIndex(labelled)
	return c, nil
}

// fetchProviders fetches providers as a source would.
func fetchProviders(ctx context.Context, t *terminal.Terminal, s *config.Settings, all []allowlist.Provider) ([]allowlist.Fetched, error) {
	of := *s
	of.Sources = nil
	for _, p := range all {
		of.Sources = append(of.Sources, allowlist.Source{Name: p.Name, Provider: p.Name})
	}
	r := &request{settings: &of, now: time.Now()}
	return r.fetch(ctx, t, nil)
}

// holding gives the providers that send from addr, each with its longest prefix.
func (c *catalogue) holding(addr netip.Addr) []allowlist.Match {
	seen := map[string]bool{}
	return slices.DeleteFunc(c.index.Holding(addr), func(h allowlist.Match) bool {
		twice := seen[h.Source]
		seen[h.Source] = true
		return twice
	})
}

// within is the title of a provider that sends from a part of network; empty for none.
func (c *catalogue) within(network netip.Prefix) string {
	found, ok := c.index.Within(network)
	if holding := c.index.Holding(network.Addr()); len(holding) > 0 {
		found, ok = holding[0], true
	}
	if !ok {
		return ""
	}
	p, _ := allowlist.ProviderByName(found.Source) // the catalogue is made of them
	return p.Title
}
