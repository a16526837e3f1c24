package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"mailallow/fixtures"
)

// FuzzConfig: a configuration is taken as a whole, or every mistake in it is told on one line, with a line of the file.
func FuzzConfig(f *testing.F) {
	paths, err := filepath.Glob(fixtures.Path("bad", "*.toml"))
	if err != nil || len(paths) == 0 {
		f.Fatal(err)
	}
	for _, path := range append(paths, "reference.toml") {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("[[source]]\nname = \"a\\u001b[2J\\nb\"\n\"\\u202e\" = 1\n[dnsbl]\nzones = [\"x\\ny\"]\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		const name = "c.toml"
		c, err := decodeConfig(filepath.Join(dir, name), text)
		if err != nil {
			checkMessage(t, err)
			return
		}
		lines := strings.Count(string(text), "\n") + 1
		for place, line := range c.lines {
			if line < 1 || line > lines {
				t.Errorf("%s is on line %d of %d", place, line, lines)
			}
		}
		s, err := c.settings("")
		if err == nil && (len(s.sources) != len(c.text.Source) || len(s.targets) != len(c.text.Target)) {
			t.Errorf("%d sources and %d targets of %d and %d", len(s.sources), len(s.targets), len(c.text.Source), len(c.text.Target))
		}
		if err == nil {
			for _, src := range s.sources {
				if src.Name == "" || src.Name != clean(src.Name) || strings.ContainsAny(src.Name, "\n\t") {
					t.Errorf("a source named %q", src.Name)
				}
			}
			return
		}
		for _, p := range c.problems {
			if p.line < 0 || p.line > lines {
				t.Errorf("line %d of %d", p.line, lines)
			}
			checkMessage(t, p)
		}
	})
}

// checkMessage wants one line of bounded length, but for what joins several.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	const most = 2000
	if _, several := err.(interface{ Unwrap() []error }); several {
		return
	}
	if text := err.Error(); strings.Contains(text, "\n") || len(text) > most {
		t.Errorf("message of %d bytes: %.200q", len(text), text)
	}
}

// FuzzClean: what reaches a terminal is text, and text is left as it is.
func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\r\u202eb\u2066\u200b\u200f\u061c\ufeff\x9b\u009b31m\xff\n\t\u0301\ufe0f\u3164\U000e0041")
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s)
		if got != clean(got) || !utf8.ValidString(got) || strings.Count(got, "\n") != strings.Count(s, "\n") {
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

// invisible knows the characters that show nothing, or turn around what others show (Unicode 15, Bidi_Control and
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
