package accessmap_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/fixtures"
)

// drawHand draws lines that a person may have: keys for addresses near the list's, tagged or not.
func drawHand(t *rapid.T) (lines []string) {
	seen := map[string]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "lines by hand") {
		network := drawNetwork(t)
		parts, separator := strings.Split(fixtures.ClientAddr(network.Addr()), "."), "."
		if network.Addr().Is6() {
			parts, separator = strings.Split(fixtures.ClientAddr(network.Addr()), ":"), ":"
		}
		// That of the family alone, IPv6, matches every address of it.
		key := strings.Join(parts[:rapid.IntRange(1, len(parts)).Draw(t, "parts")], separator)
		key = rapid.SampledFrom([]string{"Connect:", "", "connect:"}).Draw(t, "tag") + key
		if folded := strings.ToLower(key); !seen[folded] {
			seen[folded] = true
			lines = append(lines, key+"\t"+rapid.SampledFrom([]string{"OK", "RELAY", "REJECT", "ERROR:550 no"}).Draw(t, "value"))
		}
	}
	return lines
}

// TestHandWrittenLines: lines by hand stay, and wherever the server follows one of them and not the list, the line is in
// the plan's problems. Everywhere else the server follows the list.
func TestHandWrittenLines(t *testing.T) {
	maker := newMaker(t)
	path := filepath.Join(t.TempDir(), "access")
	format, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		l, byHand := drawList(t), drawHand(t)
		text := strings.Join(append([]string{"# by hand"}, byHand...), "\n") + "\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		target := plan.Target{Format: format, Path: path, Map: makemap.None, Want: l.want}
		plans, err := plan.Planner{}.All(t.Context(), []plan.Target{target}, l.set)
		if err != nil {
			if !strings.Contains(err.Error(), "max_keys") {
				t.Fatal(err)
			}
			return
		}
		held, err := maker.mapOf(plans[0].New)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.follows(held, byHand, plans[0].Problems); err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, l)
		}
	})
}

// follows says of a map with lines by hand where it follows neither the list nor a line that is in the problems.
func (l list) follows(held accessMap, byHand []string, problems []plan.Problem) error {
	lines := map[string]int{}
	for i, line := range byHand {
		key, value, _ := strings.Cut(line, "\t")
		key = strings.ToLower(key)
		const heading = 1
		if lines[key] = heading + i + 1; held[key] != value {
			return fmt.Errorf("%q became %q", line, held[key])
		}
	}
	for _, addr := range l.questions() {
		key, want := held.key(addr), l.said(addr)
		line := lines[key]
		told := slices.ContainsFunc(problems, func(p plan.Problem) bool { return p.Line == line })
		excluded := l.set.Excluded.Contains(addr) && held[key] != allowlist.Reject.String()
		switch {
		case held[key] == want.String() || line > 0 && told:
		case line > 0 && want == allowlist.None && !excluded:
			// The list has nothing to say there.
		default:
			return fmt.Errorf("%s: %q by key %q, and the list says %q; problems %v", addr, held[key], key, want, problems)
		}
	}
	return nil
}
