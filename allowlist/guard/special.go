package guard

import (
	"fmt"

	"go4.org/netipx"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// maxSpecialReports bounds the problems of one source; the rest is a count.
const maxSpecialReports = 20

// droppings takes special-purpose space out of the ranges of a source, because no mail of strangers comes from there. It
// notes each SPF term or line that names some.
type droppings struct {
	paths   []string         // the first of the noted places
	places  int              // how many were noted
	last    *provenance.Path // the last of them
	overlap bool             // ranges that wholly kept hold special-purpose space
}

// wholly takes out the ranges that lie in special-purpose space.
func (d *droppings) wholly(ranges allowlist.Ranges) (kept allowlist.Ranges) {
	if !ranges.NameSpecial() {
		return ranges
	}
	special := prefixes.SpecialPurpose()
	for r := range ranges.All() {
		if special.ContainsPrefix(r.Prefix) {
			d.note(r)
			continue
		}
		d.overlap = d.overlap || special.OverlapsPrefix(r.Prefix)
		kept.Add(r)
	}
	return kept
}

// partly takes special-purpose space out of the ranges that wholly kept.
func (d *droppings) partly(ranges allowlist.Ranges) (kept allowlist.Ranges) {
	if !d.overlap {
		return ranges
	}
	special := prefixes.SpecialPurpose()
	for r := range ranges.All() {
		if !special.OverlapsPrefix(r.Prefix) {
			kept.Add(r)
			continue
		}
		d.note(r)
		var b netipx.IPSetBuilder
		b.AddPrefix(r.Prefix)
		b.RemoveSet(special)
		for _, p := range mustSet(&b).Prefixes() {
			kept.Add(allowlist.Range{Prefix: p, Path: r.Path})
		}
	}
	return kept
}

func (d *droppings) note(r allowlist.Range) {
	if r.Path.Compare(d.last) == 0 {
		return
	}
	d.last = r.Path
	if d.places++; d.places <= maxSpecialReports {
		d.paths = append(d.paths, r.PathString())
	}
}

func (d *droppings) problems() (problems []allowlist.Problem) {
	for _, path := range d.paths {
		problems = append(problems, allowlist.Problem{Kind: "special", Text: path + ": special-purpose space is dropped: no mail comes from there"})
	}
	if more := d.places - len(d.paths); more > 0 {
		problems = append(problems, allowlist.Problem{Kind: "special", Text: fmt.Sprintf("and special-purpose space in %d more places", more)})
	}
	return problems
}

// mustSet builds a set. It panics on an invalid prefix, which is a fault of this
// package: readers parse and mask every prefix.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("guard: an invalid prefix reached the set: " + err.Error())
	}
	return set
}
