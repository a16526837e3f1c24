package postfix

import "strings"

// expand replaces $name, ${name} and $(name) in a reply, ${name?text} and ${name:text} by text where name has a value or has
// none, and ${name?{text}:{text}} (postconf(5)). ok is false for a name that is not in values, and for other forms: smtpd uses
// its default reply then, at least for the former.
func expand(template string, values map[string]string) (text string, ok bool) {
	var b strings.Builder
	ok = true
	for {
		before, rest, more := strings.Cut(template, "$")
		b.WriteString(before)
		if !more {
			return b.String(), ok
		}
		if strings.HasPrefix(rest, "$") {
			b.WriteByte('$')
			template = rest[1:]
			continue
		}
		inner, after := bracketed(rest)
		end := 0
		for end < len(inner) && (inner[end] == '_' || inner[end] >= '0' && inner[end] <= '9' || inner[end]|0x20 >= 'a' && inner[end]|0x20 <= 'z') {
			end++
		}
		value, known := values[inner[:end]]
		ok, template = ok && known && end > 0, after
		if inner == rest { // $name without brackets
			template = rest[end:]
			b.WriteString(value)
			continue
		}
		chosen, valid := choose(value, inner[end:])
		inside, validInside := expand(chosen, values)
		ok = ok && valid && validInside
		b.WriteString(inside)
	}
}

// bracketed cuts off the text in the braces or parentheses that s begins with. Without them it is all of s.
func bracketed(s string) (inner, after string) {
	if s == "" || s[0] != '{' && s[0] != '(' {
		return s, ""
	}
	depth := 0
	for i, c := range []byte(s) {
		switch c {
		case '{', '(':
			depth++
		case '}', ')':
			if depth--; depth == 0 {
				return s[1:i], s[i+1:]
			}
		}
	}
	return s[1:], ""
}

// choose gives the text for a value: that of ?text, :text or ?{text}:{text}, or without these the value.
func choose(value, condition string) (text string, valid bool) {
	if condition == "" {
		return strings.ReplaceAll(value, "$", "$$"), true
	}
	operator, rest := condition[0], strings.TrimLeft(condition[1:], " ")
	first, second := condition[1:], ""
	if strings.HasPrefix(rest, "{") {
		first, second = bracketed(rest)
		if second = strings.TrimLeft(second, " "); second != "" && second[0] == ':' && operator == '?' {
			second, _ = bracketed(strings.TrimLeft(second[1:], " "))
		}
	}
	switch {
	case operator == '?' && value != "", operator == ':' && value == "":
		return first, true
	case operator == '?', operator == ':':
		return second, true
	}
	return "", false
}
