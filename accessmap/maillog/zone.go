package maillog

import "strings"

// hideKeys removes the customer's key from the names of keyed lists, because anybody who reads it can use the customer's
// account.
func hideKeys(s string) string {
	if !containsFold(s, 'q', "dq") && !containsFold(s, 'x', "abusix") {
		return s
	}
	lower := strings.ToLower(s)
	if len(lower) != len(s) { // some letters change their length, and the offsets must not change
		lower = lowerASCII(s)
	}
	for _, tail := range keyedTails {
		for from := 0; ; {
			i := strings.Index(lower[from:], tail)
			if i < 0 {
				break
			}
			at := from + i
			from = at + len(tail)
			list := labelBefore(lower, at)
			key := list - 1
			if key > 0 && lower[key] == '.' {
				key = labelBefore(lower, key)
			}
			if key >= list-1 || isReversedPart(lower[key:list-1]) {
				continue
			}
			s, lower = s[:key]+s[list:], lower[:key]+lower[list:]
			from -= list - key
		}
	}
	return s
}

// keyedTails are the ends of the names of keyed lists: KEY.zen.dq.spamhaus.net.
var keyedTails = [...]string{".dq.spamhaus.net", ".mail.abusix.zone"}

// isReversedPart reports whether a label is a part of a reversed address: a number of an IPv4 address, or a digit of an IPv6
// one. Keys have 26 characters or more.
func isReversedPart(label string) bool {
	const octet = 3
	return len(label) == 1 || len(label) <= octet && isDigits([]byte(label))
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

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

// labelBefore gives the place where the label that ends at end begins.
func labelBefore(s string, end int) int {
	i := end
	for i > 0 && (isWordByte(s[i-1]) || s[i-1] == '-' || s[i-1] == '_') {
		i--
	}
	return i
}

// maxDomain bounds a domain name, in bytes (RFC 1035 section 2.3.4).
const maxDomain = 253

// domainIn gives the domain name in a word, without a port and without numbers at the end, as in "dnsbl.sorbs.net.10102005".
// Empty: there is none.
func domainIn(token string) string {
	name := strings.Trim(strings.ToLower(token), ".:-_")
	if i := strings.IndexByte(name, ':'); i >= 0 { // a port
		name = name[:i]
	}
	for {
		i := strings.LastIndexByte(name, '.')
		if i < 0 || !isDigits([]byte(name[i+1:])) {
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
		for rest := r.text; ; {
			_, after, ok := strings.Cut(rest, before.words)
			if !ok {
				break
			}
			rest = after
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
	eachDomain(r.text, func(name string) bool {
		if i := listIndex(name); i >= 0 && lists[i].group()&wanted != 0 {
			zone = lists[i].zoneFor(name)
		}
		return zone == ""
	})
	if zone != "" {
		return zone
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
func unknownList(text string) (zone string) {
	eachDomain(text, func(name string) bool {
		if listIndex(name) < 0 && looksLikeList(name) { // a known one here is a welcome list
			zone = name
		}
		return zone == ""
	})
	return zone
}

// eachDomain calls f with each domain name in a text that is no part of a mail address, until f returns false.
func eachDomain(text string, f func(name string) bool) {
	tokens(text, func(token string, at int) bool {
		if at > 0 && text[at-1] == '@' || strings.HasPrefix(text[at+len(token):], "@") {
			return true
		}
		name := domainIn(token)
		return name == "" || f(name)
	})
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
