// Package prometheus holds the alert rules for the metrics of mailallow. The test has promtool read them, and play when they fire.
package prometheus

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"mailallow/fixtures"
)

func TestRules(t *testing.T) {
	promtool := fixtures.Need(t, "promtool", fixtures.FindParts().Promtool)
	for _, args := range [][]string{{"check", "rules", "mailallow.rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		out, err := exec.Command(promtool, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "SUCCESS") {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// TestRulesNameMetrics: each metric in the rules is one that the page about metrics shows, whose test compares it with what the program
// writes, and each alert is in the table there.
func TestRulesNameMetrics(t *testing.T) {
	rules, err := os.ReadFile("mailallow.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bmailallow_[a-z0-9_]+`).FindAllString(string(rules), -1)
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(names) < 6 || len(alerts) < 6 {
		t.Fatalf("%d metrics and %d alerts", len(names), len(alerts))
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^` + name + `[ {]`).Match(page) {
			t.Errorf("operate.md shows no metric %s", name)
		}
	}
	for _, alert := range alerts {
		if !strings.Contains(string(page), "| `"+alert[1]+"` |") {
			t.Errorf("the table of operate.md has no %s", alert[1])
		}
	}
}
