package history

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/guard"
)

// The size of a source after each entry is that of the list which was installed with it, whatever came, went or was renamed, and
// so it is where another segment begins.
func TestSizes(t *testing.T) {
	f := &files{}
	at := start
	var want []string
	install := func(command string, after ...Installed) {
		at = at.Add(time.Hour)
		f.add(t, Entry{Command: command, Time: at}, after...)
	}
	size := func(name string, four uint64, six int, changed bool) {
		want = append(want, fmt.Sprint(name, " ", four, " ", six, " ", changed))
	}
	install(Update, source("a", allowlist.OK, "192.0.2.0/24", "2001:db8::/32"), source("b", allowlist.Relay, "198.51.100.0/25"))
	size("a", 256, 1, true)
	size("b", 128, 0, true)
	install(Update, source("a", allowlist.OK, "192.0.2.0/23"), source("b", allowlist.Relay, "198.51.100.0/25"))
	size("a", 512, 0, true)
	held := source("a", allowlist.OK, "192.0.2.0/23")
	held.Status = guard.Held
	install(Update, held, source("b", allowlist.Relay, "198.51.100.0/25"))
	size("a", 512, 0, false)
	install(Accept, source("a", allowlist.OK, "192.0.2.0/25", "192.0.2.128/26"), source("b", allowlist.Relay, "198.51.100.0/25"))
	size("a", 192, 0, true)
	install(Update, source("b", allowlist.Relay, "198.51.100.0/24"))
	size("a", 0, 0, true)
	size("b", 256, 0, true)
	var got []string
	problems := f.Sizes(func(s Size) { got = append(got, fmt.Sprint(s.Source, " ", s.IPv4, " ", s.IPv6, " ", s.Changed)) })
	if !slices.Equal(got, want) || len(problems) > 0 {
		t.Errorf("%q, want %q; problems %v", got, want, problems)
	}

	y := year(t)
	n := 0
	y.Sizes(func(s Size) {
		if n++; s.IPv4 != 2000*512 {
			t.Fatalf("%d addresses at %v, want those of 2,000 networks of 512", s.IPv4, s.At)
		}
	})
	if n < 8760 {
		t.Errorf("%d sizes in a year of hours", n)
	}
}
