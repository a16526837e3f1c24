// Package token finds what the text of a log line is made of: addresses, domain names and reply codes. It does not know what
// they mean.
package token

import "strings"

// IsReply reports whether a text begins with an SMTP reply code of class 4 or 5.
func IsReply(s string) bool {
	return len(s) >= 3 && (s[0] == '4' || s[0] == '5') && IsDigits(s[:3]) && (len(s) == 3 || s[3] == ' ' || s[3] == '-')
}

// Flat gives a reply in lower case without the codes at the beginning of its lines. Postfix joins the lines, so a code may
// be in the middle of a phrase.
func Flat(s string) string {
	var room [usualReply]byte
	flat := room[:0]
	for i := 0; i < len(s); {
		if s[i] == ' ' {
			i++
			continue
		}
		if s[i] == '4' || s[i] == '5' {
			w, _, _ := strings.Cut(s[i:], " ")
			if IsCode(w) {
				i += len(w)
				continue
			}
			i += len(w) - len(withoutCode(w))
		}
		if len(flat) > 0 {
			flat = append(flat, ' ')
		}
		for i < len(s) && s[i] != ' ' && s[i] < 0x80 {
			c := s[i]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			flat = append(flat, c)
			i++
		}
		if i < len(s) && s[i] != ' ' {
			rest, _, _ := strings.Cut(s[i:], " ")
			flat = append(flat, strings.ToLower(rest)...)
			i += len(rest)
		}
	}
	return string(flat)
}

// usualReply is the length of a reply that needs no memory but that of the result, in bytes.
const usualReply = 512

// withoutCode removes the code of a continued line before a word: "550-192.0.2.1".
func withoutCode(w string) string {
	if IsReply(w) && len(w) > 4 && w[3] == '-' {
		return w[4:]
	}
	return w
}

// IsCode reports whether a word is the code of a reply: 550, 550-, 550-5.7.1 or 5.7.1.
func IsCode(w string) bool {
	if !IsReply(w) {
		return isEnhancedCode(w)
	}
	return len(w) == 3 || w[3] == '-' && (len(w) == 4 || isEnhancedCode(w[4:]))
}

// isEnhancedCode reports whether a word is an enhanced status code (RFC 3463).
func isEnhancedCode(w string) bool {
	if len(w) < len("5.1.1") || w[1] != '.' || w[0] != '4' && w[0] != '5' {
		return false
	}
	subject, detail, _ := strings.Cut(w[2:], ".")
	return IsDigits(subject) && IsDigits(detail)
}

// WithoutNames removes <...> from a reply, because its content comes from the client or is a mail address. With only, it
// removes those that contain it. The URL of a page stays, unless it is quoted as Sendmail quotes addresses, with dots after
// it.
func WithoutNames(s, only string) string {
	if strings.IndexByte(s, '<') < 0 {
		return s
	}
	var b strings.Builder
	for {
		before, rest, opened := strings.Cut(s, "<")
		name, after, closed := strings.Cut(rest, ">")
		if !opened || !closed {
			break
		}
		b.WriteString(before)
		page := strings.HasPrefix(name, "http") && !strings.HasPrefix(after, "...")
		if page || !strings.Contains(name, only) {
			b.WriteString(s[len(before) : len(s)-len(after)])
		}
		s = after
	}
	b.WriteString(s)
	return b.String()
}

// IsDigits reports whether a text has nothing but decimal digits, and at least one.
func IsDigits[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return len(text) > 0
}

// IsWordByte reports whether c is a letter or digit of ASCII.
func IsWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// CutAnyPrefix removes the first of the prefixes that s begins with.
func CutAnyPrefix(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

// HasAnyPrefix reports whether s begins with one of the prefixes.
func HasAnyPrefix(s string, prefixes ...string) bool {
	_, ok := CutAnyPrefix(s, prefixes...)
	return ok
}
