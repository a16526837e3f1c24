package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// FuzzConfig: Parse takes a configuration as a whole, or reports every mistake in one line, with its line in the file.
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
	f.Add([]byte("\ufeff[[source]]\nname = \"a\"\ncidr = []\naction = \"OK\"\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		const name = "c.toml"
		s, err := Parse(filepath.Join(dir, name), text, Flags{})
		lines := strings.Count(string(text), "\n") + 1
		if s != nil {
			for place, line := range s.lines {
				if line < 1 || line > lines {
					t.Errorf("%s is on line %d of %d", place, line, lines)
				}
			}
		}
		for _, e := range fault.Each(err) {
			if line := fault.LineOf(e); line < 0 || line > lines {
				t.Errorf("line %d of %d", line, lines)
			}
			checkMessage(t, e)
		}
		if err != nil {
			return
		}
		var written struct{ Source, Target []map[string]any }
		if err := toml.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &written); err != nil || len(s.Sources) != len(written.Source) || len(s.Targets) != len(written.Target) {
			t.Errorf("%d sources and %d targets of %d and %d: %v", len(s.Sources), len(s.Targets), len(written.Source), len(written.Target), err)
		}
		for _, src := range s.Sources {
			if src.Name == "" || src.Name != terminal.Clean(src.Name) || strings.ContainsAny(src.Name, "\n\t") {
				t.Errorf("a source named %q", src.Name)
			}
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
