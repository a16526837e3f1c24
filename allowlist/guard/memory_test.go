package guard

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/allowlist/prefixes"
	"mailallow/fixtures"
)

// A memory is read back as it was written, and the guard is given the same states.
func TestMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife()
		var numbers []int
		for range rapid.IntRange(1, 10).Draw(t, "runs") {
			l.now = l.now.Add(26 * time.Hour)
			l.run(drawSet(t, &numbers), true)
			l.run(drawSet(t, &numbers), false)
		}
		if l.earlier.Last == nil {
			return
		}
		named := func(name string, lost time.Time) Earlier {
			e := l.earlier
			last := *e.Last
			last.Name = name
			e.Last, e.Lost = &last, lost
			return e
		}
		var m, again Memory
		m.Remember(named("x", time.Time{}))
		m.Remember(named("a", l.now.Truncate(time.Second)))
		read, err := DecodeMemory(m.Encode())
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Encode())
		}
		for _, want := range []Earlier{named("x", time.Time{}), named("a", l.now.Truncate(time.Second))} {
			got := read.Earlier(want.Last, l.now)
			if !got.Lost.Equal(want.Lost) || !got.Since.Equal(want.Since) || !slices.EqualFunc(got.Past, want.Past, func(a, b Past) bool {
				return a.From.Equal(b.From) && a.To.Equal(b.To) && prefixes.Equal(a.Came, b.Came) && prefixes.Equal(a.Gone, b.Gone)
			}) {
				t.Fatalf("%+v, want %+v", got, want)
			}
			again.Remember(got)
		}
		if string(again.Encode()) != string(m.Encode()) {
			t.Fatalf("%s, want %s", again.Encode(), m.Encode())
		}
		if newest := read.Newest(); !newest.Equal(l.earlier.Since) {
			t.Fatalf("the newest time is %v, want %v", newest, l.earlier.Since)
		}
	})
}

func TestMemoryDamaged(t *testing.T) {
	const good = `{"version": 1, "sources": [
 {"name":"x","definition":"d","since":"2026-11-02T00:00:00Z","past":[
  {"from":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z","came":["74.0.0.0/24"]}]}]}`
	if _, err := DecodeMemory([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ old, text, want string }{
		{"", "", "it ends too early"},
		{good[40:], "", "it ends too early"},
		{"", "[]", "the array does not belong there"},
		{`"past":[`, `"past":7,"more":[`, "the number does not belong there"},
		{`"version": 1`, `"version": 0`, "version 0, and this mailallow reads version 1"},
		{`"version": 1`, `"version": 2`, "version 2, and this mailallow reads version 1"},
		{`"version": 1`, `"version": 2, "more": {}`, "version 2, and this mailallow reads version 1"},
		{"]}]}]}", `]}]},{"name":"x","definition":"d","since":"2026-11-02T00:00:00Z","past":[]}]}`, "it is there twice"},
		{`"name"`, `"nome"`, "unknown field"},
		{`74.0.0.0/24`, `74.0.0.1/24`, "74.0.0.1/24 is no network"},
		{`74.0.0.0/24`, `x`, "x"},
		{`74.0.0.0/24`, ``, "is no network"},
		{`"to":"2026-11-02`, `"to":"2026-11-03`, "not in the order of time"},
		{`"from":"2026-11-01`, `"from":"2026-11-03`, "not in the order of time"},
		{`]}]}]}`, `]}]}]} {}`, "more text"},
	} {
		text := strings.Replace(good, row.old, row.text, 1)
		if row.old == "" {
			text = row.text
		}
		if _, err := DecodeMemory([]byte(text)); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q for %q: %v, want %q", row.text, row.old, err, row.want)
		}
	}
	// The guard compares with the last good state alone, and knows that its memory is lost.
	now := time.Date(2026, 11, 5, 1, 2, 3, 4, time.UTC)
	last := &allowlist.Resolved{Name: "x", Definition: "d", Ranges: someRanges("74.0.0.0/24")}
	other, err := DecodeMemory([]byte(strings.Replace(good, `"definition":"d"`, `"definition":"another"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Memory{nil, {}, other} {
		if e := m.Earlier(last, now); e.Last != last || len(e.Past) > 0 || !e.Lost.Equal(now.Truncate(time.Second)) || e.Whole(time.Hour, now) {
			t.Errorf("%+v", e)
		}
	}
}

// A memory that was lost is whole again after a window, and at once when the window begins anew.
func TestMemoryWholeAgain(t *testing.T) {
	l := newLife()
	l.publish(false, "74.0.0.0/24")
	lost := l.now
	l.earlier.Lost = lost
	for _, row := range []struct {
		after time.Duration
		whole bool
	}{{0, false}, {l.limits.Window, false}, {l.limits.Window + time.Second, true}} {
		l.now = lost.Add(row.after)
		l.publish(false, "74.0.0.0/24")
		if whole := l.earlier.Whole(l.limits.Window, l.now); whole != row.whole || whole != l.earlier.Lost.IsZero() {
			t.Errorf("after %v: %v, %+v", row.after, whole, l.earlier)
		}
	}
	l.earlier.Lost = l.now
	if l.publish(true, "74.9.0.0/24"); !l.earlier.Lost.IsZero() {
		t.Errorf("after an acceptance: %+v", l.earlier)
	}
}

// A clock that goes back, and comes forward again, puts no state out of order, and forgets none.
func TestMemoryClock(t *testing.T) {
	l := newLife()
	networks := []string{"74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24", "74.0.3.0/24", "74.0.4.0/24", "74.0.5.0/24", "74.0.6.0/24", "74.0.7.0/24"}
	start := l.now
	for i, at := range []time.Duration{0, 48 * time.Hour, -9000 * time.Hour, 24 * time.Hour, 72 * time.Hour} {
		l.now = start.Add(at)
		if v := l.publish(false, networks[:len(networks)-min(i, 2)]...); v.Status != Fresh {
			t.Fatalf("%v: %v", at, v.Problems)
		}
		var m Memory
		m.Remember(l.earlier)
		if _, err := DecodeMemory(m.Encode()); err != nil {
			t.Fatalf("%v: %v\n%s", at, err, m.Encode())
		}
	}
	if v := l.publish(false, networks[:len(networks)-3]...); v.Status != Held {
		t.Errorf("the first state is forgotten: %+v", l.earlier)
	}
}

// What was seen under a clock that was ahead, or is seen under one that is behind, leaves the window a window after the run
// that mends; and once the clock was set right, a long pause is a pause.
func TestMemoryMends(t *testing.T) {
	const day = 24 * time.Hour
	for _, off := range []time.Duration{400 * day, -400 * day} {
		l := newLife()
		start := l.now
		run := func(at time.Duration, networks ...string) {
			t.Helper()
			l.now = start.Add(at)
			if v := l.publish(false, networks...); v.Status != Fresh {
				t.Fatalf("%v, %v: %v", off, at, v.Problems)
			}
		}
		compared := func() (n int) {
			for range l.earlier.inForce(l.limits.Window, l.now) {
				n++
			}
			return n
		}
		less := []string{"74.0.0.0/24", "74.0.1.0/24", "74.0.2.0/24"}
		more := append([]string{"74.0.3.0/24"}, less...)
		run(0, more...)
		run(off+day, less...)
		run(2*day, less...)
		mended, want := 2*day, 3 // ahead: the one in force was seen then, too
		if off < 0 {
			mended, want = day, 2 // the clock jumps by years, and a day of that counts
		}
		for at := 3 * day; at <= mended+l.limits.Window; at += day {
			if n := compared(); n != want {
				t.Errorf("%v, %v: %d states bind within a window, want %d", off, at, n, want)
			}
			run(at, less...)
		}
		run(mended+l.limits.Window+day, less...)
		if n := compared(); n != 1 {
			t.Errorf("%v: %d states bind a window later", off, n)
		}
		run(100*day, more...)
		run(103*day, more...)
		run(140*day, more...)
		if n := compared(); n != 1 {
			t.Errorf("%v: %d states bind after a pause", off, n)
		}
	}
}

// The newest time of all tells that the clock is wrong, and after a wrong clock a jump is shortened to a day; see at.
func TestEarlierAt(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const day, none = 24 * time.Hour, time.Duration(math.MinInt64)
	for _, row := range []struct {
		name              string
		last, since, lost time.Duration
		wrong             bool          // before
		want              time.Duration // of since
		wantLost          time.Duration
		wantWrong         bool
		past              int
	}{
		{"in order", -time.Second, -day, none, false, -day, none, false, 1},
		{"this second", 0, 0, 0, false, 0, 0, false, 1},
		{"the last good state is of the future", time.Second, -day, none, false, -day, none, true, 1},
		{"it is in force since the future", -day, time.Second, none, false, 0, none, true, 2},
		{"states were lost in the future", -day, -day, time.Second, false, -day, 0, true, 1},
		{"a day after a wrong clock", -day, -day, none, true, -day, none, true, 1},
		{"more than a day after it", -day - time.Second, -day - time.Second, -day - 2*time.Second, true, -day, -day - time.Second, false, 1},
		{"the same, and nothing was lost", -2 * day, -2 * day, none, true, -day, none, false, 1},
		{"in force for long, and fetched a day ago", -day, -9 * day, none, true, -9 * day, none, true, 1},
		{"fetched long ago, and in force since a day ago", -9 * day, -day, none, true, -day, none, true, 1},
		{"lost a day ago", -9 * day, -9 * day, -day, true, -9 * day, -day, true, 1},
		{"long after a right clock", -9 * day, -9 * day, none, false, -9 * day, none, false, 1},
	} {
		at := func(d time.Duration) time.Time {
			if d == none {
				return time.Time{}
			}
			return now.Add(d)
		}
		first := at(-20 * day)
		e := Earlier{Last: &allowlist.Resolved{Time: at(row.last), Ranges: someRanges("74.0.0.0/24")}, Since: at(row.since), Lost: at(row.lost),
			ClockWrong: row.wrong, Past: []Past{{From: first, To: first}}}.at(now)
		if !e.Since.Equal(at(row.want)) || !e.Lost.Equal(at(row.wantLost)) || e.ClockWrong != row.wantWrong || len(e.Past) != row.past {
			t.Errorf("%s: since %v, lost %v, wrong %v, %d past states", row.name, e.Since, e.Lost, e.ClockWrong, len(e.Past))
		}
		if moved := e.Past[0].To.Sub(first); row.wrong && moved != row.want-row.since {
			t.Errorf("%s: the past state moved by %v", row.name, moved)
		}
	}
}

// States that were seen under a clock that was never set are not a year old when it is set.
func TestMemoryClockNeverSet(t *testing.T) {
	for _, before := range []int{0, 1} { // states that were seen with the right clock
		l := newLife()
		for i, network := range []string{"74.0.0.0/22", "74.0.0.0/23"} {
			l.wrong = i >= before
			l.limits.MaxShrink = 50
			if v := l.publish(false, network); v.Status != Fresh {
				t.Fatal(v.Problems)
			}
			l.now = l.now.Add(25 * time.Hour)
		}
		l.wrong, l.limits.MaxShrink, l.now = false, 60, l.now.AddDate(1, 0, 0)
		if v := l.publish(false, "74.0.0.0/24"); v.Status != Held {
			t.Errorf("%d states before: the first one is forgotten: %s", before, v.Status)
		}
	}
}

// What is remembered is within the bounds, and the newest time in a memory is that of any source.
func TestMemoryRemembers(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var m Memory
	for i, name := range []string{"first", "newest", "third"} {
		e := Earlier{Last: &allowlist.Resolved{Name: name}, Since: at.Add([]time.Duration{0, 2, 1}[i] * time.Hour)}
		for range maxPast + 1 {
			e.Past = append(e.Past, Past{From: at, To: at})
		}
		m.Remember(e)
	}
	if newest := m.Newest(); !newest.Equal(at.Add(2 * time.Hour)) {
		t.Errorf("the newest time is %v", newest)
	}
	read, err := DecodeMemory(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(read.Earlier(&allowlist.Resolved{Name: "third"}, at.Add(9*time.Hour)).Past); n > maxPast || n < maxPast/2 {
		t.Errorf("%d states are remembered", n)
	}
}

// Of a source with more states than are kept the oldest one stays.
func TestMemoryBounded(t *testing.T) {
	var all []Past
	var before prefixes.List
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range maxPast + 10 {
		networks := someRanges(fmt.Sprintf("74.%d.%d.0/24", i>>8, i&255)).Fewest()
		all = append(all, pastOf(at, at.Add(24*time.Hour), networks, before))
		at, before = at.Add(24*time.Hour), networks
	}
	for n, want := range map[int]int{1: 1, maxPast: maxPast, maxPast + 1: maxPast/2 + 1} {
		past := thinned(all[:n])
		if len(past) != want || !past[0].From.Equal(all[0].From) {
			t.Errorf("of %d states %d are kept, from %v; want %d", n, len(past), past[0].From, want)
		}
		if last := (len(past) - 1) * ((n + 1) / len(past)); !prefixes.Equal(newest(past), newest(all[:last+1])) {
			t.Errorf("of %d states the last kept is another", n)
		}
	}
}

// A source that is another every day for a month, with as many networks as are kept, stays within the bounds, and the oldest
// state with it.
func TestMemoryBoundedNetworks(t *testing.T) {
	t.Parallel()
	var past []Past
	var before prefixes.List
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := range 30 {
		var networks prefixes.List
		for i := range maxPastNetworks / 20 {
			networks.Add(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + day), byte(i >> 14), byte(i >> 6), byte(i << 2)}), 31), 0)
		}
		past = append(past, pastOf(at, at.Add(24*time.Hour), networks, before))
		at, before = at.Add(24*time.Hour), networks
	}
	some := thinned(past)
	size := 0
	for _, p := range some {
		size += p.Came.Len() + p.Gone.Len()
	}
	if size > maxPastNetworks || size < maxPastNetworks/4 || !some[0].From.Equal(past[0].From) {
		t.Errorf("%d networks in %d states, from %v", size, len(some), some[0].From)
	}
	// A network that narrows to scattered addresses, and widens again, is no longer than both.
	wide, narrow := someRanges("2a00::/32").Fewest(), prefixes.List{}
	for i := range 5000 {
		narrow.Add(netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 4: byte(i >> 8), 5: byte(i), 15: 1}), 128), 0)
	}
	narrow = narrow.Sorted().Fewest()
	past = []Past{pastOf(at, at, wide, prefixes.List{}), pastOf(at, at, narrow, wide), pastOf(at, at, wide, narrow)}
	for i, want := range []prefixes.List{wide, narrow, wide} {
		if got := newest(past[:i+1]); !prefixes.Equal(got, want) || past[i].Came.Len()+past[i].Gone.Len() > 5001 {
			t.Errorf("state %d: %d networks, want %d; %d came, %d gone", i, got.Len(), want.Len(), past[i].Came.Len(), past[i].Gone.Len())
		}
	}
	// One that is long and hardly changes.
	const many = maxPastNetworks / 2
	var long prefixes.List
	for i := range many {
		long.Add(netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i>>14), byte(i >> 6), byte(i << 2)}), 31), 0)
	}
	long = long.Sorted().Fewest()
	past = []Past{pastOf(at, at, long, prefixes.List{})}
	for range maxCompared / many {
		past = append(past, Past{From: at, To: at})
	}
	if some := thinned(past); len(some)*many > maxCompared || len(some)*many < maxCompared/4 {
		t.Errorf("%d states of %d networks", len(some), many)
	}
}

// The longest list that a source can have fits into the memory, as its oldest state, with the longest form of every network.
func TestMemoryLongest(t *testing.T) {
	fixtures.All(t)
	const longest = 2_000_000 // allowlist's bound of a list on disk
	var networks prefixes.List
	for i := range longest {
		a := [16]byte{0x20, 1, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x12, 0x10 | byte(i>>19), byte(i >> 11), 0x10 | byte(i>>7&15), byte(i << 1)}
		networks.Add(netip.PrefixFrom(netip.AddrFrom16(a), 128), 0)
	}
	networks = networks.Sorted()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last := &allowlist.Resolved{Name: strings.Repeat("x", 64), Definition: "sha256:" + strings.Repeat("0", 64)}
	var m Memory
	m.Remember(Earlier{Last: last, Since: at, Lost: at, Past: []Past{pastOf(at, at, networks, prefixes.List{}), {From: at, To: at}}})
	text := m.Encode()
	if t.Logf("%d bytes", len(text)); int64(len(text)) > MaxMemoryBytes(1) {
		t.Fatalf("%d bytes, and %d are read", len(text), MaxMemoryBytes(1))
	}
	read, err := DecodeMemory(text)
	if err != nil {
		t.Fatal(err)
	}
	if got := newest(read.Earlier(last, at).Past); got.Len() != longest {
		t.Errorf("%d networks, want %d", got.Len(), longest)
	}
}
