package guard

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// attack is a run of somebody who owns the zone of a provider, knows every limit, and publishes an hourly list that the guard
// just believes. The list has numbers of /24s, from 24.0.0.0 on.
type attack struct {
	*life
	was, size int // /24s: before the attack, and now
}

func newAttack(window time.Duration, action allowlist.Action) *attack {
	a := &attack{life: newLife(), was: 384} // 98,304 addresses, as Google had
	a.limits.Window = window
	if action == allowlist.Relay {
		a.limits.TotalIPv4, a.limits.TotalIPv6 = allowlist.RelayTotalIPv4, allowlist.RelayTotalIPv6
	}
	a.try(a.was)
	return a
}

// try publishes so many /24s, and tells whether the guard believed them.
func (a *attack) try(size int) bool {
	if a.run(rangesUpTo(size), false).Status != Fresh {
		return false
	}
	a.size = size
	return true
}

// rangesUpTo are the fewest networks of the first /24s from 24.0.0.0 on.
func rangesUpTo(size int) (r allowlist.Ranges) {
	at := uint32(24) << 24
	for bits := 8; bits <= 24; bits++ {
		if n := 1 << (24 - bits); size&n != 0 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8)}), bits)
			r.Add(allowlist.Range{Prefix: p, Path: provenance.Of(p.String())})
			at += uint32(n) << 8
		}
	}
	return r
}

// would tells whether the guard would believe a size.
func (a *attack) would(size int) bool {
	before := *a
	life := *a.life
	a.life = &life
	believed := a.try(size)
	*a = before
	return believed
}

// far goes as far as the guard lets it in so many days, in either direction.
func (a *attack) far(days int, grow bool) int {
	step, end := -1, 0
	if grow {
		step, end = 1, 1<<16
	}
	for range days * 24 {
		a.now = a.now.Add(time.Hour)
		best := a.size
		if a.would(best + step) { // the farthest size that it believes, by bisection
			best += step
			for refused := end + step; refused != best+step; {
				if middle := (best + refused) / 2; a.would(middle) {
					best = middle
				} else {
					refused = middle
				}
			}
		}
		a.try(best)
	}
	return a.size
}

// TestAttack makes the table of docs/security.md: how far an attacker with patience gets without an acceptance. With
// MAILALLOW_UPDATE set it writes the table.
func TestAttack(t *testing.T) {
	var table strings.Builder
	table.WriteString("| goal | action, window | a day | a week | a month | a year |\n|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		goal   string
		action allowlist.Action
		window time.Duration
		grow   bool
	}{
		{"a list that shrinks", allowlist.OK, 30 * 24 * time.Hour, false},
		{"a list that shrinks", allowlist.OK, 90 * 24 * time.Hour, false},
		{"a list that grows", allowlist.OK, 30 * 24 * time.Hour, true},
		{"a list that grows", allowlist.OK, 90 * 24 * time.Hour, true},
		{"a list that grows", allowlist.Relay, 30 * 24 * time.Hour, true},
		{"a list that grows", allowlist.Relay, 90 * 24 * time.Hour, true},
	} {
		a := newAttack(row.window, row.action)
		fmt.Fprintf(&table, "| %s | %s, %dd |", row.goal, row.action, int(row.window.Hours()/24))
		at := 0
		for _, days := range []int{1, 7, 30, 365} {
			size := a.far(days-at, row.grow)
			at = days
			share := 100 * float64(size) / float64(a.was)
			fmt.Fprintf(&table, " %.0f %% |", math.Round(share))
			switch {
			case row.grow && size<<8 > 1<<(32-a.limits.TotalIPv4):
				t.Errorf("%s: %d addresses after %d days are past the total", row.action, size<<8, days)
			case !row.grow && days <= 30 && share < 70 || row.grow && days < 30 && share > 300:
				t.Errorf("%s, %v: %.0f %% after %d days", row.goal, row.window, share, days)
			}
		}
		table.WriteString("\n")
	}
	a, own := newAttack(90*24*time.Hour, allowlist.Relay), rangesUpTo(384)
	own.Add(allowlist.Range{Prefix: netip.MustParsePrefix("66.6.6.0/24"), Path: provenance.Of("his own")})
	if a.run(own, false).Status == Fresh {
		table.WriteString("| his own /24 in | RELAY, 90d | at once | | | |\n")
	}
	narrowed := newLife()
	narrowed.limits.Window = 90 * 24 * time.Hour
	narrowed.publish(false, "2a00:1450:4000::/36", "2c0f:fb50:4000::/36")
	if narrowed.publish(false, "2a00:1450:4000::1/128", "2c0f:fb50:4000::1/128").Status == Fresh {
		table.WriteString("| of each IPv6 network one address | OK, 90d | at once | | | |\n")
	}
	t.Logf("\n%s", &table)
	page := fixtures.Path("..", "docs", "security.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(table.String(), "\n")
	head, rest, ok := strings.Cut(string(text), header)
	written, tail, closed := strings.Cut(header+rest, "\n\n")
	written += "\n"
	switch {
	case !ok || !closed:
		t.Error("docs/security.md has no place for the table")
	case os.Getenv("MAILALLOW_UPDATE") != "":
		if err := os.WriteFile(page, []byte(head+table.String()+"\n"+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case written != table.String():
		t.Errorf("docs/security.md has\n%s", written)
	}
}
