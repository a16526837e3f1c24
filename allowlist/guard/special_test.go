package guard

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// A network with special-purpose space in it that is in every line of a list is cut once, and every line is told.
func TestSpecialRepeated(t *testing.T) {
	var ranges allowlist.Ranges
	const lines = 2000
	for i := range uint32(lines) {
		ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix("::/0"), Path: provenance.Of("list").AtLine(i + 1)})
	}
	var one, all withoutSpecial
	want, got := one.cutOverlaps(one.dropContained(someRanges("::/0"))), all.cutOverlaps(all.dropContained(ranges))
	if got.Len() != want.Len() || want.Len() < 100 {
		t.Errorf("%d networks, want %d", got.Len(), want.Len())
	}
	if problems := all.problems(); len(problems) != 21 || !strings.Contains(problems[20].Text, "in 1,980 more places") {
		t.Errorf("%v", problems)
	}
}

// A term or line with many networks in special-purpose space is told once.
func TestSpecialPlace(t *testing.T) {
	var ranges allowlist.Ranges
	for _, place := range []string{"mx:a.test", "mx:b.test"} {
		for _, p := range []string{"10.0.0.1/32", "10.0.9.9/32", "192.0.0.0/16"} {
			ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of("a.test", place)})
		}
	}
	v := Guard{Limits: allowlist.DefaultLimits()}.Check(Earlier{}, allowlist.Fetched{Resolved: allowlist.Resolved{Ranges: ranges}})
	if len(v.Problems) != 2 || !strings.HasPrefix(v.Problems[1].Text, "a.test > mx:b.test: special-purpose space is dropped") {
		t.Errorf("%v", v.Problems)
	}
}

// A path through many long names takes little of a report.
func TestSpecialLongPath(t *testing.T) {
	var ranges allowlist.Ranges
	for i := range 30 {
		path := provenance.Of("_spf.example")
		for range 49 {
			path = path.Then("include:" + strings.Repeat("x", 240))
		}
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32)
		ranges.Add(allowlist.Range{Prefix: p, Path: path.Then("ip4:" + p.String())})
	}
	v := Guard{Limits: allowlist.DefaultLimits()}.Check(Earlier{}, allowlist.Fetched{Resolved: allowlist.Resolved{Ranges: ranges}})
	size := 0
	for _, p := range v.Problems {
		size += len(p.Text)
	}
	if size > 15_000 {
		t.Errorf("%d problems of %d bytes", len(v.Problems), size)
	}
}
