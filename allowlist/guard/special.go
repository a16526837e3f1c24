package guard

import (
	"fmt"
	"net/netip"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// maxPath bounds a path in a message, in bytes: the names of many long includes are no help.
const maxPath = 500

// droppings takes special-purpose space out of the ranges of a source, because no mail of strangers comes from there. It
// notes each SPF term or line that names some.
type droppings struct {
	places  allowlist.Few
	last    *provenance.Path // of the place that was noted last
	overlap bool             // ranges that wholly kept hold special-purpose space
}

// wholly takes out the ranges that lie in special-purpose space, and notes those that have a part in it, too.
func (d *droppings) wholly(ranges allowlist.Ranges) (kept allowlist.Ranges) {
	if !ranges.NameSpecial() {
		return ranges
	}
	special := prefixes.SpecialPurpose()
	for r := range ranges.All() {
		common, overlaps := special.Overlap(r.Prefix)
		if !overlaps {
			kept.Add(r)
			continue
		}
		d.note(r)
		if common != r.Prefix {
			d.overlap = true
			kept.Add(r)
		}
	}
	return kept
}

// partly takes special-purpose space out of the ranges that wholly kept.
func (d *droppings) partly(ranges allowlist.Ranges) (kept allowlist.Ranges) {
	if !d.overlap {
		return ranges
	}
	special := prefixes.SpecialPurpose()
	cut := map[netip.Prefix]bool{} // a list can name ::/0 in every line, and it is hundreds of networks without that space
	for r := range ranges.All() {
		if _, overlaps := special.Overlap(r.Prefix); !overlaps {
			kept.Add(r)
			continue
		}
		if cut[r.Prefix] {
			continue
		}
		cut[r.Prefix] = true
		var network prefixes.List
		network.Add(r.Prefix, 0)
		for p := range network.Minus(special).All() {
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
		return ascii.Printable(r.PathString(), maxPath) + ": special-purpose space is dropped: no mail comes from there"
	})
}

func (d *droppings) problems() []allowlist.Problem {
	return d.places.Report("special", func(more int) string { return fmt.Sprintf("and special-purpose space in %d more places", more) })
}
