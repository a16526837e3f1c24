package maillog

import "strings"

// hideKeys takes the customer's key out of the names of keyed lists: whoever reads it
// can ask on the customer's account (dnsbl_facts 2 and 6).
func hideKeys(s string) string {
	if !endsAt(s, 'q', "dq") && !endsAt(s, 'x', "abusix") {
		return s
	}
	lower := strings.ToLower(s)
	if len(lower) != len(s) { // some letters change their length: the places must be the same
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
			if key >= list-1 || ofAddress(lower[key:list-1]) {
				continue
			}
			s, lower = s[:key]+s[list:], lower[:key]+lower[list:]
			from -= list - key
		}
	}
	return s
}

// keyedTails end the names of lists that are asked under a key: KEY.zen.dq.spamhaus.net.
var keyedTails = [...]string{".dq.spamhaus.net", ".mail.abusix.zone"}

// ofAddress tells of a label that it belongs to a reversed address: a number of an IPv4
// address, a digit of an IPv6 one. Keys have 26 characters or more.
func ofAddress(label string) bool {
	const octet = 3
	return len(label) == 1 || len(label) <= octet && isDigits([]byte(label))
}

// endsAt tells whether a word stands in a text in letters of any case, looking at no more
// than the places of its last letter, which is a rare one.
func endsAt(s string, last byte, word string) bool {
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

// labelBefore is where the label begins that ends at end.
func labelBefore(s string, end int) int {
	i := end
	for i > 0 && (isWordByte(s[i-1]) || s[i-1] == '-' || s[i-1] == '_') {
		i--
	}
	return i
}

// maxDomain is the longest a name can be (RFC 1035, 2.3.4).
const maxDomain = 253

// domainIn cleans a word up to the domain name it holds; empty: it is none. What hangs
// on behind the last letters, as in "dnsbl.sorbs.net.10102005", is no part of it.
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

// sayings are the words behind which a list stands. A careful one is said of other
// things, too, and counts where what follows looks like a list.
var sayings = [...]struct {
	words   string
	careful bool
}{
	{"blocked using", false}, {"blackhole site", false}, {"listed at", false}, {"listed in", false}, {"listed on", false},
	{"listed by", false}, {"blacklisted by", false}, {"found in", false}, {"found on", false}, {"blacklist:", false},
	{"blocked by", true}, {"refused by", true}, {"rejected by", true}, {"denied by", true}, {"according to", true},
	{"blacklist", true}, {"dnsbl", true}, {"rbl", true}, {" at", true}, {" using", true},
}

// saidZone is the list that a text names behind one of the sayings.
func (r *reply) saidZone() string {
	if !r.says(&r.sayings) || strings.Contains(r.text, "not listed") {
		return ""
	}
	for i, saying := range sayings {
		if !r.has.has(r.saying[i]) {
			continue
		}
		for rest := r.text; ; {
			_, after, ok := strings.Cut(rest, saying.words)
			if !ok {
				break
			}
			rest = after
			if after != "" && inName(after[0]) { // "dnsbl" in dnsbl-2.example.org says nothing
				continue
			}
			if zone := zoneAfter(after, saying.careful); zone != "" {
				return zone
			}
		}
	}
	return ""
}

// zoneAfter is the list that the next word names.
func zoneAfter(after string, careful bool) (zone string) {
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
	if careful && !looksLikeList(name) {
		return ""
	}
	return name
}

// looksLikeList tells whether a label of a name says that it is a list.
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

// namedZone is the first list or operator that a text names at all: by a domain, else by
// its name. private: services that keep a list to themselves count too.
func (r *reply) namedZone(private bool) (zone string) {
	counts := func(l *list) bool { return !l.welcome && (private || !l.private()) }
	eachDomain(r.text, func(name string) bool {
		if i := listIndex(name); i >= 0 && counts(&lists[i]) {
			zone = lists[i].zoneFor(name)
		}
		return zone == ""
	})
	if zone != "" {
		return zone
	}
	first := len(r.text)
	for _, w := range r.words {
		if r.has.has(w.bit) && counts(&lists[w.list]) {
			if at := wordIn(r.text, w.word); at >= 0 && at < first {
				first, zone = at, lists[w.list].zone
			}
		}
	}
	return zone
}

// unknownList is the first name in a text that is a list by its looks and in no table:
// administrators ask such lists, and point to their pages, too.
func unknownList(text string) (zone string) {
	eachDomain(text, func(name string) bool {
		if listIndex(name) < 0 && looksLikeList(name) { // a welcome list is none
			zone = name
		}
		return zone == ""
	})
	return zone
}

// eachDomain calls f with each domain name in a text that is no part of a mail address; f
// ends it by returning false.
func eachDomain(text string, f func(name string) bool) {
	tokens(text, func(token string, at int) bool {
		if at > 0 && text[at-1] == '@' || strings.HasPrefix(text[at+len(token):], "@") {
			return true
		}
		name := domainIn(token)
		return name == "" || f(name)
	})
}

// inName tells of a byte that it belongs to the name that it stands beside.
func inName(c byte) bool { return isWordByte(c) || c == '.' || c == '-' || c == '_' || c == '@' }

// wordIn is where a word stands by itself in a text; -1: nowhere.
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
