package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/fault"
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
	if _, err := Parse("reference.toml", []byte(reference), Flags{}); err != nil {
		t.Error(err)
	}
	tables := Reference()
	for name, table := range map[string]string{"at the top": "", "dns": "[dns]", "source": "[[source]]", "target": "[[target]]", "guard": "[guard]", "dnsbl": "[dnsbl]", "snapshot": "[snapshot]"} {
		for _, key := range knownKeys(t, table) {
			if key != "source" && key != "target" && key != "dns" && key != "guard" && key != "dnsbl" && key != "snapshot" {
				named(t, tables, name, key)
			}
		}
	}
	for _, table := range tables {
		for _, k := range table.Keys {
			if k.Comment == "" {
				t.Errorf("reference.toml does not say what %s of %s is", k.Name, table.Name)
			}
		}
	}
	elsewhere(t)
}

// elsewhere: what the text refers to can be found from the manual, too: a heading of a page, and nothing around the text.
func elsewhere(t *testing.T) {
	t.Helper()
	if around := regexp.MustCompile(`.*\b(above|below)\b.*`).FindString(reference); around != "" {
		t.Errorf("in mailallow.toml(5) there is nothing around the text: %s", around)
	}
	for _, see := range regexp.MustCompile(`see "([^"]*)"(?: in (\w+\.md))?`).FindAllStringSubmatch(reference, -1) {
		if page, err := os.ReadFile("../../../../docs/" + see[2]); err != nil || !strings.Contains(string(page), "\n## "+see[1]+"\n") {
			t.Errorf("%s leads to no heading of a page: %v", see[0], err)
		}
	}
}

// knownKeys gives the keys that a table may have, as the message about an unknown one lists them.
func knownKeys(t *testing.T, table string) []string {
	t.Helper()
	const far = "a_key_that_is_near_to_none_of_those_that_there_are"
	_, err := Parse("x.toml", []byte(table+"\n"+far+" = 1\n"), Flags{})
	for _, e := range fault.Each(err) {
		if _, known, found := strings.Cut(e.Error(), ": known are "); found {
			return strings.Split(known, ", ")
		}
	}
	t.Fatalf("%s: %v", table, err)
	return nil
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
