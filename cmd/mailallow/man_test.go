package main

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"

	"github.com/google/go-cmp/cmp"
)

// TestManual: groff finds nothing to warn of in the pages, and every command and flag stands in the first.
func TestManual(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		fixtures.Missing(t, "no groff here: `make parts` installs it")
	}
	for name, page := range map[string]string{"mailallow.1": commandPage(), "mailallow.toml.5": configPage()} {
		cmd := exec.Command(groff, "-man", "-ww", "-Tascii", "-P-cbu")
		cmd.Stdin = strings.NewReader(page)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.String() != "" {
			t.Errorf("groff %s: %v\n%s", name, err, &stderr)
		}
		if name == "mailallow.toml.5" {
			continue
		}
		for _, cmd := range commands() {
			for _, flag := range append(cmd.flags, globalFlags()...) {
				if want := flagWords(flag).typed(); !strings.Contains(string(out), want) {
					t.Errorf("%s has no %q", name, want)
				}
			}
		}
	}
}

// TestReference: what docs/configuration.md and mailallow.toml(5) show is one text, it is a configuration, and it names every key.
func TestReference(t *testing.T) {
	readme, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```toml\n")
	shown, _, _ := strings.Cut(rest, "```\n")
	if diff := cmp.Diff(reference, shown); diff != "" {
		t.Errorf("the configuration in configuration.md is not reference.toml:\n%s", diff)
	}
	config, err := decodeConfig("reference.toml", []byte(reference))
	if err == nil {
		_, err = config.settings("")
	}
	if err != nil {
		t.Error(err)
	}
	tables := referenceTables(reference)
	for _, field := range reflect.VisibleFields(reflect.TypeFor[fileConfig]()) {
		name := field.Tag.Get("toml")
		if field.Type.Kind() == reflect.Slice || field.Type.Kind() == reflect.Struct {
			for _, key := range knownKeys(field.Type, nil) {
				named(t, tables, name, key)
			}
		} else {
			named(t, tables, "at the top", name)
		}
	}
	for _, table := range tables {
		for _, k := range table.keys {
			if k.comment == "" {
				t.Errorf("reference.toml does not say what %s of %s is", k.name, table.name)
			}
		}
	}
}

// named tells whether a key stands in its table, or is named there by another that says the same of both.
func named(t *testing.T, tables []referenceTable, table, key string) {
	t.Helper()
	word := regexp.MustCompile(`\b` + key + `\b`)
	if !slices.ContainsFunc(tables, func(at referenceTable) bool {
		return strings.Trim(at.name, "[]") == table && slices.ContainsFunc(at.keys, func(k referenceKey) bool {
			return k.name == key || word.MatchString(k.comment)
		})
	}) {
		t.Errorf("reference.toml has no %s in %s", key, table)
	}
}

// TestExample: what the package installs as /etc/mailallow/mailallow.toml is what init writes on a host without a mail
// server. With MAILALLOW_UPDATE set it is written anew.
func TestExample(t *testing.T) {
	const path = "../../packaging/debian/mailallow.toml"
	want := startingConfig(servers{}, nil)
	if os.Getenv("MAILALLOW_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what init writes:\n%s", path, diff)
	}
}

func TestRoff(t *testing.T) {
	for _, row := range [][2]string{
		{".TH 'x'", `\&.TH \(aqx\(aq`},
		{`C:\n --all`, `C:\en \-\-all`},
		{"~ ^ `x`", "\\(ti \\(ha \\(gax\\(ga"},
	} {
		if got := roff(row[0]); got != row[1] {
			t.Errorf("%q is %q, want %q", row[0], got, row[1])
		}
	}
}
