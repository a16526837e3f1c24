package maillog

import "strings"

// outbound reads the reply of another host that refused this one. It is an event if the reason is this host's address. relay
// is the other host as the line names it.
func outbound(text, relay string, mta MTA) (Event, bool) {
	r := newReply(flat(withoutNames(text, "@")))
	zone, ok := r.addressRefusal()
	if !ok {
		return Event{}, false
	}
	e := Event{MTA: mta, Kind: OutboundBlock, Zone: zone, Remote: remoteName(relay)}
	if zone != "" && !Private(zone) && r.has(refusalPhrase) {
		e.Kind = DNSBLError
	}
	e.IP = firstAddr(text, lastBracketed(relay))
	return e, true
}

// remoteName gives a host like "mx.example.com[192.0.2.1]:25" without its address, port and final dot.
func remoteName(relay string) string {
	name, _, bracket := strings.Cut(relay, "[")
	name = strings.TrimRight(strings.TrimSpace(name), ".")
	if addr := bracketed(relay); name == "" && bracket && addr.IsValid() {
		return addr.String()
	}
	return name[:min(len(name), maxDomain)]
}

// addressRefusal reports whether a reply refuses this host because of its address's reputation, and by which list.
func (r *reply) addressRefusal() (zone string, ok bool) {
	for i, s := range services {
		if r.has(firstService<<i) && strings.Contains(r.text, s.and) && (!s.atEnd || strings.HasSuffix(r.text, s.phrases[0])) {
			return r.listOrService(s.zone), true
		}
	}
	subject, verdict := r.has(subjectPhrase), r.has(verdictPhrase)
	subject = subject || verdict && judgesAddress(r.text)
	connect := strings.HasPrefix(r.text, refusedAtConnect)
	if r.has(otherReason) || !subject && !verdict && !connect && !r.has(lookupPage) {
		return "", false
	}
	zone = r.introducedZone()
	_, after, using := strings.Cut(r.text, "blocked using")
	if using && zone == "" {
		rest := newReply(after)
		zone = rest.mentionedZone(listName | serviceName)
	}
	mentioned := r.mentionedZone(listName)
	switch {
	case listsDomains(zone), listsDomains(mentioned):
		return "", false
	case zone != "" && (using || mentioned != "" || subject || firstAddr(r.text).IsValid()):
		return zone, true
	case mentioned != "":
		return mentioned, true
	case subject && verdict, connect && r.has(connectPhrase):
		return r.listOrService(""), true
	}
	return "", false
}

// judgesAddress reports whether a word for a reputation follows an address, as in "192.0.2.1 is blacklisted".
func judgesAddress(text string) bool {
	for at, token := range tokens(text) {
		after := strings.TrimLeft(text[at+len(token):], " ])>:")
		if hasAnyPrefix(after, "is ", "was ", "has been ", "listed", "blacklisted", "blocked", "rejected", "refused", "found") {
			if _, ok := parseAddr(token); ok {
				return true
			}
		}
	}
	return false
}

// refusedAtConnect begins the reply of a host that refused the connection before this host sent a command.
const refusedAtConnect = "refused to talk to me:"

func listsDomains(zone string) bool {
	l := listOf(zone)
	return l != nil && l.ofDomains
}

// listOrService gives the list that the reply of a private service names, else the service.
func (r *reply) listOrService(service string) string {
	if zone := r.introducedZone(); zone != "" && !Private(zone) && listOf(zone) != nil {
		return zone
	}
	if zone := r.mentionedZone(listName); zone != "" {
		return zone
	}
	if service != "" {
		return service
	}
	return r.mentionedZone(listName | serviceName)
}

// services are phrases that show that a reply is about the address: each alone, or together with the words in and, or at the
// end of the reply, because Sendmail logs the first line only. They come from logs and from the services' own pages.
var services = [...]struct {
	zone    string
	phrases []string
	and     string
	atEnd   bool
}{
	{zone: "proofpoint", phrases: []string{"dnsbl-lookup.cgi", "ipcheck.proofpoint.com", "prs.proofpoint.com"}},
	{zone: "cloudmark", phrases: []string{"csi.cloudmark.com", "cloudmark sender intelligence"}},
	{zone: "mimecast", phrases: []string{"zen.mimecast.org", "csi.mimecast.org"}},
	{zone: "mimecast", phrases: []string{"poor reputation sender"}, and: "mimecast"},
	{zone: "microsoft", phrases: []string{
		"is on our block list", "on our block list (s31", "banned sending ip", "access denied, banned sender[",
		"traffic not accepted from this ip", "delist@messaging.microsoft.com", "delist.messaging.microsoft.com",
	}},
	{zone: "microsoft", phrases: []string{"due to ip reputation"}, and: "live.com"},
	{zone: "microsoft", phrases: []string{"weren't sent"}, and: "messages from"},
	{zone: "google", phrases: []string{
		"the ip you're using to send", "notauthorizederror", "unsolicitediperror", "reputation of the sending ip",
		"unusual rate of unsolicited mail originating from your ip",
	}},
	{zone: "google", phrases: []string{"has detected an unusual rate of"}, atEnd: true},
	{zone: "trendmicro", phrases: []string{
		"rejected: ers-", "trend micro rbl", "trend micro email reputation", "mail-abuse.com/cgi-bin/lookup", "ers.trendmicro.com",
	}},
	{zone: "symantec", phrases: []string{"ipremoval.sms.symantec.com", "connection rejected by policy [7."}},
	{zone: "att", phrases: []string{"attrbl", "abuse_rbl@abuse-att.net"}},
	{zone: "att", phrases: []string{"dnsbl:rbl"}, and: "_is_blocked"},
	{zone: "comcast", phrases: []string{"smtp-error-codes.php#bl", "comcast block for spam"}},
	{zone: "t-online", phrases: []string{"rx.t-online.de"}},
	{zone: "t-online", phrases: []string{"a problem occurred. (ask your postmaster"}, and: "(bl)"},
	{zone: "cisco", phrases: []string{"sending mta's poor reputation", "senderbase.org"}},
	{zone: "cisco", phrases: []string{"talosintelligence.com"}, and: "reputation"},
	{zone: "yahoo", phrases: []string{"[tss", "[ts0", "[ipts0"}, and: "deferred"}, // some mail for a time, or all mail for good
	{zone: "qq", phrases: []string{"suspected spam ip"}},
	{zone: "yahoo", phrases: []string{"[bl21]", "[bl23]"}},
	{zone: "aol", phrases: []string{"(rtr:bb", "(rtr:bl", "(rtr:du", "(rtr:sc", "(con:b1"}}, // "rtr:rd" is reverse DNS
	{zone: "sfr", phrases: []string{"gu_eib_0"}},
	{zone: "orange", phrases: []string{"ofr006_10"}},
	{zone: "free", phrases: []string{"too many spams from your ip"}},
	{zone: "charter", phrases: []string{"aup#in-", "aup#i-"}},
	{zone: "cox", phrases: []string{"cxbl"}},
	{phrases: []string{
		"intrusion prevention active for", "new or untrusted ip", "ip address blacklisted", "because bad ip", "bad sender ip",
		"policy restrictions (ip based)",
	}},
}

// otherReasons are phrases for reasons other than the address. The same reply may also name a list or an address.
var otherReasons = []string{
	"domain is listed", "sending domain", "sender domain", "your domain", "spamhaus dbl", "/dbl/", "dbl.spamhaus", "/query/dbl", "domain present in",
	"helo command [", "sender address [", "recipient address [", "helo domain", "mailfrom domain", "from domain", "domain of sender",
	"dmarc", "spf policy", "spf check", "spf-check", "due to spf", "openspf", "dkim",
	"ptr record", "ptr resource", "reverse dns", "reverse hostname", "cannot find your hostname", "valid reverse", "rdns", "reverse lookup", "ipv6 sending guidelines",
	"user unknown", "no such user", "does not exist", "mailbox unavailable", "recipient rejected", "recipient unknown", "unknown user", "invalid recipient",
	"mailbox full", "over quota", "overquota", "quota exceeded", "out of storage",
	"greylist", "graylist", "grey-list", "greylisting",
	"relay access denied", "relaying denied", "open relay not", "unable to relay",
	"url in", "spam url", "in content", "banned content", "header based", "virus", "attachment", "links within", "surbl", "uribl",
}

// subjects are phrases for this host's address.
var subjects = []string{
	"your ip", "ip address", "ip-address", "client host", "client [", "sending ip", "sender ip", "sender's ip", "source ip", "originating ip", "remote ip", "connecting ip",
	"this ip", "the ip", "mail from ip", "ip reputation", "your host", "your server", "your mail server", "your mailserver", "your mta", "sending mta", "sending server", "sending host",
	"messages from [", "mail server [", "adresse ip", "ip-adresse", "direccion ip", "endereco ip", "mail from [", "connection from", "connection refused from", "connections from",
	"your network", "your isp", "your address", "host [", "[ip", "ip:", "ip=", "ip [", "ip <", "your access to this mail system", "due to dnsbl", "one or more dnsbl",
}

// verdicts are phrases for a bad reputation.
var verdicts = []string{
	"blacklist", "black list", "black-list", "blocklist", "block list", "block-list", "blocklisted", "block listed", "denylist", "deny list", "black listed",
	"reputation", "is listed", "listed in", "listed on", "listed at", "listed by", "due to listing", "dnsbl", "rbl", "banned", "has been blocked", "is blocked", "was blocked",
	"been blocked", "_is_blocked", "blocked for", "blocked due", "blocked -", "blocked;", "blocked by", "blocked using", "rejected using", "refused using", "blackhole site", "blocked.", "bloquee", "bloqueada", "gesperrt", "spam source", "sending spam",
	"has been banned", "untrusted",
}

// lookupPages are parts of the URLs of pages about one address.
var lookupPages = []string{"/query/ip/", "query/bl?ip=", "?ip=", "&ip=", "/lookup", "/query/sbl", "/sbl/query", "bl.shtml", "/removal", "/returnc/", "w3m?action=checkblock"}

// atConnect are words of a host that refuses the connection. It knows nothing but the address then.
var atConnect = []string{"block", "banned", "blacklist", "black list", "reputation", "not allowed to connect", "dnsbl", "rbl", "spam", "access denied", "connection rejected"}
