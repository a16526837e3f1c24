package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/allowlist/provenance"
)

// life is a source from run to run, as update keeps it.
type life struct {
	limits  allowlist.Limits
	earlier Earlier
	now     time.Time
	byName  bool
	wrong   bool // the clock is known to be
}

func newLife() *life {
	return &life{limits: allowlist.DefaultLimits(), now: time.Date(2026, 11, 1, 0, 30, 0, 0, time.UTC)}
}

// publish is one run: the source says these networks, and a person may have accepted them.
func (l *life) publish(accept bool, networks ...string) Verdict {
	return l.run(someRanges(networks...), accept)
}

func (l *life) run(ranges allowlist.Ranges, accept bool) Verdict {
	g := Guard{Limits: l.limits, Now: l.now, ClockWrong: l.wrong, Accept: Acceptance{Given: accept}, ByName: l.byName}
	if l.earlier.Last != nil {
		l.earlier = l.earlier.at(l.now)
	}
	v := g.Check(l.earlier, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Definition: "sha256:1", Time: l.now, Ranges: ranges}})
	if !v.Time.IsZero() {
		l.earlier = g.After(l.earlier, v)
	}
	return v
}

// inForce is the number of IPv4 addresses of the last good state.
func (l *life) inForce() uint64 {
	return allowlist.CountAddresses(l.earlier.Last.Ranges.Minimal()).IPv4
}

// A list that grows threefold every hour is held once it has grown threefold, however long it goes on.
func TestWindowGrowth(t *testing.T) {
	l := newLife()
	l.limits.TotalIPv4, l.limits.WidestIPv4 = 0, 0
	for hour := range 24 * 29 {
		bits := max(4, 24-hour)
		l.publish(false, fmt.Sprintf("74.0.0.0/%d", bits))
		l.now = l.now.Add(time.Hour)
	}
	if n := l.inForce(); n > 3*256 {
		t.Errorf("%d addresses after a month, from 256", n)
	}
}

// A list that loses a quarter an hour is held before it has lost a third.
func TestWindowShrink(t *testing.T) {
	l := newLife()
	var networks []string
	for i := range 384 {
		networks = append(networks, fmt.Sprintf("74.%d.%d.0/24", i>>8, i&255))
	}
	l.publish(false, networks...)
	for range 24 * 29 {
		l.now = l.now.Add(time.Hour)
		if v := l.publish(false, networks[:len(networks)*3/4]...); v.Status == Fresh && len(networks) > 4 {
			networks = networks[:len(networks)*3/4]
		}
	}
	if n := l.inForce(); n < 98304*7/10 {
		t.Errorf("%d of 98,304 addresses are left after a month", n)
	}
}

// Ranges that are replaced by others of their size, a quarter a day, are held before a third is gone.
func TestWindowReplaced(t *testing.T) {
	l := newLife()
	at := func(first int) (networks []string) {
		for i := range 8 {
			networks = append(networks, fmt.Sprintf("74.125.%d.0/24", first+i))
		}
		return networks
	}
	l.publish(false, at(0)...)
	first := 0
	for range 29 {
		l.now = l.now.Add(24 * time.Hour)
		if v := l.publish(false, at(first+2)...); v.Status == Fresh {
			first += 2
		}
	}
	if first > 2 {
		t.Errorf("after a month the list has moved by %d of 8 networks", first)
	}
}

// A state that has not changed for two months was in force a moment ago, and one that was left a window ago binds no more.
func TestWindowForgets(t *testing.T) {
	l := newLife()
	l.publish(false, "74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24", "74.0.3.0/24")
	l.now = l.now.AddDate(0, 2, 0)
	if v := l.publish(false, "74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24"); v.Status != Fresh {
		t.Fatalf("a quarter less: %v", v.Problems)
	}
	l.now = l.now.Add(30 * 24 * time.Hour)
	for _, over := range []time.Duration{0, time.Second} {
		g := Guard{Limits: l.limits, Now: l.now.Add(over)}
		g.Limits.MaxShrink = 34
		v := g.Check(l.earlier, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Definition: "sha256:1", Ranges: someRanges("74.0.0.0/24", "74.0.1.0/24")}})
		if held := v.Status == Held; held != (over == 0) {
			t.Errorf("%v past the window: %s, %v", over, v.Status, v.Problems)
		}
	}
}

// A host that moves is missing of every state that had it, and is one host all the same.
func TestWindowHostOfTwoStates(t *testing.T) {
	l := newLife()
	for _, networks := range [][]string{
		{"74.0.0.1/32", "74.0.9.9/32"}, {"74.0.0.1/32", "74.0.9.9/32", "74.0.8.8/32"}, {"74.0.0.2/32", "74.0.9.9/32", "74.0.8.8/32"},
	} {
		if v := l.publish(false, networks...); v.Status != Fresh {
			t.Errorf("%q: %v", networks, v.Problems)
		}
		l.now = l.now.Add(24 * time.Hour)
	}
}

// A state is remembered for a window after it was replaced, and no longer; of a source that is defined otherwise none is.
func TestWindowRemembers(t *testing.T) {
	for _, over := range []time.Duration{-time.Second, 0, time.Second} {
		l := newLife()
		l.publish(false, "74.0.0.0/24")
		l.publish(false, "74.0.0.0/24", "74.0.1.0/24")
		l.now = l.now.Add(l.limits.Window + over)
		l.publish(false, "74.0.0.0/24", "74.0.1.0/24")
		if remembered := len(l.earlier.Past) == 1; remembered != (over <= 0) {
			t.Errorf("%v past the window: %+v", over, l.earlier.Past)
		}
	}
	l := newLife()
	l.publish(false, "74.0.0.0/24")
	l.publish(false, "74.0.0.0/24", "74.0.1.0/24")
	g := Guard{Limits: l.limits, Now: l.now}
	v := g.Check(l.earlier, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Definition: "sha256:2", Time: l.now, Ranges: someRanges("75.0.0.0/24")}})
	if e := g.After(l.earlier, v); v.Status != Fresh || len(e.Past) > 0 || e.Last.Definition != "sha256:2" {
		t.Errorf("%s: %+v", v.Status, e)
	}
}

// A limit that was lowered binds the next change, and not the state that is in force already.
func TestWindowLoweredLimit(t *testing.T) {
	l := newLife()
	l.publish(false, "74.0.0.0/24")
	l.now = l.now.Add(25 * time.Hour)
	l.publish(false, "74.0.0.0/23")
	l.limits.MaxGrow = 99
	if v := l.publish(false, "74.0.0.0/23"); v.Status != Fresh {
		t.Errorf("the state in force: %v", v.Problems)
	}
	if v := l.publish(false, "74.0.0.0/23", "74.0.9.0/32"); v.Status != Held {
		t.Errorf("a change: %s", v.Status)
	}
}

// A host that moves is no attack, one that moves daily is held.
func TestWindowMovingHost(t *testing.T) {
	l := newLife()
	l.publish(false, "74.0.0.1/32")
	l.now = l.now.Add(24 * time.Hour)
	if v := l.publish(false, "74.0.0.2/32"); v.Status != Fresh {
		t.Fatalf("the first move: %v", v.Problems)
	}
	l.now = l.now.Add(24 * time.Hour)
	if v := l.publish(false, "74.0.0.3/32"); v.Status != Held {
		t.Errorf("the second move: %s", v.Status)
	}
	l.now = l.now.Add(31 * 24 * time.Hour)
	if v := l.publish(false, "74.0.0.3/32"); v.Status != Fresh {
		t.Errorf("a month later: %v", v.Problems)
	}
}

// An acceptance begins the window anew; a hold and a failure leave it as it is.
func TestWindowBeginsAnew(t *testing.T) {
	l := newLife()
	l.publish(false, "74.0.0.0/24")
	l.now = l.now.Add(time.Hour)
	if v := l.publish(true, "74.9.0.0/24"); v.Status != Fresh || !v.Accepted {
		t.Fatalf("%s %v", v.Status, v.Problems)
	}
	if len(l.earlier.Past) > 0 || !l.earlier.Since.Equal(l.now) {
		t.Errorf("after an acceptance: %+v", l.earlier)
	}
	before := l.earlier
	l.now = l.now.Add(time.Hour)
	l.publish(false, "74.8.0.0/24")
	g := Guard{Limits: l.limits, Now: l.now}
	if after := g.After(l.earlier, g.Check(l.earlier, allowlist.Fetched{Err: errors.New("SERVFAIL")})); !after.Since.Equal(before.Since) || after.Last != before.Last {
		t.Errorf("after a hold and a failure: %+v, want %+v", after, before)
	}
}

// Of a list that has lost addresses and has no new ones, a hold says that such a list is often whole again; of one that has new
// ones, or that is held because it grew, it does not.
func TestOftenWholeAgain(t *testing.T) {
	for _, row := range []struct {
		name   string
		shrink allowlist.Percent
		grow   allowlist.Percent
		last   []string // after 74.0.0.0/24 alone
		next   []string
		kinds  string
		want   bool
	}{
		{"emptied", 30, 200, []string{"74.0.0.0/24"}, nil, "empty", true},
		{"cut", 30, 200, []string{"74.0.0.0/24"}, []string{"74.0.0.0/25"}, "shrink", true},
		{"cut, with an address that is new", 30, 200, []string{"74.0.0.0/24"}, []string{"74.0.0.0/25", "74.1.0.0/32"}, "shrink", false},
		{"replaced", 30, 200, []string{"74.0.0.0/24"}, []string{"74.1.0.0/24"}, "shrink", false},
		{"grown", 30, 200, []string{"74.0.0.0/24"}, []string{"74.0.0.0/22"}, "grow", false},
		{"cut, and too many all the same", 100, 50, []string{"74.0.0.0/22"}, []string{"74.0.0.0/23"}, "grow", false},
		{"too wide", 30, 200, []string{"74.0.0.0/10"}, []string{"74.0.0.0/11"}, "wide shrink", false},
	} {
		l := newLife()
		l.limits = allowlist.Limits{WidestIPv4: 8, MaxShrink: 100, MaxGrow: 1 << 30, Window: l.limits.Window}
		l.publish(false, "74.0.0.0/24")
		l.now = l.now.Add(24 * time.Hour)
		l.publish(false, row.last...)
		if l.limits.MaxShrink, l.limits.MaxGrow = row.shrink, row.grow; row.name == "too wide" {
			l.limits.WidestIPv4, l.limits.MaxGrow = 12, 1<<30
		}
		v := l.publish(false, row.next...)
		var kinds []string
		said := false
		for _, p := range v.Problems {
			kinds = append(kinds, p.Kind)
			said = said || strings.Contains(p.Text, "is often whole again within hours")
		}
		if strings.Join(kinds, " ") != row.kinds || said != row.want {
			t.Errorf("%s: %v", row.name, v.Problems)
		}
	}
}

// drawSet draws the networks of a source, /28s of a few /24s: others than in the list of numbers, or a few of them changed.
func drawSet(t *rapid.T, numbers *[]int) allowlist.Ranges {
	number := rapid.IntRange(0, 47)
	if rapid.IntRange(0, 4).Draw(t, "anew") == 0 {
		*numbers = rapid.SliceOfNDistinct(number, 0, 30, rapid.ID).Draw(t, "networks")
	}
	for _, n := range rapid.SliceOfN(number, 0, 3).Draw(t, "changed") {
		if at := slices.Index(*numbers, n); at >= 0 {
			*numbers = slices.Delete(slices.Clone(*numbers), at, at+1)
		} else {
			*numbers = append(slices.Clone(*numbers), n)
		}
	}
	var r allowlist.Ranges
	for _, i := range *numbers {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{74, 0, byte(i / 16), byte(i % 16 * 16)}), 28)
		r.Add(allowlist.Range{Prefix: p, Path: provenance.Of(p.String())})
	}
	return r
}

// Whatever is published, and whenever: without an acceptance the list in force differs from no state that was in force when
// a day of the window began by more than the limits.
func TestWindowProperty(t *testing.T) {
	type kept struct {
		networks prefixes.List
		to       time.Time // zero: in force
	}
	v4 := families()[0]
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		var model []kept
		var numbers []int
		for range rapid.IntRange(1, 40).Draw(t, "runs") {
			l.now = l.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 23, 24, 100, 800}).Draw(t, "hours")) * time.Hour)
			accept := rapid.IntRange(0, 9).Draw(t, "accept") == 0
			var before prefixes.List
			since := l.earlier.Since
			if l.earlier.Last != nil {
				before = l.earlier.Last.Ranges.Fewest()
			}
			v := l.run(drawSet(t, &numbers), accept)
			if v.Status != Fresh {
				continue
			}
			after := l.earlier.Last.Ranges.Fewest()
			if v.Accepted || model == nil {
				model = []kept{{networks: after}}
				continue
			}
			if prefixes.Equal(before, after) {
				continue
			}
			if last := &model[len(model)-1]; len(model) == 1 || since.Before(l.now.Truncate(24*time.Hour)) || since.Equal(l.now.Truncate(24*time.Hour)) {
				last.to = l.now
			} else {
				model = model[:len(model)-1] // it came and went within a day
			}
			for _, k := range model {
				if !k.to.IsZero() && l.now.Sub(k.to) > l.limits.Window {
					continue
				}
				had, gone, come := v4.count(k.networks), v4.count(k.networks.Minus(after)), v4.count(after.Minus(k.networks))
				if had.Sign() == 0 {
					continue
				}
				if (difference{gone, had, ""}).past(l.limits.MaxShrink) && gone.Int64() > 1 || (difference{come, had, ""}).past(l.limits.MaxGrow) {
					t.Fatalf("of %v addresses of %v %v are gone and %v came", had, k.to, gone, come)
				}
			}
			model = append(model, kept{networks: after})
			model = slices.DeleteFunc(model, func(k kept) bool { return !k.to.IsZero() && l.now.Sub(k.to) > l.limits.Window })
			var states []prefixes.List
			for s := range l.earlier.inForce(l.limits.Window, l.now) {
				states = append(states, s.networks)
			}
			if !slices.EqualFunc(states, model, func(s prefixes.List, k kept) bool { return prefixes.Equal(s, k.networks) }) {
				t.Fatalf("%d states are kept, and there were %d, or others", len(states), len(model))
			}
		}
	})
}
