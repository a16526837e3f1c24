package maillog

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/history"
	"mailallow/cmd/mailallow/internal/terminal"
)

const (
	// maxAddresses bounds the clients that are counted one by one: they take 15 MB, and
	// are more than a server of 10,000 users refuses in a month. Others are in the sums
	// alone.
	maxAddresses = 200_000
	// maxNames bounds lists, services and remote hosts, because anybody can write a log
	// line with a new name.
	maxNames = 10_000
	// zonesOf bounds the lists that are kept for an address, and shown.
	zonesOf = 4
	// maxMore bounds the further lists of addresses, which are only counted.
	maxMore = 200_000
)

// client is a refused address, with the numbers of the lists that had it, from 1; 0: none.
type client struct {
	span
	zones [zonesOf]uint16
}

// listed is an address in a list beyond zonesOf.
type listed struct {
	addr netip.Addr
	list uint16
}

// refusal is a list that answered with an error, or that refuses this host, and the host that named it.
type refusal struct{ zone, host string }

// tally counts events, in bounded memory.
type tally struct {
	refused  span // by DNSBLs
	nameless span // of refused, those without an address
	other    span // refusals for another reason
	domain   span // refusals by other hosts that blame the sender's domain
	lists    []listReport
	numbers  map[string]uint16 // of the lists, from 1
	clients  map[netip.Addr]client
	more     map[listed]struct{}
	errors   map[refusal]*errorReport
	outbound map[refusal]*outboundReport
	lost     uint64 // events beyond a bound
}

func newTally() *tally {
	return &tally{lists: []listReport{}, numbers: map[string]uint16{}, clients: map[netip.Addr]client{}, more: map[listed]struct{}{},
		errors: map[refusal]*errorReport{}, outbound: map[refusal]*outboundReport{}}
}

func (c *tally) add(e maillog.Event) {
	switch e.Kind {
	case maillog.Reject:
		c.other.add(e.Time)
	case maillog.DomainBlock:
		c.domain.add(e.Time)
	case maillog.DNSBLReject:
		c.refused.add(e.Time)
		c.addClient(e, c.addList(e))
	case maillog.DNSBLError:
		if row := rowOf(c, c.errors, e); row != nil {
			row.Zone, row.Host = e.Zone, e.Remote
			row.add(e.Time)
		}
	case maillog.OutboundBlock:
		if row := rowOf(c, c.outbound, e); row != nil {
			row.Zone, row.Host, row.Private, row.Blames = e.Zone, e.Remote, maillog.Private(e.Zone), e.Blames
			row.add(e.Time)
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
		if len(rows) == maxNames {
			c.lost++
			return nil
		}
		rows[where] = new(T)
	}
	return rows[where]
}

// addList counts a list and gives its number.
func (c *tally) addList(e maillog.Event) uint16 {
	n, known := c.numbers[e.Zone]
	if !known {
		if len(c.lists) == maxNames {
			c.lost++
			return 0
		}
		row := listReport{Zone: e.Zone, Blames: e.Blames}
		if dead := dnsbl.Dead(e.Zone); dead != "" {
			row.Dead = &dead
		}
		c.lists = append(c.lists, row)
		n = uint16(len(c.lists))
		c.numbers[e.Zone] = n
	}
	c.lists[n-1].add(e.Time)
	return n
}

func (c *tally) addClient(e maillog.Event, number uint16) {
	if !e.IP.IsValid() {
		c.nameless.add(e.Time)
		return
	}
	who, known := c.clients[e.IP]
	if !known && len(c.clients) == maxAddresses {
		c.lost++
		return
	}
	who.add(e.Time)
	if number > 0 && c.isNew(&who, e.IP, number) {
		c.lists[number-1].Addresses++
	}
	c.clients[e.IP] = who
}

// isNew reports whether an address was in no earlier event of a list, and remembers it.
func (c *tally) isNew(who *client, addr netip.Addr, number uint16) bool {
	if slices.Contains(who.zones[:], number) {
		return false
	}
	if free := slices.Index(who.zones[:], 0); free >= 0 {
		who.zones[free] = number
		return true
	}
	pair := listed{addr, number}
	if _, known := c.more[pair]; known {
		return false
	}
	if len(c.more) == maxMore {
		c.lost++
		return false
	}
	c.more[pair] = struct{}{}
	return true
}

// often gives the clients, the most often refused first.
func (c *tally) often() []netip.Addr {
	return slices.SortedFunc(maps.Keys(c.clients), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(c.clients[b].Count, c.clients[a].Count), a.Compare(b))
	})
}

// report joins the counts with the owners of the addresses. It lists at most listed
// clients.
func (c *tally) report(o *owners, listed int) *summary {
	r := &summary{Refused: refusedReport{span: c.refused, Addresses: len(c.clients), Lists: c.lists, Clients: []clientReport{}},
		Other: c.other, Domain: c.domain, Errors: values(c.errors), Outbound: values(c.outbound), Problems: []allowlist.Problem{}}
	type group struct {
		provider string
		mark
	}
	groups := map[group]*providerReport{}
	then := o.then(c.clients)
	for i, addr := range c.often() {
		who := c.clients[addr]
		m, provider := o.mark(addr)
		g := group{provider, m}
		if groups[g] == nil {
			groups[g] = &providerReport{Name: provider, Mark: m}
		}
		groups[g].join(who.span)
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
		row := clientReport{IP: addr, span: who.span, Zones: []string{}, Provider: provider, Mark: m, Then: then[addr], Now: now}
		for _, n := range who.zones {
			if n != 0 {
				row.Zones = append(row.Zones, c.lists[n-1].Zone)
			}
		}
		r.Refused.Clients = append(r.Refused.Clients, row)
	}
	r.Refused.Providers = values(groups)
	if c.nameless.Count > 0 {
		r.Refused.Providers = append(r.Refused.Providers, providerReport{span: c.nameless, Mark: mark{State: unknown}})
	}
	if c.lost > 0 {
		r.Problems = append(r.Problems, allowlist.Problem{Kind: "bound", Text: fmt.Sprintf(
			"%s beyond the bounds on single addresses and names: the sums count them, the tables do not",
			terminal.Counted(c.lost, "event is", "events are"))})
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
	often := func(a, b span) int { return cmp.Compare(b.Count, a.Count) }
	slices.SortFunc(r.Refused.Providers, func(a, b providerReport) int {
		return cmp.Or(often(a.span, b.span), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mark.State, b.Mark.State), cmp.Compare(a.Mark.Source, b.Mark.Source))
	})
	slices.SortFunc(r.Refused.Lists, func(a, b listReport) int { return cmp.Or(often(a.span, b.span), cmp.Compare(a.Zone, b.Zone)) })
	slices.SortFunc(r.Errors, func(a, b errorReport) int {
		return cmp.Or(often(a.span, b.span), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host))
	})
	slices.SortFunc(r.Outbound, func(a, b outboundReport) int {
		return cmp.Or(often(a.span, b.span), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host))
	})
}
