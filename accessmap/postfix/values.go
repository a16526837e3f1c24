package postfix

import (
	"strings"

	"mailallow/allowlist/ascii"
)

// postconfLines reads lines `name = value`. A line that begins with a blank continues the one above.
func postconfLines(text []byte) map[string]string {
	values := map[string]string{}
	last := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case ascii.IsSpace(line[0]) && last != "":
			values[last] = strings.Trim(values[last]+" "+strings.Trim(line, ascii.Space), ascii.Space)
		case ok:
			last = strings.TrimSpace(name)
			values[last] = strings.Trim(value, ascii.Space)
		}
	}
	return values
}

// split cuts a value at commas and blanks, but not inside braces (mystrtokq in Postfix). For it \v and \f are no blanks.
func split(s string) (words []string) {
	start, depth := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) {
			switch c := s[i]; {
			case c == '{':
				depth++
				continue
			case c == '}' && depth > 0:
				depth--
				continue
			case depth > 0 || !strings.ContainsRune(", \t\r\n", rune(c)):
				continue
			}
		}
		if i > start {
			words = append(words, s[start:i])
		}
		start = i + 1
	}
	return words
}
