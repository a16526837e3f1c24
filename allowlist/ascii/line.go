package ascii

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Line gives s if every character of it shows, else printable ASCII of at most 1,000 bytes. It is for names that stay as
// their owner wrote them: of files, domains and sources.
func Line(s string) string {
	const most = 1000
	if AllShow(s) {
		return s
	}
	return Printable(s, most)
}

// Shown gives s with an escape, \xNN a byte, for each character that does not show, and at most limit bytes of it, with "..."
// behind them if it cuts; limit must be at least 3. It is for text that people write in their own language.
func Shown(s string, limit int) string {
	if len(s) <= limit && AllShow(s) {
		return s
	}
	var b strings.Builder
	whole := 0 // bytes of b that fit into limit together with the mark
	for i := 0; i < len(s) && b.Len() <= limit; {
		r, size := utf8.DecodeRuneInString(s[i:])
		if Shows(r) {
			b.WriteString(s[i : i+size])
		} else {
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		i += size
		if b.Len() <= limit-len(mark) {
			whole = b.Len()
		}
	}
	if b.Len() > limit {
		return b.String()[:whole] + mark
	}
	return b.String()
}

// AllShow reports whether s is text on one line: whether each of its characters shows.
func AllShow(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !Shows(r) })
}

// Excerpt makes foreign text safe for a message: at most 80 bytes of it, in printable ASCII with escapes for the rest.
func Excerpt(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	quoted := strconv.QuoteToASCII(s)
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(quoted[1 : len(quoted)-1])
}
