// Package reply reads what a mail server says when it refuses: whether it blames the address of the client, the sender's domain
// or something else, and which list or service it goes by.
//
// A reply is read by its structure. It is split into statements. In each, words show what it is about (an address, a domain, a
// mailbox, ...) and what it says of that (listed, blocked, refused). The tables of words are in words.go. Where a service has
// codes or texts of its own, the rules in rules.go come first. The names of lists are those of package dnsbl.
//
// The package knows nothing of logs and of the programs that write them.
package reply

import (
	"net/netip"
	"strings"
	"sync"

	"mailallow/accessmap/maillog/token"
)

// Blame says what a refusal is about.
type Blame string

// What a refusal can be about. Other is everything else: the recipient, the content, reverse DNS, a rate, a list that does
// not answer.
const (
	Address Blame = "address" // the address of the client, or its network
	Domain  Blame = "domain"  // the domain or address of the sender, with SPF, DKIM and DMARC, or the name in HELO
	Other   Blame = "other"
)

// Judgement is the meaning of a refusal.
type Judgement struct {
	Blames Blame
	Listed bool   // a DNS list is the reason
	Silent bool   // the reason is that a list refused to answer, or could not be asked
	Zone   string // of the list in lower case, or the name, without a dot, of a private service; empty: none is named
	// Address is the one that the reply blames in so many words. The zero Addr: it names none, or only in the URL of a page.
	Address netip.Addr
}

// text is a reply in lower case, with the groups of the phrases in it.
type text struct {
	string
	found group
}

func newText(s string) text { return text{s, phrases().in(s)} }

func (t *text) has(g group) bool { return t.found&g != 0 }

// The groups of phrases. The rules of services have the next bits, one each.
const (
	refusalPhrase group = 1 << iota
	ordinaryPhrase
	listWord
	introduction
	maybeIntroduction
	lookupPage
	listName
	serviceName // of a private list
	listDomain
	serviceDomain
	quote
	verdict // a word that a judgement needs
	firstRule
)

var phrases = sync.OnceValue(func() *matcher {
	groups := map[string]group{}
	add := func(g group, phrases ...string) {
		for _, phrase := range phrases {
			groups[phrase] |= g
		}
	}
	add(refusalPhrase, refusals...)
	add(ordinaryPhrase, ordinary...)
	add(listWord, listWords...)
	add(lookupPage, lookupPages...)
	for _, i := range introductions {
		add(i.group(), i.words)
	}
	for i, r := range rules {
		add(firstRule<<i, r.phrases...)
	}
	add(quote, quotes...)
	for _, l := range lists() {
		add(l.group(), l.Words...)
		if l.group() != 0 {
			add(l.domainGroup(), l.Domains...)
			if !Private(l.Zone) {
				add(l.domainGroup(), l.Zone)
			}
		}
	}
	for name, class := range vocabularyOf().words {
		if class&verdicts != 0 {
			add(verdict, name)
		}
	}
	for phrase, class := range vocabularyOf().phrases {
		word, second, _ := strings.Cut(phrase, " ")
		if len(second) >= first {
			word = second
		}
		if class&verdicts != 0 && word != "exist" && word != "found" {
			add(verdict, word)
		}
	}
	add(verdict, "domain of sender", "sender domain", "sender address") // ... does not exist
	return newMatcher(groups)
})

// maxUsual is the number of statements for which a judgement needs no memory of its own.
const maxUsual = 12

// RefusedAtConnect begins the reply of a host that refused the connection before this host sent a command.
const RefusedAtConnect = "refused to talk to me:"

func judgeHost(reply string, relay netip.Addr) Judgement {
	reply, atConnect := strings.CutPrefix(reply, RefusedAtConnect)
	t := newText(token.Flat(token.WithoutNames(reply, "@")))
	if t.has(quote) {
		return Judgement{Blames: Other}
	}
	if r := t.rule(); r != nil {
		if r.blames != "" {
			return Judgement{Blames: r.blames}
		}
		if relay.IsValid() && strings.Contains(t.string, relay.String()) && !token.FirstAddr(t.string, relay).IsValid() {
			return Judgement{Blames: Other}
		}
		return t.blamesAddress(t.listOrService(r.zone))
	}
	if !t.has(verdict|introduction|maybeIntroduction|listDomain|listName) || !hasCode(reply) {
		return Judgement{Blames: Other}
	}
	var few [maxUsual]statement
	all := t.read(few[:0], relay)
	zone := t.namedZone(all)
	blames := all.blames(t, zone != "" && !Private(zone), atConnect)
	if listsDomains(zone) {
		return Judgement{Blames: Domain, Zone: zone, Listed: true}
	}
	if blames != Address {
		return Judgement{Blames: blames}
	}
	if zone == "" {
		zone = t.mentionedZone(serviceName, nil)
	}
	j := t.blamesAddress(zone)
	j.Address = all.blamed()
	return j
}

// blamesAddress is the judgement of a reply that refuses an address, unless the list did not answer.
func (t *text) blamesAddress(zone string) Judgement {
	j := Judgement{Blames: Address, Zone: zone, Listed: zone != "" && !Private(zone)}
	if j.Listed && t.has(refusalPhrase) {
		return Judgement{Blames: Other, Zone: zone, Silent: true}
	}
	return j
}

// namedZone gives the list that a reply goes by.
func (t *text) namedZone(all statements) string {
	if zone := t.introducedZone(); zone != "" {
		return zone
	}
	if _, after, using := strings.Cut(t.string, "blocked using"); using {
		rest := newText(after)
		if zone := rest.mentionedZone(listName|serviceName, nil); zone != "" {
			return zone
		}
	}
	if zone := t.mentionedZone(listName, all); zone != "" {
		return zone
	}
	if all.some(listing) {
		return unknownList(t.string)
	}
	return ""
}

// quotes are phrases of a host that quotes what a third one said: one that has asked back about the sender, as Exim does, and
// a gateway that repeats the reply of the server behind it.
var quotes = []string{"verification failed for", "sender verify failed", "callout", "callback", " said: ", " refused to talk to me: ", "remote server returned",
	"message expired", "called: "}

// hasCode reports whether a text begins with a reply code. One without it is no reply of a mail server.
func hasCode(reply string) bool {
	reply = strings.TrimLeft(reply, " ")
	word, _, _ := strings.Cut(reply, " ")
	return token.IsReply(reply) || token.IsCode(word)
}
