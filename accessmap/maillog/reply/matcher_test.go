package reply

import (
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestMatcher expects of texts made of parts of phrases the groups of the phrases that a search for each one finds.
func TestMatcher(t *testing.T) {
	groups := map[string]group{}
	for i, list := range [][]string{refusals, ordinary, quotes, lookupPages, {"bl.", "bl.example", "rbl", "l.e"}} {
		for _, phrase := range list {
			groups[phrase] |= 1 << i
		}
	}
	var all []string
	for phrase := range groups {
		all = append(all, phrase)
	}
	slices.Sort(all)
	m := newMatcher(groups)
	random := fixtures.Random(t)
	for range fixtures.Rounds(2000, 200_000) {
		var b strings.Builder
		for range random.IntN(6) {
			phrase := all[random.IntN(len(all))]
			from := random.IntN(len(phrase))
			b.WriteString(phrase[min(from, random.IntN(3)):]) // often whole
			b.WriteString([...]string{"", " ", "x", "\x00\xff"}[random.IntN(4)])
			b.WriteString(phrase[from:])
		}
		text := b.String()
		var want group
		for phrase, g := range groups {
			if strings.Contains(text, phrase) {
				want |= g
			}
		}
		if got := m.in(text); got != want {
			t.Fatalf("%q: %b, want %b", text, got, want)
		}
	}
}
