package reply

import (
	"net/netip"
	"testing"
)

// TestRules expects that each phrase of each rule is enough, with the words that it needs.
func TestRules(t *testing.T) {
	if max := 64 - 12; len(rules) > max {
		t.Fatalf("%d rules, and there are bits for %d", len(rules), max)
	}
	for _, r := range rules {
		for _, phrase := range r.phrases {
			if r.numbers != nil {
				phrase += "200"
				if phrase[len(phrase)-4] != '1' {
					phrase = phrase[:len(phrase)-3] + "1200"
				}
			}
			want := r.blames
			if want == "" {
				want = Address
			}
			if j := Host("550 "+r.and+" "+phrase, netip.Addr{}); j.Blames != want || r.zone != "" && j.Zone != r.zone && want == Address {
				t.Errorf("%q: %+v; want %s by %q", r.and+" "+phrase, j, want, r.zone)
			}
		}
	}
}
