package maillog

import (
	"cmp"
	"fmt"
	"sort"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/refusals"
	"mailallow/cmd/mailallow/internal/terminal"
)

// refusal is a list that answered with an error, or that refuses this host, and the host that named it.
type refusal struct{ zone, host string }

// tally counts events, in bounded memory.
type tally struct {
	*refusals.Clients                // refused by DNSBLs
	other             refusals.Total // refusals for another reason
	domain            refusals.Total // refusals by other hosts that blame the sender's domain
	errors            map[refusal]*errorReport
	outbound          map[refusal]*outboundReport
}

func newTally() *tally {
	return &tally{Clients: refusals.NewClients(), errors: map[refusal]*errorReport{}, outbound: map[refusal]*outboundReport{}}
}

func (c *tally) add(e maillog.Event) {
	switch e.Kind {
	case maillog.Reject:
		c.other.Add(e.Time)
	case maillog.DomainBlock:
		c.domain.Add(e.Time)
	case maillog.DNSBLReject:
		c.Clients.Add(e)
	case maillog.DNSBLError:
		if row := rowOf(c, c.errors, e); row != nil {
			row.Zone, row.Host = e.Zone, e.Remote
			row.Add(e.Time)
		}
	case maillog.OutboundBlock:
		if row := rowOf(c, c.outbound, e); row != nil {
			row.Zone, row.Host, row.Private, row.Blames = e.Zone, e.Remote, maillog.Private(e.Zone), e.Blames
			row.Add(e.Time)
			if addr := e.IP; addr.IsValid() {
				row.IP = &addr
			}
		}
	}
}

// rowOf gives the row of an event, a new one if need be; nil: there are too many.
func rowOf[T any](c *tally, rows map[refusal]*T, e maillog.Event) *T {
	where := refusal{e.Zone, e.Remote}
	if rows[where] == nil {
		if len(rows) == refusals.MaxNames {
			c.Lost++
			return nil
		}
		rows[where] = new(T)
	}
	return rows[where]
}

// report joins the counts with the owners of the addresses. It lists at most listed
// clients.
func (c *tally) report(o *owners, listed int) *summary {
	r := &summary{Refused: refusedReport{Total: c.Refused, Lists: c.Lists(), Clients: []clientReport{}},
		Other: c.other, Domain: c.domain, Errors: values(c.errors), Outbound: values(c.outbound), Problems: []allowlist.Problem{}}
	type group struct {
		provider string
		mark
	}
	groups := map[group]*providerReport{}
	often := c.Often()
	then := o.then(c.Clients, often)
	r.Refused.Addresses = len(often)
	for i, addr := range often {
		who, zones := c.Of(addr)
		m, provider := o.mark(addr)
		g := group{provider, m}
		if groups[g] == nil {
			groups[g] = &providerReport{Name: provider, Mark: m}
		}
		groups[g].Join(who)
		groups[g].Addresses++
		now := m.now(o.set != nil)
		switch {
		case then[addr] == history.CoverYes:
			r.Refused.ThenCovered++
		case then[addr] == history.CoverNo && now == history.CoverYes:
			r.Refused.SinceCovered++
		}
		if i >= listed {
			continue
		}
		r.Refused.Clients = append(r.Refused.Clients, clientReport{IP: addr, Total: who, Zones: zones, Provider: provider, Mark: m, Then: then[addr], Now: now})
	}
	r.Refused.Providers = values(groups)
	if c.Nameless.Count > 0 {
		r.Refused.Providers = append(r.Refused.Providers, providerReport{Total: c.Nameless, Mark: mark{State: unknown}})
	}
	if c.Lost > 0 {
		r.Problems = append(r.Problems, allowlist.Problem{Kind: "bound", Text: fmt.Sprintf(
			"%s beyond the bounds on single addresses and names: the sums count them, the tables do not",
			terminal.Counted(c.Lost, "event is", "events are"))})
	}
	r.sort()
	return r
}

// values gives the rows of a map, never nil.
func values[K comparable, T any](rows map[K]*T) []T {
	all := make([]T, 0, len(rows))
	for _, row := range rows {
		all = append(all, *row)
	}
	return all
}

// sort puts the most frequent rows first, and equally frequent ones in the order of
// their names.
func (r *summary) sort() {
	often := func(a, b refusals.Total) int { return cmp.Compare(b.Count, a.Count) }
	sort.Slice(r.Refused.Providers, func(i, j int) bool {
		a, b := &r.Refused.Providers[i], &r.Refused.Providers[j]
		return cmp.Or(often(a.Total, b.Total), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mark.State, b.Mark.State), cmp.Compare(a.Mark.Source, b.Mark.Source)) < 0
	})
	sort.Slice(r.Errors, func(i, j int) bool {
		a, b := &r.Errors[i], &r.Errors[j]
		return cmp.Or(often(a.Total, b.Total), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host)) < 0
	})
	sort.Slice(r.Outbound, func(i, j int) bool {
		a, b := &r.Outbound[i], &r.Outbound[j]
		return cmp.Or(often(a.Total, b.Total), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host)) < 0
	})
}
