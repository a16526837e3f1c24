package refusals

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"sort"

	"mailallow/accessmap/maillog"
	"mailallow/allowlist/dnsbl"
)

const (
	// MaxAddresses bounds the clients that are counted one by one: they take 15 MB, and
	// are more than a server of 10,000 users refuses in a month. Others are in the sums
	// alone.
	MaxAddresses = 200_000
	// MaxNames bounds lists, services and remote hosts, because anybody can write a log
	// line with a new name.
	MaxNames = 10_000
	// ZonesOf bounds the lists that are kept for an address.
	ZonesOf = 4
	// maxMore bounds the further lists of addresses, which are only counted.
	maxMore = 200_000
)

// Clients counts refusals because of a DNSBL by the client's address.
type Clients struct {
	Refused  Total  // all
	Nameless Total  // those without an address
	Lost     uint64 // those beyond a bound, which the sums alone count

	lists   []List
	numbers map[string]uint16 // of the lists, from 1
	clients map[netip.Addr]client
	more    map[listed]struct{}
}

// NewClients makes a count of nothing.
func NewClients() *Clients {
	return &Clients{lists: []List{}, numbers: map[string]uint16{}, clients: map[netip.Addr]client{}, more: map[listed]struct{}{}}
}

// List counts the refusals because of one DNSBL.
type List struct {
	Zone string  `json:"zone"` // empty: the line names none
	Dead *string `json:"dead"` // how it ended; null: it is not known to be dead
	// Blames is a domain if the list has names of senders, and not their addresses.
	Blames maillog.Blame `json:"blames"`
	Total
	Addresses int `json:"addresses"`
}

// client is a refused address, with the numbers of the lists that had it, from 1; 0: none.
type client struct {
	Total
	zones [ZonesOf]uint16
}

// listed is an address in a list beyond ZonesOf.
type listed struct {
	addr netip.Addr
	list uint16
}

// Add counts an event of the kind DNSBLReject.
func (c *Clients) Add(e maillog.Event) {
	c.Refused.Add(e.Time)
	c.addClient(e, c.addList(e))
}

// addList counts a list and gives its number.
func (c *Clients) addList(e maillog.Event) uint16 {
	n, known := c.numbers[e.Zone]
	if !known {
		if len(c.lists) == MaxNames {
			c.Lost++
			return 0
		}
		row := List{Zone: e.Zone, Blames: e.Blames}
		if dead := dnsbl.Dead(e.Zone); dead != "" {
			row.Dead = &dead
		}
		c.lists = append(c.lists, row)
		n = uint16(len(c.lists))
		c.numbers[e.Zone] = n
	}
	c.lists[n-1].Add(e.Time)
	return n
}

func (c *Clients) addClient(e maillog.Event, number uint16) {
	if !e.IP.IsValid() {
		c.Nameless.Add(e.Time)
		return
	}
	who, known := c.clients[e.IP]
	if !known && len(c.clients) == MaxAddresses {
		c.Lost++
		return
	}
	who.Add(e.Time)
	if number > 0 && c.isNew(&who, e.IP, number) {
		c.lists[number-1].Addresses++
	}
	c.clients[e.IP] = who
}

// isNew reports whether an address was in no earlier event of a list, and remembers it.
func (c *Clients) isNew(who *client, addr netip.Addr, number uint16) bool {
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
		c.Lost++
		return false
	}
	c.more[pair] = struct{}{}
	return true
}

// Often gives the clients, the most often refused first.
func (c *Clients) Often() []netip.Addr {
	all := slices.Collect(maps.Keys(c.clients))
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return cmp.Or(cmp.Compare(c.clients[b].Count, c.clients[a].Count), a.Compare(b)) < 0
	})
	return all
}

// Of gives the refusals of a client, and at most ZonesOf of the lists that had it.
func (c *Clients) Of(addr netip.Addr) (Total, []string) {
	who, zones := c.clients[addr], []string{}
	for _, n := range who.zones {
		if n != 0 {
			zones = append(zones, c.lists[n-1].Zone)
		}
	}
	return who.Total, zones
}

// Lists gives the lists, the most frequent first.
func (c *Clients) Lists() []List {
	lists := slices.Clone(c.lists)
	sort.Slice(lists, func(i, j int) bool {
		return cmp.Or(cmp.Compare(lists[j].Count, lists[i].Count), cmp.Compare(lists[i].Zone, lists[j].Zone)) < 0
	})
	return lists
}
