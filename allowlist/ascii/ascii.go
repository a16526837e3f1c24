// Package ascii makes text that others chose fit to be shown: in a message, on a
// terminal, in a comment of a generated file.
package ascii

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const mark = "..."

// Printable gives s as printable ASCII of at most limit bytes: other bytes, and
// the backslash, become \xNN. What is cut off is cut between them, and ends in "...".
func Printable(s string, limit int) string {
	if len(s) <= limit && !strings.ContainsFunc(s, isEscaped) {
		return s
	}
	var b strings.Builder
	whole := 0 // of what is written, what fits together with the mark
	for i := range len(s) {
		if c := s[i]; isEscaped(rune(c)) {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
		switch {
		case b.Len() > limit:
			return b.String()[:whole] + mark
		case b.Len() <= limit-len(mark):
			whole = b.Len()
		}
	}
	return b.String()
}

// isEscaped tells of a byte that has another form in printable text; what is no
// ASCII has, as a byte and as the character that it begins.
func isEscaped(c rune) bool { return c < ' ' || c > '~' || c == '\\' }

// Shows tells whether a character of a text in UTF-8 can be seen as itself on a
// terminal: no control or formatting, marks of direction among it, nothing that
// takes no room (Default_Ignorable_Code_Point of Unicode), and not U+FFFD, which
// stands for invalid bytes.
func Shows(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return unicode.IsPrint(r) && r != utf8.RuneError &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Cut shortens text that is printable already to at most limit bytes.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit-len(mark)] + mark
}
