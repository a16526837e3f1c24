package token

import (
	"iter"
	"strings"

	"mailallow/allowlist/pattern"
)

// MaxDomain bounds a domain name, in bytes (RFC 1035 section 2.3.4).
const MaxDomain = 253

// DomainIn gives the domain name in a word, without a port and without numbers at the end, as in "dnsbl.sorbs.net.10102005".
// Empty: there is none.
func DomainIn(token string) string {
	if strings.IndexByte(token, '.') < 0 { // nearly all words
		return ""
	}
	name := strings.Trim(strings.ToLower(token), ".:-_")
	name, _, _ = strings.Cut(name, ":") // a port
	for {
		i := strings.LastIndexByte(name, '.')
		if i < 0 || !IsDigits(name[i+1:]) {
			break
		}
		name = strings.TrimRight(name[:i], ".")
	}
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name)-i-1 < 2 || len(name) > MaxDomain || strings.Contains(name, "..") {
		return ""
	}
	for at, c := range []byte(name) {
		if letter := c >= 'a' && c <= 'z'; !letter && (at > i || c != '.' && c != '-' && c != '_' && (c < '0' || c > '9')) {
			return ""
		}
	}
	return name
}

// Domains gives each domain name in a text that is no part of a mail address.
func Domains(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at, token := range Tokens(text) {
			if at > 0 && text[at-1] == '@' || strings.HasPrefix(text[at+len(token):], "@") {
				continue
			}
			if name := DomainIn(token); name != "" && !yield(name) {
				return
			}
		}
	}
}

// InName reports whether a byte next to a name is a part of the name.
func InName(c byte) bool { return IsWordByte(c) || c == '.' || c == '-' || c == '_' || c == '@' }

// WordIn gives the place of a word in a text, not as a part of a longer word; -1: it is not there.
func WordIn(text, word string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		at := from + i
		end := at + len(word)
		if (at == 0 || !IsWordByte(text[at-1])) && (end == len(text) || !IsWordByte(text[end])) {
			return at
		}
		from = at + 1
	}
}

// HideKeys removes the customer's key from the names of keyed lists, because anybody who reads it can use the customer's
// account.
func HideKeys(s string) string {
	if !containsFold(s, "d", 'q') && !containsFold(s, "mail.abusix.", 'z') {
		return s
	}
	return keyed().ReplaceAllStringFunc(s, func(name string) string {
		key, list, _ := strings.Cut(name, ".")
		if isReversedPart(key) {
			return name
		}
		return list
	})
}

// keyed matches the names of keyed lists from the key on: KEY.zen.dq.spamhaus.net.
var keyed = pattern.New(`(?i)[a-z0-9_-]+\.[a-z0-9_-]*\.(dq\.spamhaus\.net|mail\.abusix\.zone)`)

// isReversedPart reports whether a label is a part of a reversed address: a number of an IPv4 address, or a digit of an IPv6
// one. Keys have 26 characters or more.
func isReversedPart(label string) bool {
	const octet = 3
	return len(label) == 1 || len(label) <= octet && IsDigits(label)
}

// containsFold reports whether a text contains a word and then a letter, in letters of any case. The letter is a rare one, so
// that only few places are compared.
func containsFold(s, word string, last byte) bool {
	for _, c := range [...]byte{last, last - ('a' - 'A')} {
		for i := 0; ; i++ {
			next := strings.IndexByte(s[i:], c)
			if next < 0 {
				break
			}
			i += next
			if i >= len(word) && strings.EqualFold(s[i-len(word):i], word) {
				return true
			}
		}
	}
	return false
}
