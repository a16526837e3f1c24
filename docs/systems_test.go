package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// TestArchives: `make dist` packs an archive for each system and machine of which operate.md says so, and for no other.
func TestArchives(t *testing.T) {
	_, sentence, found := strings.Cut(string(readPage(t, "docs/operate.md").source), "`make dist` packs an archive for each of ")
	sentence, _, _ = strings.Cut(sentence, ", with")
	if !found {
		t.Fatal("operate.md does not tell for which systems")
	}
	var told []string
	for _, some := range regexp.MustCompile(`([^()]*)\(([^()]*)\)`).FindAllStringSubmatch(strings.ToLower(sentence), -1) {
		for _, system := range regexp.MustCompile(`\w+`).FindAllString(some[1], -1) {
			for _, machine := range regexp.MustCompile(`\w+`).FindAllString(some[2], -1) {
				if system != "and" {
					told = append(told, strings.Replace(system, "macos", "darwin", 1)+"/"+machine)
				}
			}
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^ARCHIVES = ((?:.*\\\n)*.*)$`).FindStringSubmatch(string(makefile))
	if list == nil {
		t.Fatal("the Makefile has no ARCHIVES")
	}
	packed := regexp.MustCompile(`\w+/\w+`).FindAllString(list[1], -1)
	slices.Sort(told)
	slices.Sort(packed)
	if !slices.Equal(told, packed) {
		t.Errorf("operate.md tells of %q, the Makefile packs %q", told, packed)
	}
}
