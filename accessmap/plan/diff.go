package plan

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/aymanbagabas/go-udiff"
	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// Change is a network that a plan adds to a target or removes from it, with the source that listed it. The networks of one
// source and path are the fewest.
type Change struct {
	Prefix netip.Prefix
	Action allowlist.Action
	Source string           // empty: the format does not hold it
	Path   *provenance.Path // in the source, as Owner has it; nil: the format does not hold it
}

// String gives the change as "CIDR ACTION", which scripts read.
func (c Change) String() string { return c.Prefix.String() + " " + c.Action.String() }

// Difference is the change of the managed part of a file, in networks.
type Difference struct {
	Added, Removed []Change
}

// Equal reports whether the two differences read alike.
func (d Difference) Equal(e Difference) bool {
	return slices.EqualFunc(d.Added, e.Added, Change.equal) && slices.EqualFunc(d.Removed, e.Removed, Change.equal)
}

func (c Change) equal(d Change) bool {
	return c.Prefix == d.Prefix && c.Action == d.Action && c.Source == d.Source && (c.Path == d.Path || c.Path.String() == d.Path.String())
}

// difference compares the managed part of the present file with the planned one, by action, IPv4 first. An address whose action
// changes is in Added and in Removed. Networks removed from a bare format have the action OK: the file holds no action.
func difference(f format.Format, before, after []allowlist.Span) Difference {
	return Difference{Added: gained(f, before, after), Removed: gained(f, after, before)}
}

// gained gives what the spans have and the others do not.
func gained(f format.Format, others, spans []allowlist.Span) (found []Change) {
	for _, a := range format.Actions() {
		found = append(found, changes(minus(f, a, spans, others), spans)...)
	}
	return found
}

// Networks gives changes without their sources, as "CIDR ACTION": for each action the fewest networks, IPv4 first. The JSON
// output has them.
func Networks(changes []Change) []string {
	networks := []string{}
	for _, a := range format.Actions() {
		var all prefixes.List
		for _, c := range changes {
			if c.Action == a {
				all.Add(c.Prefix, 0)
			}
		}
		for p := range all.Sorted().Fewest().All() {
			networks = append(networks, Change{Prefix: p, Action: a}.String())
		}
	}
	return networks
}

// UnifiedDiff gives the change of the file's text in the unified format; it is empty if there is none.
func (p Plan) UnifiedDiff() string {
	old := p.Path
	if !p.Exists {
		old = "/dev/null"
	}
	return udiff.Unified(old, p.Path, string(p.Old), string(p.New))
}

// minus yields the addresses with a visible action in spans that do not have it in others, in the fewest ranges.
func minus(f format.Format, a allowlist.Action, spans, others []allowlist.Span) iter.Seq2[netip.Addr, netip.Addr] {
	return format.Joined(func(yield func(allowlist.Span) bool) {
		others := others
		for _, s := range spans {
			if visible(f, s.Action()) != a {
				continue
			}
			for len(others) > 0 && others[0].To.Less(s.From) {
				others = others[1:]
			}
			for i := 0; i < len(others) && s.From.IsValid() && !s.To.Less(others[i].From); i++ {
				if visible(f, others[i].Action()) != a {
					continue
				}
				if left := s; s.From.Less(others[i].From) {
					if left.To = others[i].From.Prev(); !yield(left) {
						return
					}
				}
				s.From = others[i].To.Next() // invalid behind the last address of a family
			}
			if s.From.IsValid() && !s.To.Less(s.From) && !yield(s) {
				return
			}
		}
	})
}

// changes gives the networks of ranges with the action and the source of the spans that cover them. It joins neighbouring
// spans of one source and path, because a prefix can need several keys.
func changes(ranges iter.Seq2[netip.Addr, netip.Addr], spans []allowlist.Span) []Change {
	var found []Change
	for from, last := range ranges {
		for len(spans) > 0 && spans[0].To.Less(from) {
			spans = spans[1:]
		}
		for i := 0; i < len(spans) && !last.Less(from) && from.IsValid(); i++ {
			to := spans[i].To
			for i+1 < len(spans) && to.Less(last) && to.Next() == spans[i+1].From && sameOwner(spans[i], spans[i+1]) {
				i++
				to = spans[i].To
			}
			if last.Less(to) {
				to = last
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
