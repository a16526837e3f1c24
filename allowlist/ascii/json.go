package ascii

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeJSON escapes every character of JSON that is outside ASCII, so that foreign
// names cannot control a terminal. text must be valid JSON, in which control
// characters inside strings are escaped already. The result is the same JSON value;
// an invalid byte becomes U+FFFD.
func EscapeJSON(text []byte) []byte {
	escaped := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if text = text[size:]; r <= '~' {
			escaped = append(escaped, byte(r))
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped
}
