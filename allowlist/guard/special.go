package guard

import (
	"net/netip"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// maxPath bounds a path in a message, in bytes: the names of many long includes are no help.
const maxPath = 500

// withoutSpecial takes special-purpose space out of the ranges of a source, because no mail of strangers comes from there. It
// notes each SPF term or line that names some. dropContained comes first, then cutOverlaps.
type withoutSpecial struct {
	places  allowlist.Few
	last    *provenance.Path // of the place that was noted last
	overlap bool             // dropContained kept ranges with a part in special-purpose space
}

// dropContained drops the ranges that lie in special-purpose space. It notes these, and those with a part in it.
func (s *withoutSpecial) dropContained(ranges allowlist.Ranges) (kept allowlist.Ranges) {
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
		s.note(r)
		if common != r.Prefix {
			s.overlap = true
			kept.Add(r)
		}
	}
	return kept
}

// cutOverlaps cuts special-purpose space out of the ranges that dropContained kept.
func (s *withoutSpecial) cutOverlaps(ranges allowlist.Ranges) (kept allowlist.Ranges) {
	if !s.overlap {
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

func (s *withoutSpecial) note(r allowlist.Range) {
	if r.Path.Compare(s.last) == 0 {
		return
	}
	s.last = r.Path
	s.places.Add("special", func() string {
		return ascii.Shown(r.PathString(), maxPath) + ": special-purpose space is dropped: no mail of strangers comes from there; write networks of your own into cidr"
	})
}

func (s *withoutSpecial) problems() []allowlist.Problem {
	return s.places.Report("special", func(more int) string { return "and special-purpose space in " + ascii.Count(more) + " more places" })
}
