package format

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/provenance"
)

// BenchmarkFormats writes and reads back a list of 20,000 RELAY networks, a tenth of them IPv6, in every format.
func BenchmarkFormats(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	source := allowlist.Labelled{Source: "provider", Action: allowlist.Relay}
	for i := range 20_000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + random.IntN(100)), byte(random.IntN(256)), byte(random.IntN(256))}), 22+random.IntN(3)).Masked()
		if i%10 == 0 {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x2a, 1, byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}), 48).Masked()
		}
		source.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of("_spf.provider.example", "include:_netblocks.provider.example")})
	}
	set := allowlist.Merge([]allowlist.Labelled{source})
	for _, f := range All() {
		var text bytes.Buffer
		b.Run(f.Name+"/write", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				text.Reset()
				if _, err := f.Write(&text, set.Spans(), Selection{}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(text.Len()))
		})
		b.Run(f.Name+"/networks", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, err := f.Networks(ascii.Lines(text.Bytes()), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
