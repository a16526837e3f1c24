package maillog

import (
	"slices"
	"strings"
)

// judge finds the kind and the zone of a refusal in this host's reply to a client.
func judge(reply string) (Kind, string) {
	if strings.Contains(reply, " said: ") {
		return Reject, "" // it quotes another host, which this one asked about the sender or the recipient
	}
	text := strings.ToLower(withoutNames(reply, ""))
	if i := strings.LastIndex(text, " rejected: "); i >= 0 { // "<words of the client>: Helo command rejected: reason"
		text = text[i+len(" rejected: "):]
	}
	if _, rest, ok := strings.Cut(text, "temporary lookup failure of "); ok {
		r := newReply(rest)
		if zone := r.introducedZone(); zone != "" {
			return DNSBLError, zone
		}
		return Reject, ""
	}
	r := newReply(text)
	zone := r.introducedZone()
	if zone == "" && !r.has(ordinaryPhrase) {
		if zone = r.mentionedZone(listName); zone == "" {
			zone = unknownList(text)
		}
	}
	switch {
	case zone != "" && r.has(refusalPhrase):
		return DNSBLError, zone
	case zone != "" || r.has(listWord) && mentionsList(text):
		return DNSBLReject, zone
	}
	return Reject, ""
}

// mentionsList reports whether a text mentions a list without its name. The words "or to get removed from DNSBLs" do not
// count, because policyd-weight writes them into every refusal.
func mentionsList(text string) bool {
	text = strings.ReplaceAll(text, "to get removed from dnsbls", "")
	for _, word := range [...]string{"dnsbl", "dnsbls", "rbl", "rbls"} {
		at := wordIn(text, word)
		if at < 0 {
			continue
		}
		end := at + len(word)
		host := at > 0 && inName(text[at-1]) || end+1 < len(text) && text[end] == '.' && isWordByte(text[end+1])
		if !host {
			return true
		}
	}
	return false
}

// listWords mean a list without its name.
var listWords = []string{"dnsbl", "rbl"}

// ordinary are phrases of refusals that are not about a list. Names in such a reply do not count.
var ordinary = []string{
	"relaying denied", "relaying temporarily denied", "relay access denied", "user unknown", "reverse dns", "cannot find your", "does not resolve",
	"does not exist", "domain not found", "host not found", "fully-qualified", "rate limit exceeded", "too many", "greylist", "not listed",
}

// refusals are phrases that a list sends in place of its reason if it refuses to answer, as their operators publish them
// (docs/facts.md 17).
var refusals = []string{
	"127.255.255.", "; error: ", "open resolver", "public resolver", "open/public", "/returnc/", "excessive number of quer", "excessive quer",
	"query limit", "queries limit", "query rate", "query quota", "too many queries", "typing error", "not authorized to query", "resolver not registered",
	"query refused", "no ip queries",
}

// isRate reports whether a reply refuses a client because of a limit or of trouble on this host, without asking a list.
func isRate(reply string) bool {
	reply = strings.ToLower(reply)
	return slices.ContainsFunc([]string{"rate limit", "too many open", "too many connections", "temporary system failure"},
		func(phrase string) bool { return strings.Contains(reply, phrase) })
}
