package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestSystems: the table of what ran where names tests that are there, and the versions of the servers that they run with.
func TestSystems(t *testing.T) {
	_, table, found := strings.Cut(string(readPage(t, "docs/guarantees.md").source), "\n## What ran where\n")
	if !found {
		t.Fatal("guarantees.md does not tell what ran where")
	}
	sources := readSources(t)
	for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(table, -1) {
		if !strings.Contains(sources, "\nfunc "+name[1]+"(t *testing.T)") {
			t.Errorf("there is no %s", name[1])
		}
	}
	for release, folder := range map[string]string{"12": "", "13": "trixie"} {
		row := regexp.MustCompile(`\n\| Debian ` + release + ` \| Sendmail ([\d.]+), Postfix ([\d.]+) \|`).FindStringSubmatch(table)
		if row == nil {
			t.Errorf("Debian %s: no row names its servers", release)
			continue
		}
		for i, name := range []string{"sendmail-bin", "postfix"} {
			debs, err := filepath.Glob(filepath.Join(fixtures.PartsFolder(), folder, "deb", name, name+"_*.deb"))
			if err != nil {
				t.Fatal(err)
			}
			if len(debs) == 0 {
				t.Logf("Debian %s: %s is not here: its version is not compared", release, name)
			} else if !strings.HasPrefix(filepath.Base(debs[0]), name+"_"+row[i+1]+".") {
				t.Errorf("Debian %s: the tests run with %s, the table has %s", release, filepath.Base(debs[0]), row[i+1])
			}
		}
	}
}
