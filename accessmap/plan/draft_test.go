package plan

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// A draft is what was written to it, whatever the present text is, and keeps no copy of a text that stays.
func TestDraft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 0, 3)
		parts := rapid.SliceOfN(part, 0, 6).Draw(t, "parts")
		want := bytes.Join(parts, nil)
		present := rapid.OneOf(rapid.Just(want), rapid.Map(rapid.IntRange(0, len(want)), func(n int) []byte { return want[:n] }),
			rapid.Map(part, func(more []byte) []byte { return append(bytes.Clone(want), more...) }), rapid.SliceOfN(rapid.SampledFrom([]byte("ab")), 0, 18)).Draw(t, "present")
		d := draft{present: bytes.Clone(present)}
		length := 0
		for _, p := range parts {
			if rapid.Bool().Draw(t, "grow") {
				d.Grow(rapid.IntRange(0, 9).Draw(t, "room"))
			}
			n, err := d.Write(p)
			if length += n; n != len(p) || err != nil || d.len() != length {
				t.Fatalf("%d bytes of %q are written, %d in all: %v", n, p, d.len(), err)
			}
		}
		got := d.bytes()
		if got == nil || !bytes.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		if stays := bytes.HasPrefix(present, want); stays && len(want) > 0 && &got[0] != &d.present[0] {
			t.Fatal("the text stays, and is there twice")
		}
		if _ = append(got, 'x'); !bytes.Equal(d.present, present) {
			t.Fatalf("the present text %q becomes %q", present, d.present)
		}
	})
}
