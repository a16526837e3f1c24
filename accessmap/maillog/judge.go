package maillog

import "strings"

// judge tells why this host refused a client, from its reply.
func judge(said string) (Kind, string) {
	if strings.Contains(said, " said: ") {
		return Reject, "" // what another host says of the recipient or sender that was asked about there
	}
	text := strings.ToLower(withoutNames(said, ""))
	if i := strings.LastIndex(text, " rejected: "); i >= 0 { // "<what the client said>: Helo command rejected: reason"
		text = text[i+len(" rejected: "):]
	}
	if _, rest, ok := strings.Cut(text, "temporary lookup failure of "); ok {
		r := read(rest)
		if zone := r.saidZone(); zone != "" {
			return DNSBLError, zone
		}
		return Reject, ""
	}
	r := read(text)
	zone := r.saidZone()
	if zone == "" && !r.says(&r.ordinary) {
		if zone = r.namedZone(false); zone == "" {
			zone = unknownList(text)
		}
	}
	switch {
	case zone != "" && r.says(&r.refusals):
		return DNSBLError, zone
	case zone != "" || r.says(&r.listWords) && saysList(text):
		return DNSBLReject, zone
	}
	return Reject, ""
}

// saysList tells whether a text speaks of a list without a name of it. policyd-weight
// says of any refusal what one could do: "or to get removed from DNSBLs".
func saysList(text string) bool {
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

// listWords say that a list is meant without a name of it.
var listWords = [...]string{"dnsbl", "rbl"}

// ordinary are refusals that name no list, whatever names stand in them.
var ordinary = [...]string{
	"relaying denied", "relaying temporarily denied", "relay access denied", "user unknown", "reverse dns", "cannot find your", "does not resolve",
	"does not exist", "domain not found", "host not found", "fully-qualified", "rate limit exceeded", "too many", "greylist", "not listed",
}

// refusals are how a list says, where its reason should stand, that it would not answer
// (dnsbl_facts 2 and 7).
var refusals = [...]string{
	"127.255.255.", "; error: ", "open resolver", "public resolver", "open/public", "/returnc/", "excessive number of quer", "excessive quer",
	"query limit", "queries limit", "query rate", "query quota", "too many queries", "typing error", "not authorized to query", "resolver not registered",
	"query refused", "no ip queries",
}

// isRate tells of a refusal for the number of connections: no list is asked for it.
func isRate(reply string) bool {
	return containsAny(strings.ToLower(reply), []string{"rate limit", "too many open", "too many connections", "temporary system failure"})
}

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}
