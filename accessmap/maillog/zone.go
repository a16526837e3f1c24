package maillog

import (
	"iter"
	"strings"

	"mailallow/allowlist/pattern"
)

// hideKeys removes the customer's key from the names of keyed lists, because anybody who reads it can use the customer's
// account.
func hideKeys(s string) string {
	if !containsFold(s, 'q', "dq") && !containsFold(s, 'x', "abusix") {
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
	return len(label) == 1 || len(label) <= octet && isDigits(label)
}

// containsFold reports whether a text contains a word in letters of any case. last is the last letter of the word, a rare
// one, so that only few places are compared.
func containsFold(s string, last byte, word string) bool {
	for _, c := range [...]byte{last, last - ('a' - 'A')} {
		for i := 0; ; i++ {
			next := strings.IndexByte(s[i:], c)
			if next < 0 {
				break
			}
			i += next
			if i+1 >= len(word) && strings.EqualFold(s[i+1-len(word):i+1], word) {
				return true
			}
		}
	}
	return false
}

// maxDomain bounds a domain name, in bytes (RFC 1035 section 2.3.4).
const maxDomain = 253

// domainIn gives the domain name in a word, without a port and without numbers at the end, as in "dnsbl.sorbs.net.10102005".
// Empty: there is none.
func domainIn(token string) string {
	name := strings.Trim(strings.ToLower(token), ".:-_")
	name, _, _ = strings.Cut(name, ":") // a port
	for {
		i := strings.LastIndexByte(name, '.')
		if i < 0 || !isDigits(name[i+1:]) {
			break
		}
		name = strings.TrimRight(name[:i], ".")
	}
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name)-i-1 < 2 || len(name) > maxDomain || strings.Contains(name, "..") {
		return ""
	}
	for at, c := range []byte(name) {
		if letter := c >= 'a' && c <= 'z'; !letter && (at > i || c != '.' && c != '-' && c != '_' && (c < '0' || c > '9')) {
			return ""
		}
	}
	return name
}

// introductions are the words before the name of a list. An ambiguous one also comes before other names, so it counts only
// if the name looks like a list.
var introductions = [...]struct {
	words     string
	ambiguous bool
}{
	{"blocked using", false}, {"blackhole site", false}, {"listed at", false}, {"listed in", false}, {"listed on", false},
	{"listed by", false}, {"blacklisted by", false}, {"found in", false}, {"found on", false}, {"blacklist:", false},
	{"blocked by", true}, {"refused by", true}, {"rejected by", true}, {"denied by", true}, {"according to", true},
	{"blacklist", true}, {"dnsbl", true}, {"rbl", true}, {" at", true}, {" using", true},
}

// introducedZone gives the list after one of the introductions in a text.
func (r *reply) introducedZone() string {
	if !r.has(introduction) || strings.Contains(r.text, "not listed") {
		return ""
	}
	for _, before := range introductions {
		for _, after, ok := strings.Cut(r.text, before.words); ok; _, after, ok = strings.Cut(after, before.words) {
			if after != "" && inName(after[0]) { // the "dnsbl" of dnsbl-2.example.org is no introduction
				continue
			}
			if zone := zoneAfter(after, before.ambiguous); zone != "" {
				return zone
			}
		}
	}
	return ""
}

func zoneAfter(after string, ambiguous bool) (zone string) {
	after = strings.TrimLeft(after, " :=[\"'(")
	for _, filler := range [...]string{"the ", "dnsbl ", "rbl ", "list ", "http://", "https://"} {
		after = strings.TrimPrefix(after, filler)
	}
	end := strings.IndexAny(after, " ;,/)]\"'")
	if end < 0 {
		end = len(after)
	}
	name := domainIn(after[:end])
	if name == "" || strings.Contains(after[:end], "@") {
		return ""
	}
	if known := zoneOf(name); known != "" {
		return known
	}
	if ambiguous && !looksLikeList(name) {
		return ""
	}
	return name
}

// looksLikeList reports whether a label of a name is usual for a list.
func looksLikeList(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case strings.HasPrefix(label, "rbl"), strings.HasSuffix(label, "rbl"), strings.Contains(label, "dnsbl"), strings.Contains(label, "blackhole"), strings.Contains(label, "blacklist"),
			strings.Contains(label, "blocklist"), strings.HasPrefix(label, "relays"):
			return true
		}
		switch label {
		case "bl", "dul", "zen", "sbl", "xbl", "pbl":
			return true
		}
	}
	return false
}

// mentionedZone gives the list of the first domain in a text that is a list's or an operator's, else the list of the first
// other name of one. Only lists of the wanted groups count.
func (r *reply) mentionedZone(wanted group) (zone string) {
	for name := range domains(r.text) {
		if l := listOf(name); l != nil && l.group()&wanted != 0 {
			return l.zoneFor(name)
		}
	}
	if !r.has(wanted) {
		return ""
	}
	first := len(r.text)
	for i := range lists {
		if lists[i].group()&wanted == 0 {
			continue
		}
		for _, word := range lists[i].words {
			if at := wordIn(r.text, word); at >= 0 && at < first {
				first, zone = at, lists[i].zone
			}
		}
	}
	return zone
}

// unknownList gives the first name in a text that looks like a list and is in no table, because administrators also ask other
// lists.
func unknownList(text string) string {
	for name := range domains(text) {
		if listOf(name) == nil && looksLikeList(name) { // a known one here is a welcome list
			return name
		}
	}
	return ""
}

// domains gives each domain name in a text that is no part of a mail address.
func domains(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at, token := range tokens(text) {
			if at > 0 && text[at-1] == '@' || strings.HasPrefix(text[at+len(token):], "@") {
				continue
			}
			if name := domainIn(token); name != "" && !yield(name) {
				return
			}
		}
	}
}

// inName reports whether a byte next to a name is a part of the name.
func inName(c byte) bool { return isWordByte(c) || c == '.' || c == '-' || c == '_' || c == '@' }

// wordIn gives the place of a word in a text, not as a part of a longer word; -1: it is not there.
func wordIn(text, word string) int {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		at := from + i
		end := at + len(word)
		if (at == 0 || !isWordByte(text[at-1])) && (end == len(text) || !isWordByte(text[end])) {
			return at
		}
		from = at + 1
	}
}
