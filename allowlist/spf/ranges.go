package spf

import (
	"fmt"
	"net/netip"
	"slices"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// piece holds the addresses that one listable term passes.
type piece struct {
	record string // the domain whose record holds the term
	term   string
	path   *provenance.Path
	pass   set
}

// attribute divides listed, the addresses that listable terms can pass, among the first terms that pass them.
func (e *evaluation) attribute(listed set) []piece {
	var pieces []piece
	e.divide(e.zone.domain, slices.Clone(listed), provenance.Of(e.zone.domain), &pieces)
	return pieces
}

// divide divides s among the terms of domain's record, and uses s up. Each address has its term there, so divide follows
// no more paths than there are pieces.
func (e *evaluation) divide(domain string, s set, path *provenance.Path, pieces *[]piece) {
	v := e.visits[domain]
	for _, i := range v.policy.rec.order {
		t := v.policy.rec.Terms[i]
		if len(s) == 0 || t.Qualifier != '+' || len(v.matched[i]) == 0 {
			continue
		}
		if !e.spend(len(v.matched[i]) + len(s)/64) {
			return
		}
		part := s.takeAll(v.matched[i])
		if len(part) == 0 {
			continue
		}
		here := path.Then(t.Text)
		if t.Mechanism != Include && t.Mechanism != Redirect {
			*pieces = append(*pieces, piece{domain, t.Text, here, part})
			continue
		}
		for _, to := range e.zone.targets(domain, t, part) {
			if len(to.reach) > 0 {
				e.divide(to.name, slices.Clone(to.reach), here, pieces)
			}
		}
	}
}

// ranges returns the parts of pieces that pass for certain, unless they are more prefixes than Limits.Ranges. It reports the
// size of the rest, and the first term that has some of it.
func (e *evaluation) ranges(pieces []piece, certain set) (out []Range) {
	count, most := 0, e.zone.lim.Ranges
	var uncertain set
	var first piece
	left := slices.Clone(certain)
	for _, p := range pieces {
		pass := left.takeAll(p.pass)
		if count += pass.countPrefixes(most - count); count > most {
			e.end(PermError, KindLimit, "it passes more than %s prefixes, our limit (Ranges): none is listed", ascii.Count(most))
		}
		if !e.spend(len(p.pass) + len(left)/64) {
			return nil
		}
		if len(pass) > 0 {
			out = append(out, Range{pass.prefixes(), p.path})
		}
		if rest := p.pass.minus(pass); len(rest) > 0 {
			if len(uncertain) == 0 {
				first = p
			}
			uncertain = append(uncertain, rest...)
		}
	}
	if len(uncertain) > 0 {
		e.problems.add(KindUncertain, first.record, first.term,
			"%s would pass from this term on, but an earlier term that cannot be listed may stop them: they are left out",
			size(normal(uncertain)))
	}
	return out
}

// size describes how large a set is: 512 IPv4 addresses, 2 IPv6 prefixes (/32 to /48).
func size(s set) string {
	var text string
	if four := s.of(v4); len(four) > 0 {
		n := uint64(0)
		for _, r := range four {
			from, to := r.From().As4(), r.To().As4()
			n += uint64(bigEndian(to)) - uint64(bigEndian(from)) + 1
		}
		text = plural(n, "IPv4 address", "IPv4 addresses")
	}
	if six := s.of(v6); len(six) > 0 {
		count, widest, narrowest := 0, 128, 0
		var some []netip.Prefix // of one range: a set can have millions
		for _, r := range six {
			some = r.AppendPrefixes(some[:0])
			for _, p := range some {
				widest, narrowest = min(widest, p.Bits()), max(narrowest, p.Bits())
			}
			count += len(some)
		}
		if text != "" {
			text += ", "
		}
		text += plural(uint64(count), "IPv6 prefix", "IPv6 prefixes") + fmt.Sprintf(" (/%d", widest)
		if widest < narrowest {
			text += fmt.Sprintf(" to /%d", narrowest)
		}
		text += ")"
	}
	if text == "" {
		return "nothing"
	}
	return text
}

func bigEndian(b [4]byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return ascii.Count(n) + " " + many
}
