package guard

import (
	"fmt"

	"go4.org/netipx"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// droppings takes special-purpose space out of the ranges of a source, because no mail of strangers comes from there. It
// notes each SPF term or line that names some.
type droppings struct {
	places  allowlist.Few
	last    *provenance.Path // of the place that was noted last
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
	d.places.Add("special", func() string {
		return r.PathString() + ": special-purpose space is dropped: no mail comes from there"
	})
}

func (d *droppings) problems() []allowlist.Problem {
	return d.places.Report("special", func(more int) string { return fmt.Sprintf("and special-purpose space in %d more places", more) })
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
