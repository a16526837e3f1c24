package reply

import (
	"net/netip"
	"strings"

	"mailallow/accessmap/maillog/token"
)

func judgeClient(reply string, _ netip.Addr) Judgement {
	if strings.Contains(reply, " said: ") || strings.Contains(reply, " refused to talk to me: ") {
		return Judgement{Blames: Other} // it quotes another host, which this one asked about the sender or the recipient
	}
	all := strings.ToLower(token.WithoutNames(reply, ""))
	reason := all
	if i := strings.LastIndex(all, " rejected: "); i >= 0 { // "<words of the client>: Helo command rejected: reason"
		reason = all[i+len(" rejected: "):]
	}
	if _, rest, ok := strings.Cut(reason, "temporary lookup failure of "); ok {
		t := newText(rest)
		zone := t.introducedZone()
		return Judgement{Blames: Other, Zone: zone, Silent: zone != ""}
	}
	t := newText(reason)
	zone := t.introducedZone()
	if zone == "" && !t.has(ordinaryPhrase) {
		if zone = t.mentionedZone(listName, nil); zone == "" {
			zone = unknownList(reason)
		}
	}
	switch {
	case zone != "" && t.has(refusalPhrase):
		return Judgement{Blames: Other, Zone: zone, Silent: true}
	case zone != "" || t.has(listWord) && mentionsList(reason) || t.introducesPage() && token.FirstAddr(reason).IsValid():
		return Judgement{Blames: listed(reason, zone), Zone: zone, Listed: true}
	}
	if len(all) == len(reason) && !t.has(verdict) {
		return Judgement{Blames: Other}
	}
	t.string = all
	var few [maxUsual]statement
	return Judgement{Blames: t.read(few[:0], netip.Addr{}).blames(t, false, false)}
}

// listed says what a list blames: a list of names, or one that was asked about a name, a domain. Postfix writes what it asked
// about in brackets: "Sender address [a@b.example] blocked using rhsbl.example".
func listed(reason, zone string) Blame {
	if listsDomains(zone) {
		return Domain
	}
	what, _, using := strings.Cut(reason, "] blocked using ")
	if i := strings.LastIndexByte(what, '['); using && i >= 0 {
		if _, isAddr := token.ParseAddr(what[i+1:]); !isAddr {
			return Domain
		}
	}
	return Address
}

// mentionsList reports whether a text mentions a list without its name. The words "or to get removed from DNSBLs" do not
// count, because policyd-weight writes them into every refusal.
func mentionsList(text string) bool {
	text = strings.ReplaceAll(text, "to get removed from dnsbls", "")
	for _, word := range [...]string{"dnsbl", "dnsbls", "rbl", "rbls"} {
		at := token.WordIn(text, word)
		if at < 0 {
			continue
		}
		end := at + len(word)
		host := at > 0 && token.InName(text[at-1]) || end+1 < len(text) && text[end] == '.' && token.IsWordByte(text[end+1])
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
