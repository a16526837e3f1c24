package exit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// DidYouMean gives the end of a message about an unknown word: the nearest known word,
// or all of them if none is near.
func DidYouMean(word string, known []string) string {
	if hint := Nearest(word, known); hint != "" || len(known) == 0 {
		return hint
	}
	return ": known are " + strings.Join(known, ", ")
}

// Nearest gives the end of such a message with the nearest known word; empty if none is
// near.
func Nearest(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	distance := func(k string) int { return levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(k)) }
	for _, k := range known {
		if len(word) > 1 && strings.HasPrefix(k, word) { // half a word is nearer to another short one
			return fmt.Sprintf(": did you mean %q?", k)
		}
	}
	best := slices.MinFunc(known, func(a, b string) int { return distance(a) - distance(b) })
	if letters, d := len([]rune(strings.TrimLeft(word, "-"))), distance(best); d > max(2, letters/2) || d >= letters { // no letter in common
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}
