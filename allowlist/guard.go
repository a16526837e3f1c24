package allowlist

import (
	"fmt"
	"math/big"
	"net/netip"
	"sync"
	"time"

	"go4.org/netipx"

	"mailallow/allowlist/provenance"
)

// Limits bound how a source may change before a person accepts the change.
// MaxAge and Expire are off at zero; the others always bind.
type Limits struct {
	WidestIPv4, WidestIPv6 int           // shortest prefix length that is accepted
	MaxShrink              Percent       // addresses a family may lose; 100 and more switches the limit off
	MaxGrow                Percent       // addresses a family may gain; 200 allows three times as many
	MaxAge                 time.Duration // ranges that are older are a problem "age"
	Expire                 time.Duration // last good ranges that are older are not used
	AllowSpecial           bool          // fetched sources may name special-purpose space
}

// Percent is a share in whole percent.
type Percent int

// DefaultLimits gives the limits of a configuration that sets none.
func DefaultLimits() Limits {
	return Limits{WidestIPv4: 12, WidestIPv6: 28, MaxShrink: 30, MaxGrow: 200, MaxAge: 72 * time.Hour}
}

// Status is the result of one run for a source.
type Status string

// Held and stale sources keep their last good ranges, if they have any.
const (
	Fresh   Status = "fresh"   // the run fetched it and the guard accepted it
	Stale   Status = "stale"   // the fetch failed
	Held    Status = "held"    // the run fetched it and the guard refused it
	Missing Status = "missing" // the fetch failed, and there are no last good ranges
)

// Statuses gives all four, from the best to the worst.
func Statuses() [4]Status { return [...]Status{Fresh, Stale, Held, Missing} }

// Verdict holds the ranges that the list takes from a source, and the reasons.
type Verdict struct {
	Resolved
	Status   Status
	Problems []Problem
}

// Guard decides whether the new ranges of one source replace its last good ones.
// Check depends on nothing but the guard and its arguments.
type Guard struct {
	Limits   Limits
	Static   bool // Source.Static: special-purpose space is allowed
	Unbound  bool // Source.Inline: no limit but MaxAge binds
	Accepted bool // a person accepted this change, for this run
	Now      time.Time
}

// Check compares the fetched ranges with the last good state. prev is nil if
// the source has no last good state. Check never fails: after a fetch error, and
// past a limit, the verdict has the ranges of prev, or none.
func (g Guard) Check(prev *Resolved, next Fetched) Verdict {
	v := Verdict{Resolved: next.Resolved, Status: Fresh, Problems: next.Problems}
	if next.Err != nil {
		return g.fallBack(v, prev, Stale, Problem{Kind: "fetch", Text: next.Err.Error()})
	}
	if g.Unbound {
		return g.aged(v)
	}
	// The widths come first: a prefix that is too wide stays wrong after special-purpose
	// space is removed from it.
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

// fallBack takes the last good ranges in place of the fetched ones.
func (g Guard) fallBack(v Verdict, prev *Resolved, status Status, reasons ...Problem) Verdict {
	v.Status, v.Problems = status, append(v.Problems, reasons...)
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

// aged adds a problem if the ranges are older than max_age.
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

// tooDifferent compares each family by itself. A last good state of another
// definition says nothing about the new ranges, so it is not compared.
func (g Guard) tooDifferent(prev *Resolved, next Resolved) []Problem {
	if next.Ranges.Len() == 0 {
		if prev != nil && prev.Definition == next.Definition && prev.Ranges.Len() == 0 {
			return nil // a person has accepted the empty source before
		}
		return []Problem{{Kind: "empty", Text: "not one address is left in it"}}
	}
	if prev == nil || prev.Definition != next.Definition {
		return nil
	}
	before, after := CountAddresses(prev.Ranges.Minimal()), CountAddresses(next.Ranges.Minimal())
	problems := g.compare("IPv4", new(big.Int).SetUint64(before.IPv4), new(big.Int).SetUint64(after.IPv4))
	return append(problems, g.compare("IPv6", before.IPv6, after.IPv6)...)
}

func (g Guard) compare(family string, before, after *big.Int) []Problem {
	if before.Sign() == 0 {
		return nil // every share of nothing is nothing: a family may start at any size
	}
	percent := func(p Percent) *big.Int { return new(big.Int).Mul(before, big.NewInt(int64(p))) }
	change := new(big.Int).Sub(after, before)
	change.Mul(change, big.NewInt(100))
	switch {
	case g.Limits.MaxShrink < 100 && new(big.Int).Neg(change).Cmp(percent(g.Limits.MaxShrink)) > 0:
		return []Problem{{Kind: "shrink",
			Text: fmt.Sprintf("%s shrinks from %s to %s addresses, more than max_shrink = %d%%", family, before, after, g.Limits.MaxShrink)}}
	case change.Cmp(percent(g.Limits.MaxGrow)) > 0:
		return []Problem{{Kind: "grow",
			Text: fmt.Sprintf("%s grows from %s to %s addresses, more than max_grow = %d%%", family, before, after, g.Limits.MaxGrow)}}
	}
	return nil
}

// maxSpecialReports bounds the problems of one source; the rest is a count.
const maxSpecialReports = 20

// dropSpecial removes special-purpose space from ranges, because no mail of
// strangers comes from there. It reports each SPF term or line that named some.
func dropSpecial(ranges Ranges) (kept Ranges, dropped []Problem) {
	special := specialSet()
	var last *provenance.Path // of the ranges that named some
	places := 0
	for r := range ranges.All() {
		if !special.OverlapsPrefix(r.Prefix) {
			kept.Add(r)
			continue
		}
		if r.Path.Compare(last) != 0 {
			last = r.Path
			if places++; places <= maxSpecialReports {
				dropped = append(dropped, Problem{Kind: "special",
					Text: r.PathString() + ": special-purpose space is dropped: no mail comes from there"})
			}
		}
		var b netipx.IPSetBuilder
		b.AddPrefix(r.Prefix)
		b.RemoveSet(special)
		for _, p := range mustSet(&b).Prefixes() {
			kept.Add(Range{Prefix: p, Path: r.Path})
		}
	}
	if more := places - maxSpecialReports; more > 0 {
		dropped = append(dropped, Problem{Kind: "special", Text: fmt.Sprintf("and special-purpose space in %d more places", more)})
	}
	return kept, dropped
}

// specialPrefixes are the IANA IPv4 and IPv6 Special-Purpose Address Registries
// (RFC 6890 and its updates, as of 2025), and two blocks that no sender uses
// either: multicast, and the deprecated site-local addresses.
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

// mustSet builds a set. It panics on an invalid prefix, which is a fault of this
// package: readers parse and mask every prefix.
func mustSet(b *netipx.IPSetBuilder) *netipx.IPSet {
	set, err := b.IPSet()
	if err != nil {
		panic("allowlist: an invalid prefix reached the set: " + err.Error())
	}
	return set
}

// days gives an age in days from two days on, in hours from one hour on, else in seconds.
func days(d time.Duration) string {
	switch h := int(d.Hours()); {
	case h >= 48:
		return fmt.Sprintf("%d days", h/24)
	case h >= 1:
		return fmt.Sprintf("%d hours", h)
	}
	return d.Round(time.Second).String()
}
