package allowlist

import (
	"net/netip"
	"testing"
)

// The problems of one document are bounded, and the last says how many there are past the bound.
func TestFindingBounded(t *testing.T) {
	f := newFinding("doc", 1)
	for range maxFew + 2 {
		f.problems.Add("skipped", func() string { return "x" })
	}
	report := f.problems.inDocument(f.name)
	if n := len(report); n != maxFew+1 || report[n-1].Text != "doc: and 2 more problems like these" {
		t.Errorf("%d problems, the last %q", n, report[n-1].Text)
	}
	p := netip.MustParsePrefix("192.0.2.0/24")
	if first, second := f.add(p, 0), f.add(p, 1); first != nil || second == nil || second.Error() != "more than 1 addresses and networks" {
		t.Errorf("%v, %v", first, second)
	}
}
