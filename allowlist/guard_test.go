package allowlist

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/provenance"
)

func someRanges(prefixes ...string) (ranges Ranges) {
	for _, p := range prefixes {
		ranges.Add(Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of("_spf.example", "ip:"+p)})
	}
	return ranges
}

func TestGuard(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const definition = "sha256:1"
	last := func(prefixes ...string) *Resolved {
		return &Resolved{Name: "x", Definition: definition, Time: now.Add(-time.Hour), Ranges: someRanges(prefixes...)}
	}
	for _, row := range []struct {
		name    string
		limits  func(*Limits)
		guard   Guard
		prev    *Resolved
		next    []string
		err     error
		status  Status
		ranges  []string
		problem []string // the kinds, in order
		text    string   // part of one of them
	}{
		{name: "the first fetch has no earlier state",
			next: []string{"74.125.0.0/16"}, status: Fresh, ranges: []string{"74.125.0.0/16"}},
		{name: "a prefix wider than the limit holds", prev: last("74.125.0.0/16"),
			next: []string{"74.0.0.0/8"}, status: Held, ranges: []string{"74.125.0.0/16"}, problem: []string{"wide", "grow"},
			text: "74.0.0.0/8 is wider than widest_ipv4 = 12"},
		{name: "a wide prefix made of narrow ones is as wide",
			next: []string{"16.0.0.0/12", "16.16.0.0/12"}, status: Held, problem: []string{"wide"}, text: "16.0.0.0/11"},
		{name: "the width is checked before special space is removed",
			next: []string{"10.0.0.0/8", "74.125.0.0/16"}, status: Held, problem: []string{"special", "wide"}},
		{name: "ipv6 has its own width",
			next: []string{"2a00::/27"}, status: Held, problem: []string{"wide"}, text: "widest_ipv6 = 28"},
		{name: "held without a last good state has no ranges",
			next: []string{"74.0.0.0/8"}, status: Held, problem: []string{"wide"}},
		{name: "a shrink to the limit passes", prev: last("74.125.0.0/24", "74.126.0.0/22"),
			limits: func(l *Limits) { l.MaxShrink = 20 },
			next:   []string{"74.126.0.0/22"}, status: Fresh, ranges: []string{"74.126.0.0/22"}},
		{name: "a shrink past the limit holds", prev: last("74.125.0.0/24", "74.126.0.0/22"),
			limits: func(l *Limits) { l.MaxShrink = 19 },
			next:   []string{"74.126.0.0/22"}, status: Held, ranges: []string{"74.125.0.0/24", "74.126.0.0/22"}, problem: []string{"shrink"},
			text: "IPv4 shrinks from 1280 to 1024 addresses, more than max_shrink = 19%"},
		{name: "each family is compared by itself", prev: last("74.125.0.0/16", "2a00:1450:4864::/56"),
			next: []string{"74.125.0.0/16"}, status: Held, ranges: []string{"74.125.0.0/16", "2a00:1450:4864::/56"}, problem: []string{"shrink"}, text: "IPv6"},
		{name: "100% never holds a shrink", prev: last("74.125.0.0/16"),
			limits: func(l *Limits) { l.MaxShrink = 100 },
			next:   []string{"74.125.0.0/30"}, status: Fresh, ranges: []string{"74.125.0.0/30"}},
		{name: "growth to three times passes", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/23", "74.125.2.0/24"}, status: Fresh, ranges: []string{"74.125.0.0/23", "74.125.2.0/24"}},
		{name: "growth past it holds", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/22"}, status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"grow"}},
		{name: "a family that had none may start", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/24", "2a00:1450:4864::/56"}, status: Fresh, ranges: []string{"74.125.0.0/24", "2a00:1450:4864::/56"}},
		{name: "an empty result holds", prev: last("74.125.0.0/24"), status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"empty"}},
		{name: "an empty result that was accepted stays", prev: last(), status: Fresh},
		{name: "an empty first result holds", status: Held, problem: []string{"empty"}},
		{name: "special space is dropped and does not hold",
			next: []string{"127.0.0.1/32", "74.125.0.0/16", "::ffff:0.0.0.0/96"}, status: Fresh, ranges: []string{"74.125.0.0/16"},
			problem: []string{"special", "special"}, text: "_spf.example > ip:127.0.0.1/32: special-purpose"},
		{name: "special space inside a range is cut out",
			next: []string{"192.0.2.0/23"}, status: Fresh, ranges: []string{"192.0.3.0/24"}, problem: []string{"special"}},
		{name: "nothing but special space is an empty result", next: []string{"10.0.0.0/24"}, status: Held, problem: []string{"special", "empty"}},
		{name: "allow_special", limits: func(l *Limits) { l.AllowSpecial = true },
			next: []string{"127.0.0.1/32"}, status: Fresh, ranges: []string{"127.0.0.1/32"}},
		{name: "an administrator's file may name special space", guard: Guard{Static: true},
			next: []string{"10.1.0.0/16"}, status: Fresh, ranges: []string{"10.1.0.0/16"}},
		{name: "an inline list is its owner's word", guard: Guard{Static: true, Unbound: true},
			next: []string{"10.0.0.0/8"}, status: Fresh, ranges: []string{"10.0.0.0/8"}},
		{name: "an edited definition has no earlier state",
			prev: &Resolved{Name: "x", Definition: "sha256:0", Time: now, Ranges: someRanges("74.125.0.0/16")},
			next: []string{"74.125.0.0/30"}, status: Fresh, ranges: []string{"74.125.0.0/30"}},
		{name: "its old ranges stay until it is fetched",
			prev: &Resolved{Name: "x", Definition: "sha256:0", Time: now, Ranges: someRanges("74.125.0.0/16")},
			err:  errors.New("SERVFAIL"), status: Stale, ranges: []string{"74.125.0.0/16"}, problem: []string{"fetch"}, text: "SERVFAIL"},
		{name: "a failed fetch is stale", prev: last("74.125.0.0/24"), err: errors.New("SERVFAIL"),
			status: Stale, ranges: []string{"74.125.0.0/24"}, problem: []string{"fetch"}},
		{name: "a failed first fetch is missing", err: errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch"}},
		{name: "an accepted change does not hold", guard: Guard{Accepted: true}, prev: last("74.125.0.0/24"),
			next: []string{"74.0.0.0/8"}, status: Fresh, ranges: []string{"74.0.0.0/8"}, problem: []string{"accepted", "accepted"}},
		{name: "accepting does not fetch", guard: Guard{Accepted: true}, err: errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch"}},
		{name: "old ranges are a problem",
			prev: &Resolved{Definition: definition, Time: now.AddDate(0, 0, -4), Ranges: someRanges("74.125.0.0/24")},
			err:  errors.New("SERVFAIL"), status: Stale, ranges: []string{"74.125.0.0/24"}, problem: []string{"fetch", "age"}, text: "4 days old"},
		{name: "expired ranges are no longer used",
			limits: func(l *Limits) { l.Expire = 72 * time.Hour },
			prev:   &Resolved{Definition: definition, Time: now.AddDate(0, 0, -4), Ranges: someRanges("74.125.0.0/24")},
			err:    errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch", "expired"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := row.guard
			g.Now, g.Limits = now, DefaultLimits()
			if row.limits != nil {
				row.limits(&g.Limits)
			}
			v := g.Check(row.prev, Fetched{
				Resolved: Resolved{Name: "x", Definition: definition, Time: now, Ranges: someRanges(row.next...)}, Err: row.err})
			if v.Status != row.status {
				t.Errorf("status %s, want %s", v.Status, row.status)
			}
			var ranges, kinds, texts []string
			for p := range v.Ranges.Minimal() {
				ranges = append(ranges, p.String())
			}
			for _, p := range v.Problems {
				kinds, texts = append(kinds, p.Kind), append(texts, p.Text)
			}
			if !slices.Equal(ranges, row.ranges) {
				t.Errorf("ranges %v, want %v", ranges, row.ranges)
			}
			if !slices.Equal(kinds, row.problem) {
				t.Errorf("problems %v, want %v: %q", kinds, row.problem, texts)
			}
			if !strings.Contains(strings.Join(texts, "\n"), row.text) {
				t.Errorf("%q is not in %q", row.text, texts)
			}
		})
	}
}

// TestGuardAges tries ranges as old as a limit, and a second younger and older: only the older ones are a problem.
func TestGuardAges(t *testing.T) {
	const limit = 72 * time.Hour
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name   string
		limits Limits
		kind   string // of the problem past the limit
		past   Status // past the limit
	}{
		{"max_age", Limits{MaxAge: limit}, "age", Stale},
		{"expire", Limits{Expire: limit}, "expired", Missing},
	} {
		for _, over := range []time.Duration{-time.Second, 0, time.Second} {
			prev := &Resolved{Name: "x", Time: now.Add(-limit - over), Ranges: someRanges("74.125.0.0/24")}
			g := Guard{Limits: row.limits, Now: now}
			v := g.Check(prev, Fetched{Resolved: Resolved{Name: "x"}, Err: errors.New("SERVFAIL")})
			status, kinds := Stale, []string{"fetch"}
			if over > 0 {
				status, kinds = row.past, append(kinds, row.kind)
			}
			var got []string
			for _, p := range v.Problems {
				got = append(got, p.Kind)
			}
			if v.Status != status || !slices.Equal(got, kinds) {
				t.Errorf("%s and %v: %s, problems %v; want %s, %v", row.name, over, v.Status, got, status, kinds)
			}
		}
	}
}

func TestSpecialPrefixesParse(t *testing.T) {
	for _, p := range specialPrefixes {
		if prefix, err := netip.ParsePrefix(p); err != nil || prefix != prefix.Masked() {
			t.Errorf("%s: %v", p, err)
		}
	}
}
