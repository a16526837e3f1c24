package allowlist

import (
	"fmt"
	"math/big"
	"net/netip"
	"sync"
	"time"

	"go4.org/netipx"
)

// Limits bound what a source may become without a person's word. MaxAge and
// Expire are off at zero; the others always bind.
type Limits struct {
	WidestIPv4, WidestIPv6 int           // shortest prefix length that is believed
	MaxShrink              Percent       // of the addresses of a family; 100 and above never holds
	MaxGrow                Percent       // of the addresses of a family: 200 is up to three times
	MaxAge                 time.Duration // older ranges are called out
	Expire                 time.Duration // older last good ranges are no longer used
	AllowSpecial           bool          // let fetched sources name special-purpose space
}

// Percent is a share in whole percent.
type Percent int

// DefaultLimits are those of a configuration that names none.
func DefaultLimits() Limits {
	return Limits{WidestIPv4: 12, WidestIPv6: 28, MaxShrink: 30, MaxGrow: 200, MaxAge: 72 * time.Hour}
}

// Status is how a source came out of a run.
type Status string

// The four of them. Held and stale sources go on with their last good ranges,
// when they have any.
const (
	Fresh   Status = "fresh"   // fetched now and believed
	Stale   Status = "stale"   // could not be fetched
	Held    Status = "held"    // fetched, and not believed
	Missing Status = "missing" // could not be fetched, and never was
)

// Statuses are the four, from the best to the worst.
func Statuses() [4]Status { return [...]Status{Fresh, Stale, Held, Missing} }

// Verdict is what the guard makes of a source: the ranges to go on with and why.
type Verdict struct {
	Resolved
	Status   Status
	Problems []Problem
}

// Guard judges one source: Check is a function of it and of its arguments alone.
type Guard struct {
	Limits   Limits
	Static   bool // the administrator's own: special-purpose space may stand in it
	Unbound  bool // an inline list is its owner's word: no limit binds it
	Accepted bool // a person waived what would hold it, this once
	Now      time.Time
}

// Check holds what was fetched against the last good state. prev is nil when
// there is none, or none that may still be used.
func (g Guard) Check(prev *Resolved, next Fetched) Verdict {
	v := Verdict{Resolved: next.Resolved, Status: Fresh, Problems: next.Problems}
	if next.Err != nil {
		return g.fallBack(v, prev, Stale, Problem{Kind: "fetch", Text: next.Err.Error()})
	}
	if g.Unbound {
		return g.aged(v)
	}
	// The widths are looked at first, on what the source said: a prefix too wide
	// to be true is not made believable by taking special-purpose space out of it.
	reasons := g.tooWide(v.Ranges)
	if !g.Static && !g.Limits.AllowSpecial {
		var dropped []Problem
		v.Ranges, dropped = dropSpecial(v.Ranges)
		v.Problems = append(v.Problems, dropped...)
	}
	reasons = append(reasons, g.tooDifferent(prev, v.Resolved)...)
	if len(reasons) > 0 && !g.Accepted {
		return g.fallBack(v, prev, Held, reasons...)
	}
	for _, r := range reasons {
		v.Problems = append(v.Problems, Problem{Kind: "accepted", Text: r.Text + "; accepted"})
	}
	return g.aged(v)
}

// fallBack goes on with the last good ranges.
func (g Guard) fallBack(v Verdict, prev *Resolved, status Status, why ...Problem) Verdict {
	v.Status, v.Problems = status, append(v.Problems, why...)
	v.Ranges, v.Time = Ranges{}, time.Time{}
	if prev == nil {
		if status == Stale {
			v.Status = Missing
		}
		return v
	}
	if g.Limits.Expire > 0 && prev.Age(g.Now) > g.Limits.Expire {
		v.Problems = append(v.Problems, Problem{Kind: "expired",
			Text: fmt.Sprintf("the last good ranges are %s old, past expire = %s: they are no longer used", days(prev.Age(g.Now)), days(g.Limits.Expire))})
		if status == Stale {
			v.Status = Missing
		}
		return v
	}
	v.Resolved = *prev
	return g.aged(v)
}

// aged calls out ranges past max_age. A list that is read from the host itself
// is as young as the run.
func (g Guard) aged(v Verdict) Verdict {
	if age := v.Age(g.Now); g.Limits.MaxAge > 0 && age > g.Limits.MaxAge {
		v.Problems = append(v.Problems, Problem{Kind: "age",
			Text: fmt.Sprintf("the ranges are %s old, of %s; max_age is %s", days(age), v.Time.Format(time.DateOnly), days(g.Limits.MaxAge))})
	}
	return v
}

func (g Guard) tooWide(ranges Ranges) []Problem {
	var problems []Problem
	for p := range ranges.fewest().Wider(g.Limits.WidestIPv4, g.Limits.WidestIPv6) {
		limit, family := g.Limits.WidestIPv4, "ipv4"
		if p.Addr().Is6() {
			limit, family = g.Limits.WidestIPv6, "ipv6"
		}
		problems = append(problems, Problem{Kind: "wide", Text: fmt.Sprintf("%s is wider than widest_%s = %d", p, family, limit)})
	}
	return problems
}

// tooDifferent compares family by family. A last good state of another
// definition is nothing to compare with.
func (g Guard) tooDifferent(prev *Resolved, next Resolved) []Problem {
	if next.Ranges.Len() == 0 {
		if prev != nil && prev.Definition == next.Definition && prev.Ranges.Len() == 0 {
			return nil // a person has accepted that there is nothing
		}
		return []Problem{{Kind: "empty", Text: "not one address is left in it"}}
	}
	if prev == nil || prev.Definition != next.Definition {
		return nil
	}
	had, has := CountAddresses(prev.Ranges.Minimal()), CountAddresses(next.Ranges.Minimal())
	problems := g.compare("IPv4", new(big.Int).SetUint64(had.IPv4), new(big.Int).SetUint64(has.IPv4))
	return append(problems, g.compare("IPv6", had.IPv6, has.IPv6)...)
}

func (g Guard) compare(family string, had, has *big.Int) []Problem {
	if had.Sign() == 0 {
		return nil // a family that had none may start
	}
	percent := func(p Percent) *big.Int { return new(big.Int).Mul(had, big.NewInt(int64(p))) }
	change := new(big.Int).Sub(has, had)
	change.Mul(change, big.NewInt(100))
	switch {
	case g.Limits.MaxShrink < 100 && new(big.Int).Neg(change).Cmp(percent(g.Limits.MaxShrink)) > 0:
		return []Problem{{Kind: "shrink",
			Text: fmt.Sprintf("%s shrinks from %s to %s addresses, more than max_shrink = %d%%", family, had, has, g.Limits.MaxShrink)}}
	case change.Cmp(percent(g.Limits.MaxGrow)) > 0:
		return []Problem{{Kind: "grow",
			Text: fmt.Sprintf("%s grows from %s to %s addresses, more than max_grow = %d%%", family, had, has, g.Limits.MaxGrow)}}
	}
	return nil
}

// maxSpecialTold bounds the terms or lines that are told of one by one.
const maxSpecialTold = 20

// dropSpecial takes special-purpose space out of ranges: no mail of strangers
// comes from there. It tells of each term or line that named some, as it stands
// in the source.
func dropSpecial(ranges Ranges) (kept Ranges, dropped []Problem) {
	special := specialSet()
	told := map[string]bool{}
	for r := range ranges.All() {
		if !special.OverlapsPrefix(r.Prefix) {
			kept.Add(r)
			continue
		}
		if at := r.PathString(); !told[at] {
			told[at] = true
			if len(told) <= maxSpecialTold {
				dropped = append(dropped, Problem{Kind: "special",
					Text: at + ": special-purpose space in it is dropped: it can be no sender's address"})
			}
		}
		var b netipx.IPSetBuilder
		b.AddPrefix(r.Prefix)
		b.RemoveSet(special)
		for _, p := range mustSet(&b).Prefixes() {
			kept.Add(Range{Prefix: p, Path: r.Path})
		}
	}
	if more := len(told) - maxSpecialTold; more > 0 {
		dropped = append(dropped, Problem{Kind: "special", Text: fmt.Sprintf("and special-purpose space in %d more places", more)})
	}
	return kept, dropped
}

// specialPrefixes are the IANA IPv4 and IPv6 Special-Purpose Address Registries
// (RFC 6890 and its updates, as of 2025), with the multicast and the deprecated
// site-local blocks that no unicast sender has either.
var specialPrefixes = [...]string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
}

var specialSet = sync.OnceValue(func() *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range specialPrefixes {
		b.AddPrefix(netip.MustParsePrefix(p))
	}
	return mustSet(&b)
})

// mustSet builds a set of parts that are valid by construction: every prefix in
// this package was parsed and masked when it was read.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("allowlist: an invalid prefix reached the set: " + err.Error())
	}
	return set
}

// days writes a duration as people speak of ages.
func days(d time.Duration) string {
	switch h := int(d.Hours()); {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h >= 1:
		return fmt.Sprintf("%d hours", h)
	}
	return d.Round(time.Second).String()
}
