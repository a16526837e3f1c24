package makemap

import (
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// FuzzReadMapText compares ReadText with the real makemap.
func FuzzReadMapText(f *testing.F) {
	for _, text := range []string{"Connect:10\tOK\n", "a OK\r\nA b\n", " a\n\n#\n", "a\x00 b\nc d", "#" + strings.Repeat("x", MaxLine-1) + "Connect:8\tRELAY\n", "\xff\x85 \v\f x\n"} {
		f.Add(text)
	}
	m := Program{Path: fixtures.Makemap(f)}
	base := filepath.Join(f.TempDir(), "map")
	f.Fuzz(func(t *testing.T, text string) { sameAsMakemap(t, m, base, text) })
}
