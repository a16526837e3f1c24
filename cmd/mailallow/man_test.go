package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestManual: groff warns of nothing in the pages and divides no word, and the first has every command and flag.
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
		if divided := regexp.MustCompile(`(?m)^.*-$`).Find(out); divided != nil {
			t.Errorf("%s divides a word: %s", name, divided)
		}
		if name == "mailallow.toml.5" {
			continue
		}
		for _, cmd := range commands() {
			for _, row := range rowsOf(append(cmd.flags, globalFlags()...)) {
				if want := row[0]; !strings.Contains(string(out), want) {
					t.Errorf("%s has no %q", name, want)
				}
			}
		}
	}
}
