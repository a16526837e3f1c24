package maillog

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/say"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The states of an address that was refused.
const (
	covered   = "covered"  // OK or RELAY now
	rejected  = "refused"  // REJECT
	excluded  = "excluded" // EXCLUDE
	coverable = "would"    // not in the list, and a source that names a provider would cover it
	unknown   = "unknown"
)

// mark is the state of an address in the list, and the source that decides it, or the
// provider that would cover it.
type mark struct {
	State  string `json:"state"`
	Source string `json:"source"`
}

// words are the state, and the words between it and the source.
func (m mark) words() (state, by string) {
	switch m.State {
	case covered:
		return "now", ", by source "
	case rejected:
		return "REJECT", " by source "
	case excluded:
		return "EXCLUDE", " by source "
	case coverable:
		return "would be", ", by provider "
	}
	return m.State, ""
}

func (m mark) String() string {
	state, by := m.words()
	return state + by + m.Source
}

// owners knows the list, and the providers that send from an address. A part is nil if it
// could not be opened.
type owners struct {
	list      *run.List // nil, like the next two: there is none
	set       *allowlist.Set
	index     *allowlist.Index // of the configuration's sources
	catalogue *catalogue.Catalogue
	log       *history.Log // nil: what the list was is not known
	problems  []allowlist.Problem
}

// findOwners resolves the list of request, which may be nil, and opens the catalogue: with
// live and a request it asks the network for the ranges of providers. If one of them
// fails, that is a warning.
func findOwners(ctx context.Context, t *terminal.Terminal, s *config.Settings, request *run.Request, live bool) *owners {
	o := &owners{}
	fail := func(kind, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		o.problems = append(o.problems, allowlist.Problem{Kind: kind, Text: text})
		if ctx.Err() == nil {
			t.Warn("%s", text)
		}
	}
	if request != nil {
		list, err := request.Resolve(ctx, t)
		if err != nil {
			fail("list", "nothing is marked as covered: %v", err)
		} else {
			for _, m := range say.Warn(t, list) {
				o.problems = append(o.problems, allowlist.Problem{Kind: cmp.Or(m.Kind, "list"), Text: m.Subject() + m.Text})
			}
			o.list, o.set = list, list.Set
			o.index = allowlist.NewIndex(list.Labelled())
		}
		if log, err := run.OpenHistory(s.StateDir); err != nil {
			fail("history", "whether the list covered a client when it was refused is not known: %v", err)
		} else {
			o.log = &log
		}
	}
	var err error
	if o.catalogue, err = catalogue.Open(ctx, t, s, request != nil && live); err != nil {
		fail("catalogue", "providers are not known: %v", err)
	}
	return o
}

// then says of each client whether the list covered it when it was last refused.
func (o *owners) then(clients *refusals.Clients, addrs []netip.Addr) map[netip.Addr]history.Cover {
	all := make(map[netip.Addr]history.Cover, len(addrs))
	var sightings []history.Sighting
	for _, addr := range addrs {
		all[addr] = history.CoverUnknown
		if who, _ := clients.Of(addr); who.Until != 0 {
			sightings = append(sightings, history.Sighting{Addr: addr, At: time.Unix(int64(who.Until), 0)})
		}
	}
	if o.log == nil {
		return all
	}
	answers, problems := o.log.Covered(sightings)
	for i, s := range sightings {
		all[s.Addr] = answers[i]
	}
	o.problems = append(o.problems, problems...)
	return all
}

// now says whether the list covers an address of this state.
func (m mark) now(known bool) history.Cover {
	switch {
	case !known:
		return history.CoverUnknown
	case m.State == covered:
		return history.CoverYes
	}
	return history.CoverNo
}

// mark gives the state of an address, and the provider that sends from it; empty: none in
// the catalogue.
func (o *owners) mark(addr netip.Addr) (m mark, provider string) {
	m.State = unknown
	if o.catalogue != nil {
		if provider = o.catalogue.Provider(addr); provider != "" {
			m = mark{coverable, provider}
		}
	}
	if o.set == nil {
		return m, provider
	}
	for _, m := range o.index.Holding(addr) {
		if m.Action == allowlist.Exclude {
			return mark{excluded, m.Source}, provider
		}
	}
	if e := o.set.Lookup(addr); e != nil {
		var names []string
		for _, owner := range e.Owners {
			names = append(names, owner.Source)
		}
		m = mark{covered, strings.Join(names, ", ")}
		if e.Action == allowlist.Reject {
			m.State = rejected
		}
	}
	return m, provider
}
