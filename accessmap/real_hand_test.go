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

// drawHandWritten draws hand-written lines: keys for addresses near those of the list, with a tag or without.
func drawHandWritten(t *rapid.T) (lines []string) {
	seen := map[string]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "lines by hand") {
		network := drawNetwork(t)
		parts, separator := strings.Split(fixtures.ClientAddr(network.Addr()), "."), "."
		if network.Addr().Is6() {
			parts, separator = strings.Split(fixtures.ClientAddr(network.Addr()), ":"), ":"
		}
		// The key IPv6 matches every IPv6 address.
		key := strings.Join(parts[:rapid.IntRange(1, len(parts)).Draw(t, "parts")], separator)
		key = rapid.SampledFrom([]string{"Connect:", "", "connect:"}).Draw(t, "tag") + key
		if folded := strings.ToLower(key); !seen[folded] {
			seen[folded] = true
			lines = append(lines, key+"\t"+rapid.SampledFrom([]string{"OK", "RELAY", "REJECT", "ERROR:550 no"}).Draw(t, "value"))
		}
	}
	return lines
}

// TestHandWrittenLines plans over hand-written lines. They stay, and the plan has a problem for each of them that the server
// follows in place of the list. For all other addresses the server follows the list.
func TestHandWrittenLines(t *testing.T) {
	t.Parallel()
	maker := newMaker(t)
	path := filepath.Join(t.TempDir(), "access")
	format, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		l, byHand := drawList(t), drawHandWritten(t)
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
		stored, err := maker.mapOf(plans[0].New)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.follows(stored, byHand, plans[0].Problems); err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, l)
		}
	})
}

// follows is an error if the map gives an address neither the action of the list nor that of a line in the problems.
func (l list) follows(stored accessMap, byHand []string, problems []plan.Problem) error {
	lines := map[string]int{}
	for i, line := range byHand {
		key, value, _ := strings.Cut(line, "\t")
		key = strings.ToLower(key)
		const heading = 1
		if lines[key] = heading + i + 1; stored[key] != value {
			return fmt.Errorf("%q became %q", line, stored[key])
		}
	}
	for _, addr := range l.samples() {
		key, want := stored.key(addr), l.action(addr)
		line := lines[key]
		reported := slices.ContainsFunc(problems, func(p plan.Problem) bool { return p.Line == line })
		excluded := l.set.Excluded.Contains(addr) && stored[key] != allowlist.Reject.String()
		switch {
		case stored[key] == want.String() || line > 0 && reported:
		case line > 0 && want == allowlist.None && !excluded:
			// The list has no action for it.
		default:
			return fmt.Errorf("%s: %q by key %q, and the list says %q; problems %v", addr, stored[key], key, want, problems)
		}
	}
	return nil
}
