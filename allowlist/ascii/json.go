package ascii

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeJSON gives JSON with every character outside printable ASCII as an escape:
// names that others chose reach no terminal as they are.
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
