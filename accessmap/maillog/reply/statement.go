package reply

import (
	"net/netip"
	"strings"

	"mailallow/accessmap/maillog/token"
)

// statement is a part of a reply, with the classes of the words in it.
type statement struct {
	class class
	end   int        // in the text
	addr  netip.Addr // the first address of the host that was refused
}

type statements []statement

// some reports whether a statement has one of the classes.
func (all statements) some(c class) bool {
	for _, s := range all {
		if s.class&c != 0 {
			return true
		}
	}
	return false
}

// at gives the classes of the statement at a place in the text.
func (all statements) at(place int) class {
	for _, s := range all {
		if place < s.end {
			return s.class
		}
	}
	return 0
}

// blamed gives the address in the statement that blames one.
func (all statements) blamed() netip.Addr {
	for _, s := range all {
		if s.addr.IsValid() && s.class.strong() {
			return s.addr
		}
	}
	return netip.Addr{}
}

// blames weighs the statements of a reply. listed: it names a list of addresses.
//
// A statement that an address is listed or blocked counts, whatever the others say: "mailbox unavailable. Your IP address is
// blacklisted". One that an address is refused, or a list that is merely named, counts if no statement gives another reason.
func (all statements) blames(t text, listed, atConnect bool) Blame {
	var said class
	strong, weak, ofDomain, ofThem := false, listed, false, false
	for _, s := range all {
		c := s.class
		said |= c
		if c&theirs != 0 && c&ownAddress == 0 {
			ofThem = ofThem || c&verdicts != 0
			continue
		}
		strong = strong || c.strong()
		weak = weak || c.weak()
		ofDomain = ofDomain || c.ofDomain()
	}
	const hard = reasons &^ softReasons
	switch {
	case ofThem && said&ownAddress == 0: // it quotes what a third host said to it
		return Other
	case strong && said&greylisted == 0:
		return Address
	case atConnect && said&(listing|block|refusal) != 0 && said&(hard|mail) == 0:
		return Address
	case ofDomain:
		return Domain
	case said&hard != 0:
		return Other
	case t.addressPage():
		return Address
	case said&softReasons == 0 && weak:
		return Address
	}
	return Other
}

// strong reports whether a statement says that an address is listed or blocked, and nothing that would be the reason instead.
func (c class) strong() bool {
	switch {
	case c&(subject|ownAddress) == 0, c&(reverse|spf|greylisted|content|senderDomain) != 0:
		return false
	case c&listing != 0:
		return true
	}
	return c&block != 0 && c&(rate|mail) == 0
}

// ofDomain reports whether a statement says that a domain is refused.
func (c class) ofDomain() bool {
	return c&spf != 0 || c&senderDomain != 0 && c&(listing|block|refusal) != 0 || c&bareDomain != 0 && c&(listing|block) != 0
}

// weak reports whether a statement says that an address is refused, or may not connect.
func (c class) weak() bool {
	if c&(reasons|bareDomain|mail) != 0 {
		return false
	}
	return c&(subject|ownAddress) != 0 && c&(refusal|unready|block) != 0 || c&connecting != 0 && c&refusal != 0
}

// The bytes that end a word, or the URL of a page. Marks may end a statement.
const (
	separates = 1 << iota
	endsPage
	mark   // at the end of a word
	prefix // at the start of a word
	colon
	slash
	at
)

var bytesOf = [256]byte{
	' ': separates | endsPage, '\t': separates | endsPage, '[': separates | endsPage, ']': separates | endsPage, '(': separates | endsPage,
	')': separates | endsPage, '{': separates | endsPage, '}': separates | endsPage, '<': separates | endsPage, '>': separates | endsPage,
	'"': separates | endsPage, '`': separates | endsPage, '|': separates | endsPage, ',': separates, '=': separates, '*': separates,
	'.': mark | prefix, ':': mark | prefix | colon, '-': mark | prefix, '\'': mark | prefix, ';': mark, '!': mark, '?': mark, '#': prefix,
	'/': slash, '@': at,
}

// read splits a reply into statements, and appends them.
func (t *text) read(all statements, relay netip.Addr) statements {
	v := vocabularyOf()
	p := parser{vocabulary: v, relay: relay}
	s := t.string
	for i := 0; i < len(s); {
		if bytesOf[s[i]]&separates != 0 {
			i++
			continue
		}
		start, seen := i, byte(0) // what is in the word
		for i < len(s) && bytesOf[s[i]]&separates == 0 {
			seen |= bytesOf[s[i]]
			i++
		}
		page := strings.HasPrefix(s[start:i], "www.") || seen&colon != 0 && strings.Contains(s[start:i], "://")
		for page && i < len(s) && bytesOf[s[i]]&endsPage == 0 {
			seen |= bytesOf[s[i]]
			i++
		}
		if p.word(s[start:i], page, seen) {
			all = append(all, p.statement(i))
			p = parser{vocabulary: v, relay: relay}
		}
	}
	return append(all, p.statement(len(s)))
}

// parser reads the words of a statement.
type parser struct {
	vocabulary *vocabulary
	relay      netip.Addr
	current    statement
	last       string // the word before, unless it is a filler
	opens      bool   // last may begin a phrase of two words
	near       int    // words after "your", "sending" and the like in which a noun is this host
	denied     bool   // it says that something is not listed
}

// statement gives the statement, which ends at a place in the text.
func (p *parser) statement(end int) statement {
	if p.denied {
		p.current.class &^= listing | block
	}
	p.current.end = end
	return p.current
}

// nearby is how far a noun may be from "your": "your outgoing mail server".
const nearby = 4

// word adds a word, or the URL of a page, to the statement, and reports whether it ends it. seen is what bytesOf says of its bytes.
func (p *parser) word(word string, page bool, seen byte) (ends bool) {
	if seen&(mark|prefix) != 0 {
		if word, ends = trimmed(word); word == "" {
			return ends
		}
	}
	switch {
	case page || seen&at != 0:
		p.last, p.opens = "", false
		return ends
	case seen&colon != 0 || seen&mark != 0 && word[0] >= '0' && word[0] <= '9':
		if addr, ok := token.ParseAddr(word); ok {
			p.address(addr)
			return ends
		}
	case seen&(slash|mark) == 0: // nearly all words
		p.plain(word)
		return ends
	}
	for {
		part, rest, more := strings.Cut(word, "/")
		if end := strings.LastIndex(part, "..."); end >= 0 {
			part = part[end+len("..."):] // "please...greylisting"
		}
		p.plain(part)
		if !more {
			return ends
		}
		word = rest
	}
}

func (p *parser) address(addr netip.Addr) {
	switch {
	case addr == p.relay:
		p.current.class |= theirs
	case !addr.IsLoopback() && !addr.IsUnspecified():
		p.current.class |= ownAddress
		if !p.current.addr.IsValid() {
			p.current.addr = addr
		}
	}
	p.last, p.opens = "", false
}

// plain adds a word that is no address.
func (p *parser) plain(name string) {
	w := p.vocabulary.meaning(name)
	if w&filler != 0 {
		return
	}
	if w&negation != 0 {
		name, w = "not", p.vocabulary.words["not"]
	}
	p.current.class |= w
	if p.opens {
		var phrase [longestPhrase]byte
		if n := len(p.last) + 1 + len(name); n <= len(phrase) {
			copy(phrase[:], p.last)
			phrase[len(p.last)] = ' '
			copy(phrase[len(p.last)+1:], name)
			p.current.class |= p.vocabulary.phrases[string(phrase[:n])]
		}
	}
	p.denied = p.denied || w&(listing|block) != 0 && p.last == "not"
	switch {
	case w&possessive != 0:
		p.near = nearby
	case p.near > 0:
		p.near--
		if w&host != 0 || w&neighbour != 0 && p.near == nearby-1 {
			p.current.class |= subject
		}
	}
	p.last, p.opens = name, w&opens != 0
}

// trimmed removes the marks around a word, and reports whether they end a statement. A dash alone ends one, too.
func trimmed(word string) (bare string, ends bool) {
	end := len(word)
	for end > 0 && bytesOf[word[end-1]]&mark != 0 {
		end--
		c := word[end]
		ends = ends || c == '.' || c == ';' || c == '!' || c == '?'
	}
	start := 0
	for start < end && bytesOf[word[start]]&prefix != 0 {
		start++
	}
	return strings.TrimSuffix(word[start:end], "'s"), ends || end == 0
}

// addressPage reports whether a reply names the page of a list of addresses about one address.
func (t *text) addressPage() bool {
	if !t.has(lookupPage) {
		return false
	}
	for at, tok := range token.Tokens(t.string) {
		name := token.DomainIn(tok)
		l := listOf(name)
		if name == "" || l == nil || l.group() != listName || l.OfNames {
			continue
		}
		page, _, _ := strings.Cut(t.string[at+len(tok):], " ")
		if token.FirstAddr(strings.Map(pageWord, page)).IsValid() {
			return true
		}
	}
	return false
}

// pageWord separates the parts of a page's address.
func pageWord(r rune) rune {
	if strings.ContainsRune("/?&=", r) {
		return ' '
	}
	return r
}
