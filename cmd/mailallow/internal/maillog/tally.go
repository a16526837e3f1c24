package maillog

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
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
	// zonesOf bounds the lists that are kept for an address.
	zonesOf = 4
)

// span counts events, with the first and the last time in seconds since 1970; 0: no line
// had a time.
type span struct {
	count       uint32
	first, last int64
}

func (s *span) add(at time.Time) {
	s.count++
	if at.IsZero() {
		return
	}
	seconds := at.Unix()
	if s.first == 0 || seconds < s.first {
		s.first = seconds
	}
	s.last = max(s.last, seconds)
}

func (s *span) join(other span) {
	s.count += other.count
	if other.first != 0 && (s.first == 0 || other.first < s.first) {
		s.first = other.first
	}
	s.last = max(s.last, other.last)
}

// client is a refused address, with the numbers of the lists that had it, from 1; 0: none.
type client struct {
	span
	zones [zonesOf]uint16
}

// list is a list that refused clients.
type list struct {
	span
	zone      string
	addresses int // of the clients that have it in their zones
}

// refusal is a refusal of this host: the list or service, and the host that named it.
type refusal struct{ zone, host string }

// blocked counts refusals, with the last address in such a line.
type blocked struct {
	span
	addr netip.Addr
}

// tally counts events, in bounded memory.
type tally struct {
	refused  span // by DNSBLs
	nameless span // of refused, those without an address
	other    span // refusals for another reason
	lists    []list
	numbers  map[string]uint16 // of the lists, from 1
	clients  map[netip.Addr]client
	errors   map[refusal]*blocked // of lists; host: that asked them
	outbound map[refusal]*blocked // of this host
	lost     uint64               // events beyond a bound
}

func newTally() *tally {
	return &tally{numbers: map[string]uint16{}, clients: map[netip.Addr]client{},
		errors: map[refusal]*blocked{}, outbound: map[refusal]*blocked{}}
}

func (c *tally) add(e maillog.Event) {
	switch e.Kind {
	case maillog.Reject:
		c.other.add(e.Time)
	case maillog.DNSBLReject:
		c.refused.add(e.Time)
		c.addClient(e, c.addList(e))
	case maillog.DNSBLError:
		c.addRefusal(c.errors, e)
	case maillog.OutboundBlock:
		c.addRefusal(c.outbound, e)
	}
}

func (c *tally) addRefusal(to map[refusal]*blocked, e maillog.Event) {
	where := refusal{e.Zone, e.Remote}
	b := to[where]
	if b == nil && len(to) == maxNames {
		c.lost++
		return
	}
	if b == nil {
		b = &blocked{}
		to[where] = b
	}
	b.add(e.Time)
	if e.IP.IsValid() {
		b.addr = e.IP
	}
}

// addList counts a list and gives its number.
func (c *tally) addList(e maillog.Event) uint16 {
	n, known := c.numbers[e.Zone]
	if !known {
		if len(c.lists) == maxNames {
			c.lost++
			return 0
		}
		c.lists = append(c.lists, list{zone: e.Zone})
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
	if free := slices.Index(who.zones[:], 0); number > 0 && free >= 0 && !slices.Contains(who.zones[:], number) {
		who.zones[free] = number
		c.lists[number-1].addresses++
	}
	c.clients[e.IP] = who
}

// often gives the clients, the most often refused first.
func (c *tally) often() []netip.Addr {
	return slices.SortedFunc(maps.Keys(c.clients), func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(c.clients[b].count, c.clients[a].count), a.Compare(b))
	})
}

// report joins the counts with the owners of the addresses. It lists at most listed
// clients.
func (c *tally) report(o *owners, listed int) *summary {
	r := &summary{Refused: refusedReport{times: c.refused.times(), Addresses: len(c.clients),
		Providers: []providerReport{}, Lists: []listReport{}, Clients: []clientReport{}},
		Other: c.other.times(), Errors: []errorReport{}, Outbound: []outboundReport{}, Problems: []allowlist.Problem{}}
	type group struct {
		provider string
		mark
	}
	type sum struct {
		span
		addresses int
	}
	groups := map[group]*sum{}
	for i, addr := range c.often() {
		who := c.clients[addr]
		m, provider := o.mark(addr)
		g := group{provider, m}
		if groups[g] == nil {
			groups[g] = &sum{}
		}
		groups[g].join(who.span)
		groups[g].addresses++
		by := []string{}
		for _, n := range who.zones {
			if n != 0 {
				by = append(by, c.lists[n-1].zone)
			}
		}
		if i < listed {
			r.Refused.Clients = append(r.Refused.Clients, clientReport{IP: addr, times: who.times(), Zones: by, Provider: provider, Mark: m})
		}
	}
	for g, s := range groups {
		r.Refused.Providers = append(r.Refused.Providers, providerReport{g.provider, s.times(), s.addresses, g.mark})
	}
	if c.nameless.count > 0 {
		r.Refused.Providers = append(r.Refused.Providers, providerReport{"", c.nameless.times(), 0, mark{State: unknown}})
	}
	c.reportLists(r)
	if c.lost > 0 {
		r.Problems = append(r.Problems, allowlist.Problem{Kind: "bound", Text: fmt.Sprintf(
			"%s beyond the bounds on single addresses and names: the sums count them, the tables do not",
			terminal.Counted(c.lost, "event is", "events are"))})
	}
	r.sort()
	return r
}

// reportLists adds the lists that refused, that answered with an error, and that other
// hosts use.
func (c *tally) reportLists(r *summary) {
	for _, l := range c.lists {
		row := listReport{Zone: l.zone, times: l.times(), Addresses: l.addresses}
		if dead := dnsbl.Dead(row.Zone); dead != "" {
			row.Dead = &dead
		}
		r.Refused.Lists = append(r.Refused.Lists, row)
	}
	for where, s := range c.errors {
		r.Errors = append(r.Errors, errorReport{where.zone, where.host, s.times()})
	}
	for where, b := range c.outbound {
		row := outboundReport{Zone: where.zone, Private: maillog.Private(where.zone), Host: where.host, times: b.times()}
		if b.addr.IsValid() {
			row.IP = &b.addr
		}
		r.Outbound = append(r.Outbound, row)
	}
}

// sort puts the most frequent rows first, and equally frequent ones in the order of
// their names.
func (r *summary) sort() {
	often := func(a, b times) int { return cmp.Compare(b.Count, a.Count) }
	slices.SortFunc(r.Refused.Providers, func(a, b providerReport) int {
		return cmp.Or(often(a.times, b.times), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Mark.State, b.Mark.State), cmp.Compare(a.Mark.Source, b.Mark.Source))
	})
	slices.SortFunc(r.Refused.Lists, func(a, b listReport) int { return cmp.Or(often(a.times, b.times), cmp.Compare(a.Zone, b.Zone)) })
	slices.SortFunc(r.Errors, func(a, b errorReport) int {
		return cmp.Or(often(a.times, b.times), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host))
	})
	slices.SortFunc(r.Outbound, func(a, b outboundReport) int {
		return cmp.Or(often(a.times, b.times), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Host, b.Host))
	})
}
