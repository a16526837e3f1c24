package prefixes

import (
	"net/netip"
	"testing"
)

func TestSpecialPrefixes(t *testing.T) {
	for _, p := range specialPrefixes {
		if prefix, err := netip.ParsePrefix(p); err != nil || prefix != prefix.Masked() {
			t.Errorf("%s: %v", p, err)
		}
	}
}
