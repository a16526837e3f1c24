package plan

import (
	"iter"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Difference is the change of the managed part of a file, in networks: first the changes that add some, then those that only
// remove some, each in the order of the actions and then of the first network. An address whose action changes is added and
// removed.
type Difference []Change

// Change is what a plan changes under one source and action.
type Change struct {
	Source         string // empty: the format does not hold it
	Action         allowlist.Action
	Added, Removed Networks
}

// Networks are networks in the order of their addresses, IPv4 first. Those of one path are the fewest.
type Networks struct {
	prefixes.List
	Of Finder // of the list or the file that has them; nil: it names no paths
}

// Finder finds the entry that decides an address; nil: none does.
type Finder interface {
	Lookup(netip.Addr) *allowlist.Entry
}

// Path gives the path of a network in its source, as Owner has it; nil: the format does not hold it.
func (n Networks) Path(p netip.Prefix) *provenance.Path {
	if n.Of == nil {
		return nil
	}
	return pathOf(n.Of.Lookup(p.Addr()))
}

func pathOf(e *allowlist.Entry) *provenance.Path {
	if e == nil || len(e.Owners) == 0 {
		return nil
	}
	return e.Owners[0].Paths[0]
}

// Len gives the numbers of networks that are added and removed.
func (d Difference) Len() (added, removed int) {
	for _, c := range d {
		added, removed = added+c.Added.Len(), removed+c.Removed.Len()
	}
	return added, removed
}

// Equal reports whether the two differences read alike.
func (d Difference) Equal(e Difference) bool {
	return slices.EqualFunc(d, e, func(a, b Change) bool {
		return a.Source == b.Source && a.Action == b.Action && a.Added.equal(b.Added) && a.Removed.equal(b.Removed)
	})
}

func (n Networks) equal(m Networks) bool {
	if !prefixes.Equal(n.List, m.List) {
		return false
	}
	if n.Of == m.Of {
		return true
	}
	for p := range n.Networks() {
		if n.Path(p).String() != m.Path(p).String() {
			return false
		}
	}
	return true
}

// Lines gives what is added and what is removed without sources, as "CIDR ACTION", which scripts read: for each action the fewest
// networks, IPv4 first.
func (d Difference) Lines() (added, removed []string) {
	added, removed = []string{}, []string{}
	for _, a := range format.Actions() {
		var came, gone []prefixes.List
		for _, c := range d {
			if c.Action == a {
				came, gone = append(came, c.Added.List), append(gone, c.Removed.List)
			}
		}
		for p := range prefixes.Join(came...).Fewest().Networks() {
			added = append(added, p.String()+" "+a.String())
		}
		for p := range prefixes.Join(gone...).Fewest().Networks() {
			removed = append(removed, p.String()+" "+a.String())
		}
	}
	return added, removed
}

// UnifiedDiff gives the change of the file's text in the unified format; it is empty if there is none.
func (p *Plan) UnifiedDiff() string {
	name := p.Path
	if strings.Contains(name, " ") {
		name += "\t" // patch and git take a name for ended at a space, unless there is a tab behind it
	}
	old := name
	if !p.Exists {
		old = "/dev/null"
	}
	return udiff.Unified(old, name, string(p.Old), string(p.Text()))
}

// nested finds entries in spans of addresses, which are in order.
type nested struct{ spans []allowlist.Span }

func (n *nested) Lookup(a netip.Addr) *allowlist.Entry {
	i := sort.Search(len(n.spans), func(i int) bool { return !n.spans[i].To.Less(a) })
	if i == len(n.spans) || a.Less(n.spans[i].From) {
		return nil
	}
	return n.spans[i].Entry()
}

// ends finds the paths of removed networks. It keeps the paths alone, because entries need far more memory than a message about
// them. It is asked about removed networks alone, and so knows nothing of the gaps between them.
type ends struct {
	last  []netip.Addr // of each run of addresses with one path, in order
	paths []*provenance.Path
}

func (e *ends) add(last netip.Addr, path *provenance.Path) {
	e.last, e.paths = append(e.last, last), append(e.paths, path)
}

func (e *ends) Lookup(a netip.Addr) *allowlist.Entry {
	i := sort.Search(len(e.last), func(i int) bool { return !e.last[i].Less(a) })
	if i == len(e.last) || e.paths[i] == nil {
		return nil
	}
	return &allowlist.Entry{Owners: []allowlist.Owner{{Paths: e.paths[i : i+1]}}}
}

// difference compares the managed part of the present file with the planned one, whose spans are those of a list; both are in the order
// of addresses. Networks removed from a bare format have the action OK: the file holds no action.
func difference(f format.Format, before []allowlist.Span, after iter.Seq[allowlist.Span], list Finder) Difference {
	added := side{bare: f.Bare, of: list, byKey: map[partKey]*part{}}
	ends := &ends{}
	removed := side{bare: f.Bare, of: ends, ends: ends, byKey: map[partKey]*part{}}
	rest, now := before, allowlist.Span{} // now is what is left of the span before rest
	next := func() bool {
		if now.From.IsValid() || len(rest) == 0 {
			return now.From.IsValid()
		}
		now, rest = rest[0], rest[1:]
		return true
	}
	for s := range after {
		for next() && now.To.Less(s.From) {
			removed.take(now)
			now = allowlist.Span{}
		}
		for s.From.IsValid() && next() && !s.To.Less(now.From) {
			added.take(cutBefore(&s, now.From))
			removed.take(cutBefore(&now, s.From))
			end := s.To
			if now.To.Less(end) {
				end = now.To
			}
			came, went := cutTo(&s, end), cutTo(&now, end)
			if visible(f.Bare, came.Action()) != visible(f.Bare, went.Action()) {
				added.take(came)
				removed.take(went)
			}
		}
		added.take(s)
	}
	for next() {
		removed.take(now)
		now = allowlist.Span{}
	}
	return joined(added, removed)
}

// cutBefore cuts off and gives the part of a span before an address; one without addresses if there is none.
func cutBefore(s *allowlist.Span, a netip.Addr) (part allowlist.Span) {
	if !s.From.Less(a) {
		return part
	}
	part = *s
	part.To, s.From = a.Prev(), a
	return part
}

// cutTo cuts off and gives the part of a span up to an address in it. A span of which nothing is left has no addresses.
func cutTo(s *allowlist.Span, end netip.Addr) (part allowlist.Span) {
	part = *s
	if part.To = end; s.To == end {
		*s = allowlist.Span{}
	} else {
		s.From = end.Next()
	}
	return part
}

// side collects the networks that are added, or those that are removed.
type side struct {
	bare  bool // the file has no actions
	of    Finder
	ends  *ends   // to keep the paths in; nil: of has them all
	parts []*part // in the order of their first networks
	byKey map[partKey]*part
	open  allowlist.Span // the next one may go on with its source and path
	room  []netip.Prefix
}

type partKey struct {
	source string
	action allowlist.Action
}

// part is what a side has under one source and action.
type part struct {
	partKey
	prefixes.List
}

// take takes the next span in the order of addresses. It joins neighbours of one source and path, because a prefix can need several keys.
func (d *side) take(s allowlist.Span) {
	switch {
	case !s.From.IsValid() || !format.CanHold(visible(d.bare, s.Action())):
	case d.open.From.IsValid() && d.open.To.Next() == s.From && sameOwner(d.open, s):
		d.open.To = s.To
	default:
		d.close()
		d.open = s
	}
}

func sameOwner(a, b allowlist.Span) bool {
	return a.SameEntry(b) || a.Action() == b.Action() && a.Source() == b.Source() && a.First().Compare(b.First()) == 0
}

// close puts the networks of the open span into their part.
func (d *side) close() {
	s := d.open
	if !s.From.IsValid() {
		return
	}
	key := partKey{s.Source(), s.Action()}
	into := d.byKey[key]
	if into == nil {
		into = &part{partKey: key}
		d.byKey[key], d.parts = into, append(d.parts, into)
	}
	if d.ends != nil {
		d.ends.add(s.To, pathOf(s.Entry()))
	}
	d.room = prefixes.AppendRange(d.room[:0], s.From, s.To)
	for _, p := range d.room {
		into.Add(p, 0)
	}
}

// inOrder gives the parts in the order of the actions that a reader of the format sees.
func (d *side) inOrder() []*part {
	rank := func(i int) int { return slices.Index(format.Actions(), visible(d.bare, d.parts[i].action)) }
	sort.SliceStable(d.parts, func(i, j int) bool { return rank(i) < rank(j) })
	return d.parts
}

// joined puts the two sides of each source and action together.
func joined(added, removed side) (d Difference) {
	added.close()
	removed.close()
	for _, p := range added.inOrder() {
		c := Change{Source: p.source, Action: p.action, Added: Networks{p.List, added.of}}
		if q := removed.byKey[p.partKey]; q != nil {
			c.Removed = Networks{q.List, removed.of}
		}
		d = append(d, c)
	}
	for _, p := range removed.inOrder() {
		if added.byKey[p.partKey] == nil {
			d = append(d, Change{Source: p.source, Action: p.action, Removed: Networks{p.List, removed.of}})
		}
	}
	return d
}
