package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// ofNames makes ranges of "a=74.0.0.1,74.0.0.2 mx:b/c=74.0.0.3": each name with its addresses, one of an MX behind its domain.
func ofNames(text string) (ranges allowlist.Ranges) {
	for item := range strings.FieldsSeq(text) {
		name, addrs, _ := strings.Cut(item, "=")
		path := provenance.Of(strings.Split(name, "/")...)
		for addr := range strings.SplitSeq(addrs, ",") {
			a := netip.MustParseAddr(addr)
			ranges.Add(allowlist.Range{Prefix: netip.PrefixFrom(a, a.BitLen()), Path: path})
		}
	}
	return ranges
}

// hostsWith makes ten names, of which the first ones have moved, each with one address.
func hostsWith(moved int) string {
	var b strings.Builder
	for i := range 10 {
		net := 1
		if i < moved {
			net = 2
		}
		fmt.Fprintf(&b, "h%d=74.%d.0.%d ", i, net, i+1)
	}
	return b.String()
}

// pool gives so many addresses from a number on, for one name.
func pool(from, n int) string {
	var addrs []string
	for i := range n {
		addrs = append(addrs, fmt.Sprintf("74.9.%d.%d", (from+i)>>8, (from+i)&255))
	}
	return "pool=" + strings.Join(addrs, ",")
}

// A source with few addresses is judged by its names, below the limit, at it and above it; one with many by its addresses.
func TestNames(t *testing.T) {
	for _, row := range []struct {
		name         string
		before, next string
		text         string // of the hold; empty: the change is believed
	}{
		{"the only host moves", "a=74.0.0.1", "a=74.0.0.2", ""},
		{"the only host moves in both families", "a=74.0.0.1,2a00::1", "a=74.0.0.2,2a00:1::1", ""},
		{"the only host moves with its prefix", "a=2a00::1,2a00::2", "a=2a00:1::1,2a00:1::2", ""},
		{"hosts of two prefixes move", "a=2a00::1 b=2a00:0:0:1::1", "a=2a00:1::1 b=2a00:1:0:1::1", "IPv6: 2 of 2 names have"},
		{"one of three moves", "a=74.0.0.1 b=74.0.0.2 c=74.0.0.3", "a=74.0.0.9 b=74.0.0.2 c=74.0.0.3", ""},
		{"two of three move at once", "a=74.0.0.1 b=74.0.0.2 c=74.0.0.3", "a=74.0.0.8 b=74.0.0.9 c=74.0.0.3",
			"IPv4: 2 of 3 names have no address any more that they had in the last good state (67%), more than max_shrink = 30%"},
		{"below the limit", hostsWith(0), hostsWith(2), ""},
		{"at the limit", hostsWith(0), hostsWith(3), ""},
		{"above the limit", hostsWith(0), hostsWith(4), "IPv4: 4 of 10 names have"},
		{"all of them", hostsWith(0), hostsWith(10), "IPv4: 10 of 10 names have"},
		{"two names change places", "a=74.0.0.1 b=74.0.0.2", "a=74.0.0.2 b=74.0.0.1", ""},
		{"a name that keeps an address stays", "a=74.0.0.1,74.0.0.2,74.0.0.3", "a=74.0.0.1,74.0.0.8,74.0.0.9", ""},
		{"every address of the only name is another", "a=74.0.0.1,74.0.0.2", "a=74.0.0.8,74.0.0.9", "IPv4: 1 of 1 names have"},
		{"a host leaves an MX", "mx:x/a=74.0.0.1 mx:x/b=74.0.0.2 mx:x/c=74.0.0.3", "mx:x/a=74.0.0.1 mx:x/b=74.0.0.2", ""},
		{"an MX is another", "mx:x/a=74.0.0.1 mx:x/b=74.0.0.2", "mx:x/c=74.0.0.3 mx:x/d=74.0.0.4", "IPv4: 2 of 2 names have"},
		{"hosts of an MX get other names", "mx:x/a=74.0.0.1 mx:x/b=74.0.0.2", "mx:x/c=74.0.0.1 mx:x/d=74.0.0.2", ""},
		{"a family goes", "a=74.0.0.1,2a00::1 b=74.0.0.2", "a=74.0.0.1 b=74.0.0.2", "IPv6: 1 of 1 addresses of the last good state are gone (100%)"},
		{"a family starts", "a=74.0.0.1", "a=74.0.0.1,2a00::1,2a00::2,2a00::3,2a00::4", ""},
		{"fewer, to the limit", pool(0, 10), pool(0, 7), ""},
		{"fewer, past it", pool(0, 10), pool(0, 6), "IPv4: 4 of 10 addresses of the last good state are gone (40%)"},
		{"one of two", "a=74.0.0.1,74.0.0.2", "a=74.0.0.1", ""},
		{"more, to the limit", "a=74.0.0.1", "a=74.0.0.2,74.0.0.3,74.0.0.4", ""},
		{"more, past it", "a=74.0.0.1", "a=74.0.0.1,74.0.0.2,74.0.0.3,74.0.0.4", "IPv4: 3 addresses are new beside 1 of the last good state (300%)"},
		{"many addresses: some move", pool(0, 65), pool(19, 65), ""},
		{"many addresses: too many move", pool(0, 65), pool(20, 65), "IPv4: 20 of 65 addresses of the last good state are gone (31%)"},
		{"few addresses: as many move, and the name keeps some", pool(0, 64), pool(20, 64), ""},
		{"few become many", pool(0, 60), pool(20, 65), "IPv4: 20 of 60 addresses of the last good state are gone (34%)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := Guard{Limits: allowlist.DefaultLimits(), ByName: true, Now: time.Date(2026, 11, 2, 0, 30, 0, 0, time.UTC)}
			last := allowlist.Resolved{Name: "x", Definition: "sha256:1", Time: g.Now.Add(-time.Hour), Ranges: ofNames(row.before)}
			v := g.Check(Earlier{Last: &last}, allowlist.Fetched{Resolved: allowlist.Resolved{Name: "x", Definition: "sha256:1", Time: g.Now, Ranges: ofNames(row.next)}})
			if (v.Status == Fresh) != (row.text == "") || len(v.Problems) > 1 || len(v.Problems) == 1 && !strings.HasPrefix(v.Problems[0].Text, row.text) {
				t.Errorf("%s, %v; want %q", v.Status, v.Problems, row.text)
			}
		})
	}
}

// Hosts with dynamic addresses move every day for a year, each at its own hour, and nothing is held; what moves all at once
// is. Addresses that go or come one by one are held against the states of the window.
func TestNamesWindow(t *testing.T) {
	t.Parallel()
	l := newLife()
	l.byName = true
	at := []int{0, 0, 0}
	list := func(more string) allowlist.Ranges {
		return ofNames(fmt.Sprintf("a=74.1.%d.1 b=74.2.%d.1 c=74.3.%d.1 d=74.4.0.1%s", at[0], at[1], at[2], more))
	}
	try := func(more string) Verdict {
		l.now = l.now.Add(8 * time.Hour)
		return l.run(list(more), false)
	}
	for run := range 3 * 365 {
		at[run%3] = (at[run%3] + 1) % 250
		if v := try(""); v.Status != Fresh {
			t.Fatalf("run %d: %v", run, v.Problems)
		}
	}
	before := at[0]
	at = []int{251, 251, 251}
	if v := try(""); v.Status != Held {
		t.Errorf("all at once: %s", v.Status)
	}
	at[1], at[2] = before, before
	more := ""
	for n := range 30 {
		more += fmt.Sprintf(",74.4.1.%d", n)
		v := try(more)
		if held := v.Status == Held; held != (n >= 8) { // four had, and eight more are 200 %
			t.Fatalf("%d addresses more: %s %v", n+1, v.Status, v.Problems)
		}
	}
	l = newLife()
	l.byName = true
	l.run(ofNames(pool(0, 10)), false)
	for n := 9; n > 0; n-- {
		l.now = l.now.Add(time.Hour)
		v := l.run(ofNames(pool(0, n)), false)
		if held := v.Status == Held; held != (n < 7) {
			t.Fatalf("%d addresses are left: %s %v", n, v.Status, v.Problems)
		}
	}
}
