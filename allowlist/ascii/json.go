package ascii

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON gives v as JSON in ASCII, on one line without LF. Unlike json.Marshal it leaves <, > and & as they are.
func JSON(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return EscapeJSON(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

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
