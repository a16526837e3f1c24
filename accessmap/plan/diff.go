package plan

import (
	"net/netip"
	"slices"

	"github.com/aymanbagabas/go-udiff"
	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// Change is a network that came into a target or went out of it, and who put it
// there. The networks of one source and path are the fewest.
type Change struct {
	Prefix netip.Prefix
	Action allowlist.Action
	Source string           // empty where the format does not tell
	Path   *provenance.Path // nil where the format does not tell
}

// String is the change as scripts read it: "CIDR ACTION".
func (c Change) String() string { return c.Prefix.String() + " " + c.Action.String() }

// Difference is what a plan changes in terms of networks.
type Difference struct {
	Added, Removed []Change
}

// Equal reports whether two differences read alike.
func (d Difference) Equal(e Difference) bool {
	return slices.EqualFunc(d.Added, e.Added, Change.equal) && slices.EqualFunc(d.Removed, e.Removed, Change.equal)
}

func (c Change) equal(d Change) bool {
	return c.Prefix == d.Prefix && c.Action == d.Action && c.Source == d.Source && (c.Path == d.Path || c.Path.String() == d.Path.String())
}

// Diff gives the difference between what our part of the file says and what it
// will say, by action, IPv4 first. An address whose action changes is in both.
// What goes out of a bare format goes as OK: the file does not tell more.
func (p Plan) Diff() Difference {
	var d Difference
	if !p.TextChanged() {
		return d
	}
	before, after := byAction(p.Format, p.Before), byAction(p.Format, p.After)
	for _, a := range format.Actions() {
		d.Added = append(d.Added, changes(minus(after[a], before[a]), p.After)...)
		d.Removed = append(d.Removed, changes(minus(before[a], after[a]), p.Before)...)
	}
	return d
}

// Networks gives changes without their sources, as the fewest networks an
// action: what scripts are told.
func Networks(changes []Change) []string {
	sets := map[allowlist.Action]*netipx.IPSetBuilder{}
	for _, c := range changes {
		if sets[c.Action] == nil {
			sets[c.Action] = &netipx.IPSetBuilder{}
		}
		sets[c.Action].AddPrefix(c.Prefix)
	}
	networks := []string{}
	for _, a := range format.Actions() {
		if sets[a] == nil {
			continue
		}
		for _, p := range mustSet(sets[a]).Prefixes() {
			networks = append(networks, Change{Prefix: p, Action: a}.String())
		}
	}
	return networks
}

// UnifiedDiff is the change of the file itself; empty when there is none.
func (p Plan) UnifiedDiff() string {
	old := p.Path
	if !p.Exists {
		old = "/dev/null"
	}
	return udiff.Unified(old, p.Path, string(p.Old), string(p.New))
}

func minus(a, b *netipx.IPSet) *netipx.IPSet {
	var rest netipx.IPSetBuilder
	rest.AddSet(a)
	rest.RemoveSet(b)
	return mustSet(&rest)
}

// changes gives the networks of a set, all of which the spans cover, by action
// and by the sources that the spans name. Keys that stand side by side for one
// source and path are put together again.
func changes(set *netipx.IPSet, spans []allowlist.Span) []Change {
	var found []Change
	for _, r := range set.Ranges() {
		for len(spans) > 0 && spans[0].To.Less(r.From()) {
			spans = spans[1:]
		}
		from := r.From()
		for i := 0; i < len(spans) && !r.To().Less(from) && from.IsValid(); i++ {
			to := spans[i].To
			for i+1 < len(spans) && to.Less(r.To()) && to.Next() == spans[i+1].From && sameOwner(spans[i], spans[i+1]) {
				i++
				to = spans[i].To
			}
			if r.To().Less(to) {
				to = r.To()
			}
			source, path := owner(spans[i])
			for _, p := range netipx.IPRangeFrom(from, to).Prefixes() {
				found = append(found, Change{p, spans[i].Action(), source, path})
			}
			from = to.Next()
		}
	}
	return found
}

func owner(s allowlist.Span) (source string, path *provenance.Path) {
	owners := s.Entry().Owners
	if len(owners) == 0 {
		return "", nil
	}
	return owners[0].Source, owners[0].Paths[0]
}

func sameOwner(a, b allowlist.Span) bool {
	sourceA, pathA := owner(a)
	sourceB, pathB := owner(b)
	return a.Action() == b.Action() && sourceA == sourceB && pathA.Compare(pathB) == 0
}
