// Package catalogue finds the mail providers that send from an address, whether the
// configuration names them as sources or not. It holds no list of its own: package
// allowlist has the providers.
package catalogue

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Catalogue is the ranges of providers, by address.
type Catalogue struct {
	index *allowlist.Index
	times map[string]time.Time // of each provider's ranges
}

// maxWait bounds the wait for the network, since the run does not depend on its answers.
const maxWait = 10 * time.Second

// Open takes the ranges of all providers from the program. With live it asks the network
// first, and takes only the providers without an answer from the program.
func Open(ctx context.Context, t *terminal.Terminal, s *config.Settings, live bool) (*Catalogue, error) {
	all, err := providersThat(func(p allowlist.Provider) bool { return p.Unlistable == "" })
	if err != nil {
		return nil, err
	}
	fetched := make([]allowlist.Fetched, len(all))
	if live {
		ctx, cancel := context.WithTimeoutCause(ctx, maxWait, fmt.Errorf("not done within %s", maxWait))
		defer cancel()
		if fetched, _, err = Fetch(ctx, t, s, all); err != nil { // who asks live resolves a list too, which tells the problems
			return nil, err
		}
	}
	return newCatalogue(all, fetched)
}

// Of takes the ranges of the providers that are sources of a list from there, and those of the others from the program. It asks
// the network nothing.
func Of(list *run.List) (*Catalogue, error) {
	all, err := providersThat(func(p allowlist.Provider) bool { return p.Unlistable == "" })
	if err != nil {
		return nil, err
	}
	known := make([]allowlist.Fetched, len(all))
	for i, p := range all {
		for _, s := range list.Sources {
			if s.Provider == p.Name && known[i].Ranges.Len() == 0 {
				known[i].Resolved = s.Resolved
			}
		}
	}
	return newCatalogue(all, known)
}

// shared has the shared providers alone, with the ranges in the program and with the former ones, which old copies of a list
// have. Providers that cannot be read from the program are none, as in package allowlist: its tests and those of this package would
// find that.
var shared = sync.OnceValue(func() *Catalogue {
	all, err := providersThat(func(p allowlist.Provider) bool { return p.Shared })
	var former []allowlist.Labelled
	for _, p := range all {
		var ranges allowlist.Ranges
		for _, prefix := range p.Former {
			ranges.Add(allowlist.Range{Prefix: prefix, Path: provenance.Of("former")})
		}
		former = append(former, allowlist.Labelled{Source: p.Name, Action: allowlist.OK, Ranges: ranges})
	}
	c, unread := newCatalogue(all, make([]allowlist.Fetched, len(all)), former...)
	if err != nil || unread != nil {
		return &Catalogue{index: allowlist.NewIndex(nil)}
	}
	return c
})

// Shared is the title of a shared provider that sends, or sent, from a part of network; empty if there is none. The providers are
// read at the first question, which most runs do not ask.
func Shared(network netip.Prefix) string { return shared().within(network) }

func providersThat(match func(allowlist.Provider) bool) (found []allowlist.Provider, err error) {
	all, err := allowlist.Providers()
	for _, p := range all {
		if match(p) {
			found = append(found, p)
		}
	}
	return found, err
}

// newCatalogue takes the fetched ranges of each provider, else those in the program, and more.
func newCatalogue(all []allowlist.Provider, fetched []allowlist.Fetched, more ...allowlist.Labelled) (*Catalogue, error) {
	known, err := snapshot.Embedded()
	if err != nil {
		return nil, err
	}
	c := &Catalogue{times: map[string]time.Time{}}
	var labelled []allowlist.Labelled
	for i, p := range all {
		from := fetched[i].Resolved
		if fetched[i].Err != nil || from.Ranges.Len() == 0 {
			there, _ := known.Find(p.Name)
			from = there.Resolved
		}
		c.times[p.Name] = from.Time
		labelled = append(labelled, allowlist.Labelled{Source: p.Name, Action: allowlist.OK, Ranges: from.Ranges})
	}
	c.index = allowlist.NewIndex(append(labelled, more...))
	return c, nil
}

// Fetch fetches providers as sources would be, in the same order. The problems are those of the run.
func Fetch(ctx context.Context, t *terminal.Terminal, s *config.Settings, all []allowlist.Provider) ([]allowlist.Fetched, []allowlist.Problem, error) {
	var sources []allowlist.Source
	for _, p := range all {
		sources = append(sources, allowlist.Source{Name: p.Name, Provider: p.Name})
	}
	return run.Fetch(ctx, t, s, sources, nil, time.Now())
}

// Holding gives the providers that send from addr, each by its name as Source and with
// its longest prefix; the longest prefix of all is first.
func (c *Catalogue) Holding(addr netip.Addr) (holding []allowlist.Match) {
	seen := map[string]bool{}
	for _, h := range c.index.Holding(addr) {
		if !seen[h.Source] {
			holding = append(holding, h)
		}
		seen[h.Source] = true
	}
	return holding
}

// Provider names the provider that sends from addr, by its longest prefix; empty: none does.
func (c *Catalogue) Provider(addr netip.Addr) string {
	if holding := c.index.Holding(addr); len(holding) > 0 {
		return holding[0].Source
	}
	return ""
}

// Time is the time at which the ranges of a provider were fetched.
func (c *Catalogue) Time(provider string) time.Time { return c.times[provider] }

// within is the title of a provider that sends from a part of network; empty if there is
// none.
func (c *Catalogue) within(network netip.Prefix) string {
	found, _ := c.index.Within(network)
	if holding := c.index.Holding(network.Addr()); len(holding) > 0 {
		found = holding[0]
	}
	p, _ := allowlist.ProviderByName(found.Source) // every source of the index is a provider, and no name is none
	return p.Title
}
