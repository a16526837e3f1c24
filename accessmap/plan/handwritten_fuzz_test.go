package plan

import (
	"bytes"
	"slices"
	"testing"

	"mailallow/accessmap/block"
	"mailallow/accessmap/makemap"
)

// FuzzOutsideBlock compares the reading of the lines around a block with that of the file in which blank lines replace the
// block.
func FuzzOutsideBlock(f *testing.F) {
	for _, text := range []string{"", "a OK", "a OK\n", "a OK\r\n# BEGIN mailallow\nb OK\n# END mailallow\na\r\nA OK\n", "# BEGIN mailallow\n# END mailallow"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := block.Extract(text)
		if err != nil {
			return
		}
		if !m.Found {
			var text bytes.Buffer
			m.WriteAbove(&text)
			text.WriteString("a OK\n")
			m.WriteBelow(&text)
			m, _ = block.Extract(text.Bytes())
		}
		blank := bytes.Repeat([]byte("\n"), bytes.Count(m.Inside, []byte("\n"))+2)
		want, got := makemap.ReadText(slices.Concat(m.Before, blank, m.After)), outsideBlock(m)
		if !slices.Equal(slices.Collect(got.All()), slices.Collect(want.All())) || !slices.Equal(got.Problems, want.Problems) {
			t.Fatalf("outside %v %v, want %v %v", slices.Collect(got.All()), got.Problems, slices.Collect(want.All()), want.Problems)
		}
	})
}
