package snapshot

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
)

// BenchmarkSnapshot encodes and decodes a snapshot of 40 sources with 1,000 ranges each.
func BenchmarkSnapshot(b *testing.B) {
	var sources []allowlist.Resolved
	for i := range 40 {
		name := fmt.Sprintf("p%d.example", i)
		source := allowlist.Resolved{Name: name, Definition: allowlist.Source{Name: name, SPF: []string{name}}.Definition(), Time: time.Unix(1_800_000_000, 0)}
		for n := range 1000 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i), byte(n >> 7), byte(n << 1), 0}), 24)
			source.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of(name, "include:_netblocks."+name, "ip4:"+p.String())})
		}
		sources = append(sources, source)
	}
	s := New(time.Time{}, sources)
	text, err := s.Bytes()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := s.Bytes(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := DecodeBytes(text, "snapshot"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
