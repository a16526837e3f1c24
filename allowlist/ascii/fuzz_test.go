package ascii

import (
	"strings"
	"testing"
)

// FuzzPrintable checks that the result is printable ASCII within the limit, and that Raw gives the text back
// unless Printable cut it.
func FuzzPrintable(f *testing.F) {
	f.Add("a\\b\x00\x1b[2J\u202e\xff", 40)
	f.Add("...", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = len(mark) + int(uint(limit)%2000)
		got := Printable(s, limit)
		if len(got) > limit || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q", got)
		}
		if len(s)*len(`\xff`) > limit {
			return
		}
		if back := Raw(got); back != s {
			t.Fatalf("%q -> %q -> %q", s, got, back)
		}
	})
}
