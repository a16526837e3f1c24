// Package guard decides whether the new ranges of a source replace its last good ones. It compares sets of addresses: with
// fixed widths and totals, and with every state of the source that was in force within a window (Earlier). Between runs these
// states are in a Memory. It reads no clock and no file.
package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/prefixes"
)

// Status is the result of one run for a source.
type Status string

// Held and stale sources keep their last good ranges, if they have any.
const (
	Fresh   Status = "fresh"   // the run fetched it and the guard accepted it
	Stale   Status = "stale"   // the fetch failed
	Held    Status = "held"    // the run fetched it and the guard refused it
	Missing Status = "missing" // the fetch failed, and there are no last good ranges
	Ended   Status = "ended"   // its last day is over: it was not fetched, and has no ranges
)

// Kinds of problems that no acceptance ends. To change a limit ends the last two.
const (
	kindKeys   = "keys"
	kindChange = "change"
	kindFuture = "future"
	kindWide   = "wide"
	kindTotal  = "total"
)

// kindOlder is of ranges from before those in force.
const kindOlder = "older"

// KindAge is of ranges that are past max_age.
const KindAge = "age"

// futureSlack is how far in the future the time of ranges may be: the clocks of two hosts differ by minutes.
const futureSlack = time.Hour

// MaxChange bounds the networks that come to a published source and go from it at once. An IPv6 network with single addresses
// taken out is some sixty times as many networks, which update would list; two lists of the longest kind are fewer than this.
const MaxChange = 250_000

// Statuses gives all, from the best to the worst; Ended is last and is no fault.
func Statuses() [5]Status { return [...]Status{Fresh, Stale, Held, Missing, Ended} }

// Verdict holds the ranges that the list takes from a source, and the reasons.
type Verdict struct {
	allowlist.Resolved
	Status   Status
	Problems []allowlist.Problem
	Proposed *Proposed // of a held source, else nil
	Raise    []string  // the keys of the limits that a held source is past and that no acceptance waives
	Accepted bool      // it would be held without an acceptance: the window begins anew
	Taken    bool      // the fetched ranges passed: they are the next last good state, whatever Status says of their source
}

// Acceptance is a person's consent to the next state of a source, for one run.
type Acceptance struct {
	Given  bool
	Digest string // of the state that the person saw, as Proposed has it; empty: whatever comes
}

func (a Acceptance) covers(p Proposed) bool {
	return a.Given && (a.Digest == "" || a.Digest == p.Digest)
}

// Guard decides whether the new ranges of one source replace its last good ones. Check depends on nothing but the guard and
// its arguments.
type Guard struct {
	Limits     allowlist.Limits
	Static     bool // Source.Static: special-purpose space is allowed
	Unbound    bool // Source.Inline: no limit but MaxAge binds
	ByName     bool // the source has host names, and a few addresses of it are judged by these: see few
	Accept     Acceptance
	Written    time.Time // of the snapshot that the ranges come from; zero: they come from none
	Older      string    // why the ranges are from before those in force, if they differ; empty: they are not
	Now        time.Time
	ClockWrong bool // no age is known: nothing expires, and nothing is a problem for its age
}

// Check compares the fetched ranges with the limits and with the earlier states of the source. It never fails: after a fetch
// error, and past a limit, the verdict has the last good ranges, or none.
func (g Guard) Check(earlier Earlier, next allowlist.Fetched) Verdict {
	v := Verdict{Resolved: next.Resolved, Status: Fresh, Problems: next.Problems, Taken: true}
	if next.Err != nil {
		v = g.fallBack(v, earlier.Last, Stale, allowlist.Problem{Kind: "fetch", Text: next.Err.Error()})
		return g.notHeld(v)
	}
	if g.Unbound {
		return g.aged(g.notHeld(v))
	}
	var special withoutSpecial
	if !g.Static && !g.Limits.AllowSpecial {
		v.Ranges = special.dropContained(v.Ranges)
	}
	// The widths come before the rest of special-purpose space is dropped: a network that is too wide is no narrower for it.
	lasting := g.tooWide(&v)
	v.Ranges = special.cutOverlaps(v.Ranges)
	v.Problems = append(v.Problems, special.problems()...)
	lasting = append(lasting, g.tooMany(&v)...)
	if !g.Static {
		lasting = append(lasting, tooLong(earlier.Last, v.Resolved)...)
	}
	lasting = append(lasting, g.future(latest(v.Time, g.Written))...)
	once := append(g.older(earlier, &v), g.tooDifferent(earlier, v.Resolved)...)
	if len(lasting)+len(once) == 0 {
		return g.aged(g.notHeld(v))
	}
	proposed := propose(earlier.Last, v.Resolved)
	if len(lasting) == 0 && g.Accept.covers(proposed) {
		for _, p := range once {
			v.Problems = append(v.Problems, allowlist.Problem{Kind: "accepted", Text: p.Text + "; accepted"})
		}
		v.Accepted = true
		return g.aged(v)
	}
	if last := len(once) - 1; len(lasting) == 0 && len(proposed.Came) == 0 && once[last].Kind != "grow" && once[last].Kind != kindOlder {
		once[last].Text += "; a list that was emptied or cut by mistake is often whole again within hours"
	}
	v.Proposed = &proposed
	v = g.fallBack(v, earlier.Last, Held, append(lasting, once...)...)
	return g.notAccepted(v)
}

// without leaves out the problems of some kinds.
func without(problems []allowlist.Problem, kinds ...string) (others []allowlist.Problem) {
	for _, p := range problems {
		if !slices.Contains(kinds, p.Kind) {
			others = append(others, p)
		}
	}
	return others
}

// HoldForKeys gives the verdict on a source whose accepted ranges need more access keys than there may be.
func (g Guard) HoldForKeys(earlier Earlier, v Verdict, reason string) Verdict {
	proposed := propose(earlier.Last, v.Resolved)
	v.Proposed, v.Accepted = &proposed, false
	v.Problems = without(v.Problems, "accept", "accepted")
	if g.Accept.Given {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "accept", Text: "--accept never waives a number of access keys"})
	}
	return g.fallBack(v, earlier.Last, Held, allowlist.Problem{Kind: kindKeys, Text: reason})
}

// NamesRemedy reports whether the source is held for what no acceptance waives and no limit of the guard allows. The problem
// says what to do.
func (v Verdict) NamesRemedy() bool {
	return slices.ContainsFunc(v.Problems, func(p allowlist.Problem) bool {
		return p.Kind == kindKeys || p.Kind == kindChange || p.Kind == kindFuture
	})
}

// Lasting reports whether a source is held for what no acceptance waives.
func (v Verdict) Lasting() bool {
	return v.NamesRemedy() || slices.ContainsFunc(v.Problems, func(p allowlist.Problem) bool { return p.Kind == kindWide || p.Kind == kindTotal })
}

// notHeld says of an acceptance that there is nothing to accept.
func (g Guard) notHeld(v Verdict) Verdict {
	if g.Accept.Given {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "accept", Text: "it is not held: --accept does nothing"})
	}
	return v
}

// notAccepted says why an acceptance does not end a hold.
func (g Guard) notAccepted(v Verdict) Verdict {
	switch {
	case !g.Accept.Given:
	case len(v.Raise) > 0:
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "accept", Text: "--accept never waives a width or a total"})
	case v.NamesRemedy():
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "accept", Text: "--accept never waives the length of a change or a time in the future"})
	default:
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "accept",
			Text: fmt.Sprintf("--accept names %s, and the source is %s now: look again", g.Accept.Digest, v.Proposed.Digest)})
	}
	return v
}

// fallBack takes the last good ranges in place of the fetched ones.
func (g Guard) fallBack(v Verdict, last *allowlist.Resolved, status Status, why ...allowlist.Problem) Verdict {
	definition := v.Definition
	v.Status, v.Problems, v.Taken = status, append(v.Problems, why...), false
	v.Ranges, v.Time = allowlist.Ranges{}, time.Time{}
	if last == nil {
		if status == Stale {
			v.Status = Missing
		}
		return v
	}
	if g.Expired(last) {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "expired",
			Text: fmt.Sprintf("the last good ranges are %s old, past expire = %s: they are no longer used", days(last.Age(g.Now)), bound(g.Limits.Expire))})
		if status == Stale {
			v.Status = Missing
		}
		return v
	}
	if last.Definition != definition {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: "definition",
			Text: "its ranges are those of its earlier definition, until it is fetched once as it is defined now"})
	}
	v.Resolved = *last
	return g.aged(v)
}

// Expired reports whether last good ranges are too old to be used. There may be none.
func (g Guard) Expired(last *allowlist.Resolved) bool {
	return last != nil && !g.ClockWrong && g.Limits.Expire > 0 && last.Age(g.Now) > g.Limits.Expire
}

// aged adds a problem if the ranges are older than max_age.
func (g Guard) aged(v Verdict) Verdict {
	if age := v.Age(g.Now); !g.ClockWrong && g.Limits.MaxAge > 0 && age > g.Limits.MaxAge {
		v.Problems = append(v.Problems, allowlist.Problem{Kind: KindAge,
			Text: fmt.Sprintf("the ranges are %s old, of %s; max_age is %s", days(age), v.Time.Format(time.DateOnly), bound(g.Limits.MaxAge))})
	}
	return v
}

// tooWide compares each network with the widths.
func (g Guard) tooWide(v *Verdict) []allowlist.Problem {
	var wide allowlist.Few
	for p := range v.Ranges.Fewest().Wider(g.Limits.WidestIPv4, g.Limits.WidestIPv6) {
		limit, key := g.Limits.WidestIPv4, "widest_ipv4"
		if p.Addr().Is6() {
			limit, key = g.Limits.WidestIPv6, "widest_ipv6"
		}
		v.raise(key)
		wide.Add(kindWide, func() string { return fmt.Sprintf("%s is wider than %s = %d", p, key, limit) })
	}
	return wide.Report(kindWide, func(more int) string { return "and " + ascii.Count(more) + " more networks are too wide" })
}

// tooMany compares the whole of a source with the totals.
func (g Guard) tooMany(v *Verdict) (problems []allowlist.Problem) {
	for i, f := range families() {
		limit := [...]int{g.Limits.TotalIPv4, g.Limits.TotalIPv6}[i]
		if n, most := f.count(v.Ranges.Fewest()), power(f.bits-limit); n.Cmp(most) > 0 {
			v.raise("total_" + f.key)
			problems = append(problems, allowlist.Problem{Kind: kindTotal, Text: fmt.Sprintf("%s: %s addresses are more than the %s of a /%d: total_%s = %d",
				f.name, addressCount(n), addressCount(most), limit, f.key, limit)})
		}
	}
	return problems
}

// older says that ranges are from before those in force. Where they are the same, the source keeps its later time.
func (g Guard) older(earlier Earlier, v *Verdict) []allowlist.Problem {
	if g.Older == "" || earlier.Last == nil {
		return nil
	}
	if prefixes.Equal(v.Ranges.Fewest(), earlier.Last.Ranges.Fewest()) {
		v.Time = latest(v.Time, earlier.Last.Time)
		return nil
	}
	return []allowlist.Problem{{Kind: kindOlder, Text: g.Older}}
}

// future says that the time of ranges cannot be: they would have no age, and everything later would be older.
func (g Guard) future(at time.Time) []allowlist.Problem {
	if g.ClockWrong || at.Before(g.Now.Add(futureSlack)) {
		return nil
	}
	return []allowlist.Problem{{Kind: kindFuture, Text: fmt.Sprintf("its time is %s, and the clock says %s: that is in the future: set the clock, or take a snapshot with the right time",
		at.UTC().Format(time.RFC3339), g.Now.UTC().Format(time.RFC3339))}}
}

// Carry gives the verdict on a source that another run held, or could not fetch. v is that of Check on the ranges which that run
// kept, an error if it had none.
func (v Verdict) Carry(status Status, reasons []allowlist.Problem, refused *Proposed) Verdict {
	v.Problems = append(slices.Clone(reasons), without(v.Problems, "fetch")...)
	switch {
	case v.Status == Held:
	case status == Held:
		v.Status, v.Proposed = Held, refused
	case v.Status == Fresh:
		v.Status = status
	}
	return v
}

// raise notes the key of a limit that no acceptance waives.
func (v *Verdict) raise(key string) {
	if !slices.Contains(v.Raise, key) {
		v.Raise = append(v.Raise, key)
	}
}

// tooDifferent compares a source, family by family, with every state that was in force within the window. A state of
// another definition says nothing about the new ranges.
func (g Guard) tooDifferent(earlier Earlier, next allowlist.Resolved) (problems []allowlist.Problem) {
	last := earlier.Last
	comparable := last != nil && last.Definition == next.Definition
	if next.Ranges.Len() == 0 {
		if comparable && last.Ranges.Len() == 0 {
			return nil // a person has accepted the empty source before
		}
		return []allowlist.Problem{{Kind: "empty", Text: "not one address is left in it"}}
	}
	now := next.Ranges.Fewest()
	if !comparable || prefixes.Equal(now, last.Ranges.Fewest()) {
		return nil // an equal state was compared with every earlier one when it came into force
	}
	var gone, come [2]difference // the largest of each family
	states := earlier.inForce(g.Limits.Window, g.Now)
	for s := range states {
		for i, f := range families() {
			had, has := f.count(s.networks), f.count(now)
			if had.Sign() == 0 {
				continue // a family that had none may start
			}
			lost, found := f.gone(s.networks, now), f.countWithout(now, s.networks)
			if g.few(had, has) {
				lost, found = fewer(had, has), more(had, has)
			}
			gone[i] = gone[i].larger(difference{lost, had, s.when()})
			come[i] = come[i].larger(difference{found, had, s.when()})
		}
	}
	for i, f := range families() {
		moved := g.moved(f, last.Ranges, now)
		switch {
		case gone[i].past(g.Limits.MaxShrink) && !f.oneHostMoved(states, now):
			problems = append(problems, allowlist.Problem{Kind: "shrink", Text: fmt.Sprintf("%s: %s of %s addresses of %s are gone (%s), more than max_shrink = %d%%",
				f.name, addressCount(gone[i].part), addressCount(gone[i].of), gone[i].when, gone[i].percent(), g.Limits.MaxShrink)})
		case moved.past(g.Limits.MaxShrink):
			problems = append(problems, allowlist.Problem{Kind: "shrink", Text: fmt.Sprintf("%s: %s of %s names have no address any more that they had in %s (%s), more than max_shrink = %d%%",
				f.name, addressCount(moved.part), addressCount(moved.of), moved.when, moved.percent(), g.Limits.MaxShrink)})
		}
		if come[i].past(g.Limits.MaxGrow) {
			problems = append(problems, allowlist.Problem{Kind: "grow", Text: fmt.Sprintf("%s: %s new beside %s of %s (%s), more than max_grow = %d%%",
				f.name, addressesAre(come[i].part), addressCount(come[i].of), come[i].when, come[i].percent(), g.Limits.MaxGrow)})
		}
	}
	return problems
}

// Proposed is what a held source would become.
type Proposed struct {
	Digest        string // of its ranges: see digestOf
	Ranges        int    // the fewest networks
	IPv4Addresses uint64
	Came, Gone    []netip.Prefix // every address, against the last good state; the fewest networks, never nil; MaxChange at most
}

// propose compares a source with its last good state.
func propose(last *allowlist.Resolved, next allowlist.Resolved) Proposed {
	came, gone, _ := change(last, next)
	return Proposed{Digest: digestOf(next.Ranges.Fewest()), Ranges: next.Ranges.Fewest().Len(),
		IPv4Addresses: allowlist.CountAddresses(next.Ranges.Minimal()).IPv4, Came: networksOf(came), Gone: networksOf(gone)}
}

// change gives the networks that come and go, up to MaxChange of each; ok is false if there are more.
func change(last *allowlist.Resolved, next allowlist.Resolved) (came, gone prefixes.List, ok bool) {
	now := next.Ranges.Fewest()
	var before prefixes.List
	if last != nil {
		before = last.Ranges.Fewest()
	}
	came, allCame := now.MinusUpTo(before, MaxChange)
	gone, allGone := before.MinusUpTo(now, MaxChange)
	return came, gone, allCame && allGone
}

// tooLong compares the length of a change with its bound.
func tooLong(last *allowlist.Resolved, next allowlist.Resolved) []allowlist.Problem {
	if _, _, ok := change(last, next); ok {
		return nil
	}
	return []allowlist.Problem{{Kind: kindChange, Text: fmt.Sprintf(
		"more than %s networks come or go at once, which is more than a source may have: if that is right, take it out for one update, and in again", ascii.Count(MaxChange))}}
}

// days gives an age in days from two days on, in hours from two hours on, else to the second.
func days(d time.Duration) string {
	switch h := int(d.Hours()); {
	case h >= 48:
		return ascii.Count(h/24) + " days"
	case h >= 2:
		return fmt.Sprintf("%d hours", h)
	}
	return ascii.Duration(d.Round(time.Second))
}

// bound gives a bound on an age in days, too, but exactly: that of 50 hours is no bound of two days.
func bound(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return days(d)
	}
	return ascii.Duration(d)
}
