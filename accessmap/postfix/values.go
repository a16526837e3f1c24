package postfix

import (
	"strings"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

// postconfLines reads lines `name = value`. A line that begins with a blank continues the one above.
func postconfLines(text []byte) map[string]string {
	values := map[string]string{}
	last := ""
	for line := range strings.Lines(dnsbl.HideKeys(string(text))) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case ascii.IsSpace(line[0]) && last != "":
			values[last] = strings.TrimSpace(values[last] + " " + strings.TrimSpace(line))
		case ok:
			last = strings.TrimSpace(name)
			values[last] = strings.TrimSpace(value)
		}
	}
	return values
}

// expander replaces $name, ${name} and $(name) by their values. It leaves conditional forms (${name?value}) as they are.
type expander struct {
	values map[string]string
	left   int // the bound for further bytes; each name costs one byte more than its value
}

// all expands names, at most depth levels of names in values. Beyond that, and beyond the bound, names stay as they are.
func (e *expander) all(s string, depth int) string {
	if depth == 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '$' {
			b.WriteByte(s[i])
			i++
			continue
		}
		name, length := parameterName(s[i+1:])
		if value, ok := e.values[name]; ok && name != "" && len(value) < e.left {
			e.left -= len(value) + 1
			b.WriteString(e.all(value, depth-1))
		} else {
			b.WriteString(s[i : i+1+length])
		}
		i += 1 + length
	}
	return b.String()
}

// parameterName reads the name after a $. length includes its braces or parentheses.
func parameterName(s string) (name string, length int) {
	open := 0
	if s != "" && (s[0] == '{' || s[0] == '(') {
		open = 1
	}
	end := open
	for end < len(s) && (s[end] == '_' || s[end] >= '0' && s[end] <= '9' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= 'A' && s[end] <= 'Z') {
		end++
	}
	if open == 1 {
		if end == len(s) || s[end] != '}' && s[end] != ')' {
			return "", 0
		}
		return s[open:end], end + 1
	}
	return s[:end], end
}

// split cuts a value at commas and blanks, but not inside braces (mystrtokq in Postfix).
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
			case depth > 0 || c != ',' && !ascii.IsSpace(c):
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
