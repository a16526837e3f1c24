package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/postfix"
	"mailallow/fixtures"
)

// fieldCase is a case of fixtures/lint/field; its README says what the keys mean.
type fieldCase struct {
	As, Kind string
	Lines    []int
	Healthy  []int
	None     bool
	Rules    []string
	Must     [][]string
	MustNot  []string
	Files    map[string]struct{ Lines, Healthy []int }

	Postscreen bool
}

func readCase(t *testing.T, path string) (c fieldCase) {
	t.Helper()
	if err := json.Unmarshal([]byte(fixtures.ReadFile(t, path)), &c); err != nil {
		t.Fatal(path, err)
	}
	return c
}

// compareLines holds the lines with findings against those that must have some, and those that must have none.
func compareLines(t *testing.T, findings []rule.Finding, lines, healthy []int) {
	t.Helper()
	found := map[int]rule.Finding{}
	for _, f := range findings {
		found[f.Line] = f
	}
	for _, n := range lines {
		if _, ok := found[n]; !ok {
			t.Errorf("no finding on line %d", n)
		}
	}
	for _, n := range healthy {
		if f, ok := found[n]; ok {
			t.Errorf("line %d is healthy: %+v", n, f)
		}
	}
}

// TestField: files as people have them.
func TestField(t *testing.T) {
	wants, err := filepath.Glob(fixtures.Path("lint", "field", "*.want.json"))
	if err != nil || len(wants) == 0 {
		t.Fatal(len(wants), err)
	}
	for _, want := range wants {
		path := strings.TrimSuffix(want, ".want.json")
		t.Run(filepath.Base(path), func(t *testing.T) {
			c := readCase(t, want)
			switch c.As {
			case "access":
				findings := access.Check([]byte(fixtures.ReadFile(t, path)), access.Options{Options: known})
				compareLines(t, findings, c.Lines, c.Healthy)
			case "cidr":
				findings := table.Check([]byte(fixtures.ReadFile(t, path)), format.UseNone, known)
				compareLines(t, findings, c.Lines, c.Healthy)
			case "maincf":
				c.mainCF(t, path)
			default:
				t.Fatalf("a case as %q", c.As)
			}
		})
	}
}

// mainCF lints a folder with a main.cf and its tables.
func (c fieldCase) mainCF(t *testing.T, from string) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	config := fixtures.PostfixConfig(t, strings.ReplaceAll(fixtures.ReadFile(t, filepath.Join(dir, "main.cf")), "@DIR@", dir))
	m, err := postfix.Read(t.Context(), fixtures.Postconf(t, config), "")
	if err != nil {
		t.Fatal(err)
	}
	m.Postscreen = c.Postscreen
	tables := []server.Table{{Path: dir + "/ours.cidr", Use: format.UseSMTPD, Permits: true, Generated: true}}
	if c.Postscreen {
		tables = append(tables, server.Table{Path: dir + "/ours.psc", Use: format.UsePostscreen, Permits: true, Generated: true})
	}
	findings := server.Postfix(m, tables, known)
	for _, must := range c.Must {
		if !slices.ContainsFunc(findings, func(f rule.Finding) bool {
			return !slices.ContainsFunc(must, func(part string) bool { return !strings.Contains(f.Text+f.Fix, part) })
		}) {
			t.Errorf("no finding has %q in %+v", must, findings)
		}
	}
	for _, f := range findings {
		if c.None || slices.ContainsFunc(c.MustNot, func(part string) bool { return strings.Contains(f.Text, part) }) {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range c.Rules {
		if !slices.ContainsFunc(findings, func(f rule.Finding) bool { return f.Rule == name }) {
			t.Errorf("no %s in %+v", name, findings)
		}
	}
	uses := map[string]format.Use{}
	for _, t := range server.Tables(m) {
		uses[filepath.Base(t.Path)] = t.Use
	}
	for name, want := range c.Files {
		findings := table.Check([]byte(fixtures.ReadFile(t, filepath.Join(dir, name))), uses[name], known)
		compareLines(t, findings, want.Lines, want.Healthy)
	}
}
