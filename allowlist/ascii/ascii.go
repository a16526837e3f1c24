// Package ascii handles text as ASCII bytes. It makes foreign text safe to show in
// a message, on a terminal or in a comment of a generated file, and it splits and
// compares text as the C programs do that read the same files. It does not decode
// any file format.
package ascii

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const mark = "..."

// Printable gives s as printable ASCII. All other bytes, and the backslash, become
// \xNN. If the result is longer than limit bytes, Printable cuts it, never inside an
// escape, and it ends in "..."; limit must be at least 3.
func Printable(s string, limit int) string {
	if len(s) <= limit && !strings.ContainsFunc(s, isEscaped) {
		return s
	}
	var b strings.Builder
	whole := 0 // bytes of b that fit into limit together with the mark
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

// Raw undoes the escapes of Printable. It gives s as it is if an escape in it is wrong.
func Raw(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	raw, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\x22`) + `"`)
	if err != nil {
		return s
	}
	return raw
}

// IsPrintable reports whether Printable leaves text as it is, if it is not too long.
func IsPrintable(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return isEscaped(rune(c)) })
}

// isEscaped reports whether Printable escapes c, a byte or a character.
func isEscaped(c rune) bool { return c < ' ' || c > '~' || c == '\\' }

// Shows reports whether a terminal shows the character as itself. It does not show
// control and formatting characters, such as marks of direction, characters without
// width (Default_Ignorable_Code_Point of Unicode), and U+FFFD, the replacement for
// invalid UTF-8.
func Shows(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return unicode.IsPrint(r) && r != utf8.RuneError &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Cut shortens printable ASCII to at most limit bytes, ending in "..." if it cuts;
// limit must be at least 3.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit-len(mark)] + mark
}
