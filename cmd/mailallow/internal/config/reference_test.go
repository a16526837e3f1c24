package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReference: docs/configuration.md and mailallow.toml(5) show one text, it is a configuration, and it names every key.
func TestReference(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```toml\n")
	shown, _, _ := strings.Cut(rest, "```\n")
	if diff := cmp.Diff(reference, shown); diff != "" {
		t.Errorf("the configuration in configuration.md is not reference.toml:\n%s", diff)
	}
	file, err := Decode("reference.toml", []byte(reference))
	if err == nil {
		_, err = file.Settings("")
	}
	if err != nil {
		t.Error(err)
	}
	tables := Reference()
	for _, f := range documentFields() {
		for _, key := range f.below {
			named(t, tables, f.key, key.key)
		}
		if f.below == nil {
			named(t, tables, "at the top", f.key)
		}
	}
	for _, table := range tables {
		for _, k := range table.Keys {
			if k.Comment == "" {
				t.Errorf("reference.toml does not say what %s of %s is", k.Name, table.Name)
			}
		}
	}
}

// named wants a key in its table, or in the comment of another key there that explains both.
func named(t *testing.T, tables []Table, table, key string) {
	t.Helper()
	word := regexp.MustCompile(`\b` + key + `\b`)
	if !slices.ContainsFunc(tables, func(at Table) bool {
		return strings.Trim(at.Name, "[]") == table && slices.ContainsFunc(at.Keys, func(k Key) bool {
			return k.Name == key || word.MatchString(k.Comment)
		})
	}) {
		t.Errorf("reference.toml has no %s in %s", key, table)
	}
}
