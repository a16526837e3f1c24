package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzClean: Clean gives only text, and changes no text.
func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\r\u202eb\u2066\u200b\u200f\u061c\ufeff\x9b\u009b31m\xff\n\t\u0301\ufe0f\u3164\U000e0041")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if got != Clean(got) || !utf8.ValidString(got) || strings.Count(got, "\n") != strings.Count(s, "\n") {
			t.Fatalf("%q -> %q", s, got)
		}
		for _, r := range got {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || invisible(r) {
				t.Fatalf("%q -> %q: %U", s, got, r)
			}
		}
		if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 && got != s {
			t.Fatalf("%q -> %q", s, got)
		}
	})
}

// invisible knows the characters that show nothing, or turn the direction of others (Unicode 15, Bidi_Control and
// Default_Ignorable_Code_Point), by their numbers.
func invisible(r rune) bool {
	for _, span := range [][2]rune{
		{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
		{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	} {
		if span[0] <= r && r <= span[1] {
			return true
		}
	}
	return false
}
