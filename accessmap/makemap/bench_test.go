package makemap

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mailallow/fixtures"
)

// mapSizes are the sizes of the maps, in keys.
func mapSizes() map[string]int {
	return map[string]int{"25k": 25_000, "100k": 100_000, "1M": 1_000_000}
}

// consecutiveKeys are the lines of an access file for consecutive networks.
func consecutiveKeys(n int) []byte {
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, "Connect:%d.%d.%d\tOK\n", 40+i>>16, i>>8&0xff, i&0xff)
	}
	return text.Bytes()
}

// BenchmarkBuildMap measures makemap on the text as it is, Build, and Build with Verify.
func BenchmarkBuildMap(b *testing.B) {
	m := Program{Path: fixtures.Makemap(b)}
	base := filepath.Join(b.TempDir(), "map")
	for _, name := range []string{"25k", "100k", "1M"} {
		text := consecutiveKeys(mapSizes()[name])
		ways := []struct {
			name string
			do   func() error
		}{
			{"bare", func() error {
				cmd := exec.Command(m.Path, "-C", "/dev/null", "hash", base)
				cmd.Stdin = bytes.NewReader(text)
				return cmd.Run()
			}},
			{"built", func() error { return m.Build(b.Context(), "hash", base+".db", ReadText(text)) }},
			{"verified", func() error {
				read := ReadText(text)
				if err := m.Build(b.Context(), "hash", base+".db", read); err != nil {
					return err
				}
				return m.Verify(b.Context(), "hash", base+".db", read)
			}},
		}
		for _, way := range ways {
			b.Run(name+"/"+way.name, func(b *testing.B) {
				for b.Loop() {
					os.Remove(base + ".db")
					if err := way.do(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
