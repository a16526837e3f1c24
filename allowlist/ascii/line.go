package ascii

import (
	"strconv"
	"strings"
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
