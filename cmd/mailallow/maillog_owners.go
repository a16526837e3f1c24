package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/terminal"
)

// What the list does with an address that was refused.
const (
	markCovered  = "covered"  // OK or RELAY now
	markRefused  = "refused"  // REJECT
	markExcluded = "excluded" // EXCLUDE
	markWould    = "would"    // a provider of the catalogue sends from it: a source could name that
	markUnknown  = "unknown"
)

// mark is one of them, with the source that decides it, or the provider that would.
type mark struct {
	State  string `json:"state"`
	Source string `json:"source"`
}

func (m mark) String() string {
	switch m.State {
	case markCovered:
		return "now, by source " + m.Source
	case markRefused:
		return "REJECT by source " + m.Source
	case markExcluded:
		return "EXCLUDE by source " + m.Source
	case markWould:
		return "would be, by provider " + m.Source
	}
	return m.State
}

// short is the state where the provider stands beside it.
func (m mark) short() string {
	switch m.State {
	case markCovered:
		return "now"
	case markRefused:
		return "REJECT"
	case markExcluded:
		return "EXCLUDE"
	case markWould:
		return "would be"
	}
	return m.State
}

// owners tell whose an address is and what the configuration makes of it. Each part may
// be missing: then nothing is known of it.
type owners struct {
	set       *allowlist.Set
	index     *allowlist.Index // of the configuration's sources
	catalogue *catalogue
	problems  []allowlist.Problem
}

// owners puts together what is known: the configuration's list, where there is one,
// and the catalogue. What fails is said, and left out.
func (r *request) owners(ctx context.Context, t *terminal.Terminal) *owners {
	o := &owners{}
	configured := !r.settings.Absent && len(r.settings.Sources) > 0
	live := configured && r.snapshot == ""
	fail := func(kind, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		o.problems = append(o.problems, allowlist.Problem{Kind: kind, Text: text})
		if ctx.Err() == nil {
			t.Warn("%s", text)
		}
	}
	if configured {
		list, err := r.resolve(ctx, t)
		if err != nil {
			fail("list", "nothing is marked as covered: %v", err)
		} else {
			r.warnSources(t, list)
			o.set = list.set
			o.index = allowlist.NewIndex(list.labelled())
		}
	}
	var err error
	if o.catalogue, err = openCatalogue(ctx, t, r.settings, live); err != nil {
		fail("catalogue", "providers are not known: %v", err)
	}
	return o
}

// mark tells what the list does with an address, and which provider sends from it;
// empty: none that the catalogue knows.
func (o *owners) mark(addr netip.Addr) (m mark, provider string) {
	m.State = markUnknown
	if o.catalogue != nil {
		if holding := o.catalogue.index.Holding(addr); len(holding) > 0 {
			provider = holding[0].Source
			m = mark{markWould, provider}
		}
	}
	if o.set == nil {
		return m, provider
	}
	if o.set.Excluded.Contains(addr) {
		return mark{markExcluded, o.source(addr, allowlist.Exclude)}, provider
	}
	if e := o.set.Lookup(addr); e != nil {
		var names []string
		for _, owner := range e.Owners {
			names = append(names, owner.Source)
		}
		m = mark{markCovered, strings.Join(names, ", ")}
		if e.Action == allowlist.Reject {
			m.State = markRefused
		}
	}
	return m, provider
}

// source is the first that holds an address with an action.
func (o *owners) source(addr netip.Addr, action allowlist.Action) string {
	for _, m := range o.index.Holding(addr) {
		if m.Action == action {
			return m.Source
		}
	}
	return ""
}
