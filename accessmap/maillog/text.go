package maillog

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// printable copies a message without zeros, and with U+FFFD in place of bytes that are not UTF-8.
func printable(message []byte) string {
	s := strings.ReplaceAll(string(message), "\x00", "")
	if !utf8.ValidString(s) { // nearly all are valid, which this finds sooner
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}

// shorten cuts a text to maxText bytes, between two characters.
func shorten(s string) string {
	const mark = "..."
	if len(s) <= maxText {
		return s
	}
	cut := maxText - len(mark)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// withoutQueueID cuts the queue ID from a message: "NOQUEUE: ", "4ECEA00F: ".
func withoutQueueID(message string) (id, text string) {
	const longest = 30 // bytes of an ID; Postfix's long IDs have 15 characters, Sendmail's 16
	i := strings.Index(message[:min(len(message), longest)], ": ")
	if i < 0 {
		return "", message
	}
	for _, c := range []byte(message[:i]) {
		if !isWordByte(c) {
			return "", message
		}
	}
	return message[:i], message[i+2:]
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// withoutNames removes <...> from a reply, because its content comes from the client or is a mail address. With only, it
// removes those that contain it. The URL of a page stays, unless it is quoted as Sendmail quotes addresses, with dots after
// it.
func withoutNames(s, only string) string {
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

// isReply reports whether a text begins with an SMTP reply code of class 4 or 5.
func isReply(s string) bool {
	return len(s) >= 3 && (s[0] == '4' || s[0] == '5') && isDigits(s[:3]) && (len(s) == 3 || s[3] == ' ' || s[3] == '-')
}

// flat gives a reply in lower case without the codes at the beginning of its lines. Postfix joins the lines, so a code may
// be in the middle of a phrase.
func flat(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for w := range strings.SplitSeq(strings.ToLower(s), " ") {
		if w == "" || isCode(w) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(withoutCode(w))
	}
	return b.String()
}

// withoutCode removes the code of a continued line before a word: "550-192.0.2.1".
func withoutCode(w string) string {
	if isReply(w) && len(w) > 4 && w[3] == '-' {
		return w[4:]
	}
	return w
}

// isCode reports whether a word is the code of a reply: 550, 550-, 550-5.7.1 or 5.7.1.
func isCode(w string) bool {
	if !isReply(w) {
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
	return isDigits(subject) && isDigits(detail)
}

// tokens gives each word of letters, digits and . : - _ with its place.
func tokens(s string) iter.Seq2[int, string] {
	return func(yield func(at int, token string) bool) {
		for i := 0; i < len(s); i++ {
			start := i
			for i < len(s) && (isWordByte(s[i]) || s[i] == '.' || s[i] == ':' || s[i] == '-' || s[i] == '_') {
				i++
			}
			if i > start && !yield(start, s[start:i]) {
				return
			}
		}
	}
}

// firstAddr gives the first address in a text that is not to be skipped. If it is 0.0.0.0 or ::, people have replaced the real
// one, and the result is invalid.
func firstAddr(s string, skip ...netip.Addr) netip.Addr {
	for _, token := range tokens(s) {
		addr, ok := parseAddr(token)
		switch {
		case !ok || slices.Contains(skip, addr):
		case addr.IsUnspecified():
			return netip.Addr{}
		default:
			return addr
		}
	}
	return netip.Addr{}
}

// parseAddr reads an address as MTAs write it: plain, after "IPv6:", "ip:" or a reply code, before a port or a punctuation
// mark. An IPv4-mapped address is returned as IPv4.
func parseAddr(token string) (netip.Addr, bool) {
	const shortest, longest = 3, 64
	token = withoutCode(strings.TrimRight(token, ".:-_"))
	if len(token) < shortest || len(token) > longest || !strings.ContainsAny(token, ".:") {
		return netip.Addr{}, false
	}
	if len(token) > 5 && strings.EqualFold(token[:5], "IPv6:") {
		token = token[5:]
	}
	addr, err := netip.ParseAddr(token)
	if before, after, ok := strings.Cut(token, ":"); err != nil && ok && !strings.Contains(after, ":") {
		if addr, err = netip.ParseAddr(before); err != nil { // no address:port
			addr, err = netip.ParseAddr(after) // ip:address
		}
	}
	return addr.Unmap().WithZone(""), err == nil
}

// bracketed gives the address in the first [...] of a text.
func bracketed(s string) netip.Addr {
	_, rest, ok := strings.Cut(s, "[")
	inside, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return netip.Addr{}
	}
	addr, _ := parseAddr(inside)
	return addr
}

func cutAnyPrefix(s string, prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(s, p); ok {
			return rest, true
		}
	}
	return s, false
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	_, ok := cutAnyPrefix(s, prefixes...)
	return ok
}
