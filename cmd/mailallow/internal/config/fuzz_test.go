package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// FuzzConfig: Decode and Settings take a configuration as a whole, or report every mistake in one line, with its line in the file.
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
		c, err := Decode(filepath.Join(dir, name), text)
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
		s, err := c.Settings("")
		if err == nil && (len(s.Sources) != len(c.text.Source) || len(s.Targets) != len(c.text.Target)) {
			t.Errorf("%d sources and %d targets of %d and %d", len(s.Sources), len(s.Targets), len(c.text.Source), len(c.text.Target))
		}
		if err == nil {
			for _, src := range s.Sources {
				if src.Name == "" || src.Name != terminal.Clean(src.Name) || strings.ContainsAny(src.Name, "\n\t") {
					t.Errorf("a source named %q", src.Name)
				}
			}
			return
		}
		for _, p := range c.problems {
			if p.Line < 0 || p.Line > lines {
				t.Errorf("line %d of %d", p.Line, lines)
			}
			checkMessage(t, p)
		}
	})
}

// checkMessage wants one line of bounded length, except for errors that join others.
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
