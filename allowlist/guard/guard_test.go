package guard

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

func someRanges(prefixes ...string) (ranges allowlist.Ranges) {
	for _, p := range prefixes {
		ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of("_spf.example", "ip:"+p)})
	}
	return ranges
}

func TestGuard(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const definition = "sha256:1"
	last := func(prefixes ...string) *allowlist.Resolved {
		return &allowlist.Resolved{Name: "x", Definition: definition, Time: now.Add(-time.Hour), Ranges: someRanges(prefixes...)}
	}
	for _, row := range []struct {
		name    string
		limits  func(*allowlist.Limits)
		guard   Guard
		prev    *allowlist.Resolved
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
			next: []string{"74.0.0.0/8"}, status: Held, ranges: []string{"74.125.0.0/16"}, problem: []string{"wide", "total", "grow"},
			text: "74.0.0.0/8 is wider than widest_ipv4 = 12"},
		{name: "a wide prefix made of narrow ones is as wide",
			next: []string{"16.0.0.0/12", "16.16.0.0/12"}, status: Held, problem: []string{"wide"}, text: "16.0.0.0/11"},
		{name: "special space is dropped before the width is checked",
			next: []string{"10.0.0.0/8", "74.125.0.0/16"}, status: Fresh, ranges: []string{"74.125.0.0/16"}, problem: []string{"special"}},
		{name: "a wide network with special space in it is wide",
			next: []string{"0.0.0.0/1", "74.125.0.0/16"}, status: Held, problem: []string{"special", "wide", "total"}, text: "0.0.0.0/1 is wider"},
		{name: "ipv6 has its own width",
			next: []string{"2a00::/27"}, status: Held, problem: []string{"wide", "total"}, text: "widest_ipv6 = 28"},
		{name: "held without a last good state has no ranges",
			next: []string{"74.0.0.0/8"}, status: Held, problem: []string{"wide", "total"}},
		{name: "a shrink to the limit passes", prev: last("74.125.0.0/24", "74.126.0.0/22"),
			limits: func(l *allowlist.Limits) { l.MaxShrink = 20 },
			next:   []string{"74.126.0.0/22"}, status: Fresh, ranges: []string{"74.126.0.0/22"}},
		{name: "a shrink past the limit holds", prev: last("74.125.0.0/24", "74.126.0.0/22"),
			limits: func(l *allowlist.Limits) { l.MaxShrink = 19 },
			next:   []string{"74.126.0.0/22"}, status: Held, ranges: []string{"74.125.0.0/24", "74.126.0.0/22"}, problem: []string{"shrink"},
			text: "IPv4: 256 of 1,280 addresses of the last good state are gone (20%), more than max_shrink = 19%"},
		{name: "each family is compared by itself", prev: last("74.125.0.0/16", "2a00:1450:4864::/56"),
			next: []string{"74.125.0.0/16"}, status: Held, ranges: []string{"74.125.0.0/16", "2a00:1450:4864::/56"}, problem: []string{"shrink"}, text: "IPv6"},
		{name: "100% never holds a shrink", prev: last("74.125.0.0/16"),
			limits: func(l *allowlist.Limits) { l.MaxShrink = 100 },
			next:   []string{"74.125.0.0/30"}, status: Fresh, ranges: []string{"74.125.0.0/30"}},
		{name: "growth to three times passes", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/23", "74.125.2.0/24"}, status: Fresh, ranges: []string{"74.125.0.0/23", "74.125.2.0/24"}},
		{name: "growth past it holds", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/22"}, status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"grow"}},
		{name: "a family that had none may start", prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/24", "2a00:1450:4864::/56"}, status: Fresh, ranges: []string{"74.125.0.0/24", "2a00:1450:4864::/56"}},
		{name: "an empty result holds", prev: last("74.125.0.0/24"), status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"empty"}},
		{name: "an empty result that was accepted stays", prev: last(), status: Fresh},
		{name: "an empty result that was accepted of another definition holds",
			prev:   &allowlist.Resolved{Name: "x", Definition: "sha256:0", Time: now},
			status: Held, problem: []string{"empty", "definition"}},
		{name: "an empty first result holds", status: Held, problem: []string{"empty"}},
		{name: "special space is dropped and does not hold",
			next: []string{"127.0.0.1/32", "74.125.0.0/16", "::ffff:0.0.0.0/96"}, status: Fresh, ranges: []string{"74.125.0.0/16"},
			problem: []string{"special", "special"}, text: "_spf.example > ip:127.0.0.1/32: special-purpose"},
		{name: "special space inside a range is cut out",
			next: []string{"192.0.2.0/23"}, status: Fresh, ranges: []string{"192.0.3.0/24"}, problem: []string{"special"}},
		{name: "nothing but special space is an empty result", next: []string{"10.0.0.0/24"}, status: Held, problem: []string{"special", "empty"}},
		{name: "allow_special", limits: func(l *allowlist.Limits) { l.AllowSpecial = true },
			next: []string{"127.0.0.1/32"}, status: Fresh, ranges: []string{"127.0.0.1/32"}},
		{name: "an administrator's file may name special space", guard: Guard{Static: true},
			next: []string{"10.1.0.0/16"}, status: Fresh, ranges: []string{"10.1.0.0/16"}},
		{name: "an inline list is its owner's word", guard: Guard{Static: true, Unbound: true},
			next: []string{"10.0.0.0/8"}, status: Fresh, ranges: []string{"10.0.0.0/8"}},
		{name: "an edited definition has no earlier state",
			prev: &allowlist.Resolved{Name: "x", Definition: "sha256:0", Time: now, Ranges: someRanges("74.125.0.0/16")},
			next: []string{"74.125.0.0/30"}, status: Fresh, ranges: []string{"74.125.0.0/30"}},
		{name: "its old ranges stay until it is fetched",
			prev: &allowlist.Resolved{Name: "x", Definition: "sha256:0", Time: now, Ranges: someRanges("74.125.0.0/16")},
			err:  errors.New("SERVFAIL"), status: Stale, ranges: []string{"74.125.0.0/16"}, problem: []string{"fetch", "definition"}, text: "its earlier definition"},
		{name: "a failed fetch is stale", prev: last("74.125.0.0/24"), err: errors.New("SERVFAIL"),
			status: Stale, ranges: []string{"74.125.0.0/24"}, problem: []string{"fetch"}},
		{name: "a failed first fetch is missing", err: errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch"}},
		{name: "accepting waives growth", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/16"}, status: Fresh, ranges: []string{"74.125.0.0/16"}, problem: []string{"accepted"}},
		{name: "accepting waives a loss", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.125.0.0/24"),
			next: []string{"74.126.0.0/24"}, status: Fresh, ranges: []string{"74.126.0.0/24"}, problem: []string{"accepted"}},
		{name: "accepting waives an empty result", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.125.0.0/24"),
			status: Fresh, problem: []string{"accepted"}},
		{name: "accepting waives no width", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.0.0.0/9"),
			next: []string{"74.0.0.0/11"}, limits: func(l *allowlist.Limits) { l.TotalIPv4 = 0 }, status: Held, ranges: []string{"74.0.0.0/9"},
			problem: []string{"wide", "shrink", "accept"}, text: "never waives a width or a total"},
		{name: "accepting waives no total", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.0.0.0/12"),
			next: []string{"74.0.0.0/12", "74.32.0.0/12", "74.64.0.0/12"}, status: Held, ranges: []string{"74.0.0.0/12"},
			problem: []string{"total", "accept"}, text: "3,145,728 addresses are more than the 2,097,152 of a /11: total_ipv4 = 11"},
		{name: "accepting what was seen", guard: Guard{Accept: Acceptance{true, "f6834336fee9"}}, prev: last("74.125.0.0/24"),
			next: []string{"74.126.0.0/24"}, status: Fresh, ranges: []string{"74.126.0.0/24"}, problem: []string{"accepted"}},
		{name: "accepting something else", guard: Guard{Accept: Acceptance{true, "000000000000"}}, prev: last("74.125.0.0/24"),
			next: []string{"74.126.0.0/24"}, status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"shrink", "accept"},
			text: "--accept names 000000000000, and the source is f6834336fee9 now"},
		{name: "accepting without a hold", guard: Guard{Accept: Acceptance{Given: true}}, prev: last("74.125.0.0/24"),
			next: []string{"74.125.0.0/24"}, status: Fresh, ranges: []string{"74.125.0.0/24"}, problem: []string{"accept"}, text: "it is not held"},
		{name: "every range replaced by another of its size", prev: last("74.125.0.0/16"),
			next: []string{"74.126.0.0/16"}, status: Held, ranges: []string{"74.125.0.0/16"}, problem: []string{"shrink"}, text: "(100%)"},
		{name: "as many addresses as the total", next: []string{"74.0.0.0/12", "74.32.0.0/12"}, status: Fresh, ranges: []string{"74.0.0.0/12", "74.32.0.0/12"}},
		{name: "one more than the total", next: []string{"74.0.0.0/12", "74.32.0.0/12", "75.0.0.0/32"}, status: Held, problem: []string{"total"}},
		{name: "IPv6 has a total too", next: []string{"2a00::/28", "2b00::/128"}, status: Held, problem: []string{"total"}, text: "a /28: total_ipv6 = 28"},
		{name: "a total of 0 binds nothing", limits: func(l *allowlist.Limits) { l.TotalIPv4, l.WidestIPv4 = 0, 0 },
			next: []string{"16.0.0.0/4"}, status: Fresh, ranges: []string{"16.0.0.0/4"}},
		{name: "one address less than the total", limits: func(l *allowlist.Limits) { l.TotalIPv4 = 24 },
			next:   []string{"74.0.0.0/25", "74.0.0.128/26", "74.0.0.192/27", "74.0.0.224/28", "74.0.0.240/29", "74.0.0.248/30", "74.0.0.252/31", "74.0.0.254/32"},
			status: Fresh, ranges: []string{"74.0.0.0/25", "74.0.0.128/26", "74.0.0.192/27", "74.0.0.224/28", "74.0.0.240/29", "74.0.0.248/30", "74.0.0.252/31", "74.0.0.254/32"}},
		{name: "growth to the limit passes", prev: last("74.125.0.0/24"), next: []string{"74.125.0.0/24", "74.125.2.0/23"},
			status: Fresh, ranges: []string{"74.125.0.0/24", "74.125.2.0/23"}},
		{name: "growth by one address more holds", prev: last("74.125.0.0/24"), next: []string{"74.125.0.0/24", "74.125.2.0/23", "74.125.8.0/32"},
			status: Held, ranges: []string{"74.125.0.0/24"}, problem: []string{"grow"}, text: "513 addresses are new beside 256 of the last good state (201%)"},
		{name: "one address is new", prev: last("74.125.0.0/32"), next: []string{"74.125.0.0/31"}, limits: func(l *allowlist.Limits) { l.MaxGrow = 50 },
			status: Held, ranges: []string{"74.125.0.0/32"}, problem: []string{"grow"}, text: "IPv4: 1 address is new beside 1 of the last good state (100%)"},
		{name: "a held source of an edited definition has its old ranges",
			prev: &allowlist.Resolved{Name: "x", Definition: "sha256:0", Time: now, Ranges: someRanges("74.125.0.0/16")},
			next: []string{"74.0.0.0/11"}, status: Held, ranges: []string{"74.125.0.0/16"}, problem: []string{"wide", "definition"}},
		{name: "without a clock nothing is old", guard: Guard{ClockWrong: true}, limits: func(l *allowlist.Limits) { l.Expire = time.Hour },
			prev: &allowlist.Resolved{Definition: definition, Time: now.AddDate(-9, 0, 0), Ranges: someRanges("74.125.0.0/24")},
			err:  errors.New("SERVFAIL"), status: Stale, ranges: []string{"74.125.0.0/24"}, problem: []string{"fetch"}},
		{name: "one host that moves is no loss", prev: last("74.125.0.7/32"), next: []string{"74.125.0.8/32"}, status: Fresh, ranges: []string{"74.125.0.8/32"}},
		{name: "of two hosts one moves", prev: last("74.125.0.7/32", "74.125.9.1/32"), next: []string{"74.125.0.8/32", "74.125.9.1/32"},
			status: Fresh, ranges: []string{"74.125.0.8/32", "74.125.9.1/32"}},
		{name: "two hosts that move are a loss", prev: last("74.125.0.7/32", "74.125.9.1/32"), next: []string{"74.125.0.8/32", "74.125.9.2/32"},
			status: Held, ranges: []string{"74.125.0.7/32", "74.125.9.1/32"}, problem: []string{"shrink"}},
		{name: "two hosts side by side that move are a loss", prev: last("74.125.0.6/31"), next: []string{"74.125.0.8/31"},
			status: Held, ranges: []string{"74.125.0.6/31"}, problem: []string{"shrink"}},
		{name: "a host that goes leaves its family empty", prev: last("74.125.0.7/32", "2a00:1::/64"), next: []string{"2a00:1::/64"},
			status: Held, ranges: []string{"74.125.0.7/32", "2a00:1::/64"}, problem: []string{"shrink"}},
		{name: "a /64 that moves is one host", prev: last("2a00:1:0:1::/64"), next: []string{"2a00:1:0:2::/64"}, status: Fresh, ranges: []string{"2a00:1:0:2::/64"}},
		{name: "a /63 that moves is two", prev: last("2a00:1:0:2::/63"), next: []string{"2a00:1:0:4::/63"}, status: Held,
			ranges: []string{"2a00:1:0:2::/63"}, problem: []string{"shrink"}},
		{name: "narrowing loses no IPv6 network", prev: last("2a00:1000::/36", "2a00:2000::/36"), next: []string{"2a00:1000::/56", "2a00:2000::/56"},
			status: Fresh, ranges: []string{"2a00:1000::/56", "2a00:2000::/56"}},
		{name: "narrowing loses IPv4 addresses", prev: last("74.125.0.0/16"), next: []string{"74.125.0.0/24"}, status: Held,
			ranges: []string{"74.125.0.0/16"}, problem: []string{"shrink"}},
		{name: "accepting does not fetch", guard: Guard{Accept: Acceptance{Given: true}}, err: errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch", "accept"}},
		{name: "old ranges are a problem",
			prev: &allowlist.Resolved{Definition: definition, Time: now.AddDate(0, 0, -4), Ranges: someRanges("74.125.0.0/24")},
			err:  errors.New("SERVFAIL"), status: Stale, ranges: []string{"74.125.0.0/24"}, problem: []string{"fetch", "age"}, text: "4 days old"},
		{name: "expired ranges are no longer used",
			limits: func(l *allowlist.Limits) { l.Expire = 72 * time.Hour },
			prev:   &allowlist.Resolved{Definition: definition, Time: now.AddDate(0, 0, -4), Ranges: someRanges("74.125.0.0/24")},
			err:    errors.New("SERVFAIL"), status: Missing, problem: []string{"fetch", "expired"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := row.guard
			g.Now, g.Limits = now, allowlist.DefaultLimits()
			if row.limits != nil {
				row.limits(&g.Limits)
			}
			v := g.Check(Earlier{Last: row.prev}, allowlist.Fetched{
				Resolved: allowlist.Resolved{Name: "x", Definition: definition, Time: now, Ranges: someRanges(row.next...)}, Err: row.err})
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

// TestGuardAges has ranges as old as a limit, and a second to either side: only what is older is called out, or expired.
func TestGuardAges(t *testing.T) {
	const limit = 72 * time.Hour
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name   string
		limits allowlist.Limits
		kind   string // of the problem past the limit
		past   Status
	}{
		{"max_age", allowlist.Limits{MaxAge: limit}, "age", Stale},
		{"expire", allowlist.Limits{Expire: limit}, "expired", Missing},
	} {
		for _, over := range []time.Duration{-time.Second, 0, time.Second} {
			prev := &allowlist.Resolved{Name: "x", Time: now.Add(-limit - over), Ranges: someRanges("74.125.0.0/24")}
			g := Guard{Limits: row.limits, Now: now}
			v := g.Check(Earlier{Last: prev}, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x"}, Err: errors.New("SERVFAIL")})
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

// What a snapshot has can be old, and so can what a person accepts of it.
func TestGuardAgeOfFresh(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	last := &allowlist.Resolved{Name: "x", Time: now.Add(-99 * time.Hour), Ranges: someRanges("74.125.0.0/24")}
	for _, row := range []struct {
		guard Guard
		next  string
		want  string
	}{
		{Guard{}, "74.125.0.0/24", "age"},
		{Guard{Accept: Acceptance{Given: true}}, "74.126.0.0/24", "accepted age"},
		{Guard{Accept: Acceptance{Given: true}, ClockWrong: true}, "74.126.0.0/24", "accepted"},
		{Guard{Unbound: true}, "74.126.0.0/24", "age"},
	} {
		g := row.guard
		g.Limits, g.Now = allowlist.DefaultLimits(), now
		v := g.Check(Earlier{Last: last}, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Time: now.Add(-98 * time.Hour), Ranges: someRanges(row.next)}})
		var kinds []string
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
		}
		if got := strings.Join(kinds, " "); v.Status != Fresh || got != row.want {
			t.Errorf("%+v: %s, %q, want %q", row.guard, v.Status, got, row.want)
		}
	}
}

// A held source says what it would become, and which limits would have to be raised; any other says neither.
func TestGuardProposed(t *testing.T) {
	last := &allowlist.Resolved{Name: "x", Ranges: someRanges("74.125.0.0/24", "2a00:1::/32")}
	for _, row := range []struct {
		next, came, gone []string
		raise            []string
		digest           string
	}{
		// printf '74.125.1.0/24\n2a00:1::/33\n' | sha256sum
		{next: []string{"74.125.1.0/24", "2a00:1::/33"}, came: []string{"74.125.1.0/24"}, gone: []string{"74.125.0.0/24", "2a00:1:8000::/33"}, digest: "24ed1b265668"},
		// printf '80.64.0.0/10\n' | sha256sum
		{next: []string{"80.96.0.0/11", "80.64.0.0/11"}, came: []string{"80.64.0.0/10"}, gone: []string{"74.125.0.0/24", "2a00:1::/32"}, digest: "b63e11355cb0",
			raise: []string{"widest_ipv4", "total_ipv4"}},
		{next: []string{"74.125.0.0/24", "2a00:1::/32"}},
	} {
		v := Guard{Limits: allowlist.DefaultLimits()}.Check(Earlier{Last: last}, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Ranges: someRanges(row.next...)}})
		if !slices.Equal(v.Raise, row.raise) || (v.Proposed != nil) != (row.digest != "") {
			t.Fatalf("%q: raise %q, proposed %+v", row.next, v.Raise, v.Proposed)
		}
		if p := v.Proposed; p != nil && (p.Digest != row.digest || fmt.Sprint(p.Came) != fmt.Sprint(row.came) || fmt.Sprint(p.Gone) != fmt.Sprint(row.gone)) {
			t.Errorf("%q: %+v, want %+v", row.next, p, row)
		}
	}
}

// A source of many networks that are too wide takes few lines of a report, and is held all the same.
func TestGuardManyWide(t *testing.T) {
	for _, row := range []struct{ n, want int }{{20, 20}, {21, 21}, {600, 21}} {
		var next []string
		for i := range row.n {
			next = append(next, fmt.Sprintf("2a00:%x::/27", i<<6))
		}
		v := Guard{Limits: allowlist.DefaultLimits()}.Check(Earlier{}, allowlist.Fetched{Resolved: allowlist.Resolved{Ranges: someRanges(next...)}})
		wide := 0
		for _, p := range v.Problems {
			if p.Kind == "wide" {
				wide++
			}
		}
		if v.Status != Held && v.Status != Missing || wide != row.want || !slices.Equal(v.Raise, []string{"widest_ipv6", "total_ipv6"}) {
			t.Errorf("%d: %s, %d problems of width, raise %q", row.n, v.Status, wide, v.Raise)
		}
	}
}

// A change of as many networks as may be told is judged like any other, and one more is held, whichever way it goes and whoever
// accepts it; a file may change by any number.
func TestGuardLongChange(t *testing.T) {
	t.Parallel()
	few := someRanges("16.0.0.0/24")
	many := func(n int) (r allowlist.Ranges) {
		path := provenance.Of("x")
		for i := range n {
			r.Add(allowlist.Range{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{17, byte(i >> 15), byte(i >> 7), byte(i << 1)}), 32), Path: path})
		}
		return r
	}
	scattered := func(n int) (r allowlist.Ranges) { // in 2a00::/32, which needs 96 networks without one address
		for i := range n {
			r.Add(allowlist.Range{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 4: byte(i >> 8), 5: byte(i), 15: 1}), 128), Path: provenance.Of("x")})
		}
		return r
	}
	for _, row := range []struct {
		name       string
		last, next allowlist.Ranges
		guard      Guard
		want       Status
		kinds      string
	}{
		{"one below the bound", few, many(MaxChange - 1), Guard{}, Fresh, ""},
		{"at the bound", few, many(MaxChange), Guard{}, Fresh, ""},
		{"one above", few, many(MaxChange + 1), Guard{}, Held, "change"},
		{"accepted", few, many(MaxChange + 1), Guard{Accept: Acceptance{Given: true}}, Held, "change accept"},
		{"a file", few, many(MaxChange + 1), Guard{Static: true}, Fresh, ""},
		{"as many go", many(MaxChange), few, Guard{}, Fresh, ""},
		{"one more goes", many(MaxChange + 1), few, Guard{}, Held, "change"},
		{"an IPv6 network narrows to a few addresses", someRanges("2a00::/32"), scattered(1000), Guard{}, Fresh, ""},
		{"to many addresses", someRanges("2a00::/32"), scattered(5000), Guard{}, Held, "change"},
		{"many addresses widen to a network", scattered(5000), someRanges("2a00::/32"), Guard{}, Held, "change grow"},
	} {
		g := row.guard
		g.Limits = allowlist.Limits{MaxShrink: 100, MaxGrow: math.MaxInt}
		v := g.Check(Earlier{Last: &allowlist.Resolved{Ranges: row.last}}, allowlist.Fetched{Resolved: allowlist.Resolved{Ranges: row.next}})
		var kinds []string
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
		}
		if v.Status != row.want || strings.Join(kinds, " ") != row.kinds || v.NamesRemedy() != (row.want == Held) {
			t.Errorf("%s: %s, %v", row.name, v.Status, v.Problems)
		}
		if accepted := g.Accept.Given; accepted && !strings.HasPrefix(v.Problems[len(v.Problems)-1].Text, "--accept never waives the length of a change") {
			t.Errorf("%s: %v", row.name, v.Problems)
		}
		if p := v.Proposed; p != nil && max(len(p.Came), len(p.Gone)) > MaxChange+128 {
			t.Errorf("%s: %d came, %d gone", row.name, len(p.Came), len(p.Gone))
		}
	}
}

func TestDays(t *testing.T) {
	for minutes, want := range map[time.Duration]string{60: "1h", 90: "1h30m", 3 * 60: "3 hours", 72 * 60: "3 days", 25_536 * 60: "1,064 days"} {
		if got := days(minutes * time.Minute); got != want {
			t.Errorf("%d minutes: %q, want %q", minutes, got, want)
		}
	}
	for hours, want := range map[time.Duration]string{1: "1h", 3: "3h", 50: "50h", 24: "24 hours", 72: "3 days", 9600: "400 days"} {
		if got := bound(hours * time.Hour); got != want {
			t.Errorf("a bound of %d hours: %q, want %q", hours, got, want)
		}
	}
}
