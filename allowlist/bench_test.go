package allowlist

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkLists reads lists of 100,000 lines as a file and as a document on the web.
func BenchmarkLists(b *testing.B) {
	for _, list := range []struct{ name, line string }{
		{"networks", "%d.%d.%d.0/24\n"},
		{"hosts", "%d.%d.%d.7\n"},
		{"IPv6", "2a01:%x:%x:%x::/64\n"},
		{"comments", "%d.%d.%d.0/24 ; SBL123456\n"},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		var text bytes.Buffer
		for range 100_000 {
			fmt.Fprintf(&text, list.line, 11+rng.IntN(200), rng.IntN(256), rng.IntN(256))
		}
		b.Run("file/"+list.name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, _, err := ParseList(text.Bytes(), "list"); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, kind := range []string{"plain", "html"} {
			body := text.Bytes()
			if kind == "html" {
				body = append([]byte("<ul>"), bytes.ReplaceAll(body, []byte("\n"), []byte("<li>\n"))...)
			}
			b.Run(kind+"/"+list.name, func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					f := newFinding("list", 1<<30)
					if err := f.reader(Source{}, 1<<30).Text(body, "text/"+kind); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
