package maillog

import "strings"

// outbound reads the reply of another host that refused this one. It is an event if the reason is this host's address. relay
// is the other host as the line names it.
func outbound(text, relay string, mta MTA) (finding, bool) {
	r := newReply(flat(withoutNames(text, "@")))
	zone, ok := r.addressRefusal()
	if !ok {
		return finding{}, false
	}
	f := finding{mta: mta, kind: OutboundBlock, zone: zone, remote: remoteName(relay)}
	if zone != "" && !Private(zone) && r.hasAny(&r.refusals) {
		f.kind = DNSBLError
	}
	f.ip = firstAddr(text, lastBracketed(relay))
	return f, true
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
	for _, s := range r.services {
		if r.phrases.has(s.phrase) && (s.and < 0 || r.phrases.has(s.and)) && (!s.last || strings.HasSuffix(r.text, s.text)) {
			return r.listOrService(s.zone), true
		}
	}
	subject, verdict := r.hasAny(&r.subjects), r.hasAny(&r.verdicts)
	subject = subject || verdict && judgesAddress(r.text)
	connect := strings.HasPrefix(r.text, refusedAtConnect)
	if r.hasAny(&r.otherReasons) || !subject && !verdict && !connect && !r.hasAny(&r.lookupPages) {
		return "", false
	}
	zone = r.introducedZone()
	_, after, using := strings.Cut(r.text, "blocked using")
	if using && zone == "" {
		rest := newReply(after)
		zone = rest.mentionedZone(true)
	}
	mentioned := r.mentionedZone(false)
	switch {
	case listsDomains(zone), listsDomains(mentioned):
		return "", false
	case zone != "" && (using || mentioned != "" || subject || firstAddr(r.text).IsValid()):
		return zone, true
	case mentioned != "":
		return mentioned, true
	case subject && verdict, connect && r.hasAny(&r.atConnect):
		return r.listOrService(""), true
	}
	return "", false
}

// judgesAddress reports whether a word for a reputation follows an address, as in "192.0.2.1 is blacklisted".
func judgesAddress(text string) (is bool) {
	tokens(text, func(token string, at int) bool {
		if _, ok := parseAddr(token); ok {
			after := strings.TrimLeft(text[at+len(token):], " ])>:")
			is = hasAnyPrefix(after, "is ", "was ", "has been ", "listed", "blacklisted", "blocked", "rejected", "refused", "found")
		}
		return !is
	})
	return is
}

// refusedAtConnect begins the reply of a host that refused the connection before this host sent a command.
const refusedAtConnect = "refused to talk to me:"

func listsDomains(zone string) bool {
	i := listIndex(zone)
	return i >= 0 && lists[i].ofDomains
}

// listOrService gives the list that the reply of a private service names, else the service.
func (r *reply) listOrService(service string) string {
	if zone := r.introducedZone(); zone != "" && !Private(zone) && listIndex(zone) >= 0 {
		return zone
	}
	if zone := r.mentionedZone(false); zone != "" {
		return zone
	}
	if service != "" {
		return service
	}
	return r.mentionedZone(true)
}

// services are phrases that alone, or together with a second one, show that a reply is about the address. They come from
// logs and from the services' own pages. A phrase that ends in "$" must end the reply, because Sendmail logs the first line
// only.
var services = [...]struct{ phrase, and, zone string }{
	{"dnsbl-lookup.cgi", "", "proofpoint"},
	{"ipcheck.proofpoint.com", "", "proofpoint"},
	{"prs.proofpoint.com", "", "proofpoint"},
	{"csi.cloudmark.com", "", "cloudmark"},
	{"cloudmark sender intelligence", "", "cloudmark"},
	{"zen.mimecast.org", "", "mimecast"},
	{"csi.mimecast.org", "", "mimecast"},
	{"poor reputation sender", "mimecast", "mimecast"},
	{"is on our block list", "", "microsoft"},
	{"on our block list (s31", "", "microsoft"},
	{"banned sending ip", "", "microsoft"},
	{"access denied, banned sender[", "", "microsoft"},
	{"traffic not accepted from this ip", "", "microsoft"},
	{"due to ip reputation", "live.com", "microsoft"},
	{"delist@messaging.microsoft.com", "", "microsoft"},
	{"delist.messaging.microsoft.com", "", "microsoft"},
	{"weren't sent", "messages from", "microsoft"},
	{"the ip you're using to send", "", "google"},
	{"notauthorizederror", "", "google"},
	{"unsolicitediperror", "", "google"},
	{"unusual rate of unsolicited mail originating from your ip", "", "google"},
	{"has detected an unusual rate of$", "", "google"},
	{"reputation of the sending ip", "", "google"},
	{"recipient address rejected: ers-", "", "trendmicro"},
	{"rejected: ers-", "", "trendmicro"},
	{"trend micro rbl", "", "trendmicro"},
	{"trend micro email reputation", "", "trendmicro"},
	{"mail-abuse.com/cgi-bin/lookup", "", "trendmicro"},
	{"ers.trendmicro.com", "", "trendmicro"},
	{"ipremoval.sms.symantec.com", "", "symantec"},
	{"connection rejected by policy [7.", "", "symantec"},
	{"attrbl", "", "att"},
	{"abuse_rbl@abuse-att.net", "", "att"},
	{"dnsbl:rbl", "_is_blocked", "att"},
	{"smtp-error-codes.php#bl", "", "comcast"},
	{"comcast block for spam", "", "comcast"},
	{"rx.t-online.de", "", "t-online"},
	{"a problem occurred. (ask your postmaster", "(bl)", "t-online"},
	{"sending mta's poor reputation", "", "cisco"},
	{"senderbase.org", "", "cisco"},
	{"talosintelligence.com", "reputation", "cisco"},
	{"[tss", "deferred", "yahoo"}, // some mail for a time, or all mail for good
	{"[ts0", "deferred", "yahoo"},
	{"[ipts0", "deferred", "yahoo"},
	{"suspected spam ip", "", "qq"},
	{"[bl21]", "", "yahoo"},
	{"[bl23]", "", "yahoo"},
	{"(rtr:bb", "", "aol"}, // "rtr:rd" is reverse DNS
	{"(rtr:bl", "", "aol"},
	{"(rtr:du", "", "aol"},
	{"(rtr:sc", "", "aol"},
	{"(con:b1", "", "aol"},
	{"gu_eib_0", "", "sfr"},
	{"ofr006_10", "", "orange"},
	{"too many spams from your ip", "", "free"},
	{"aup#in-", "", "charter"},
	{"aup#i-", "", "charter"},
	{"cxbl", "", "cox"},
	{"intrusion prevention active for", "", ""},
	{"new or untrusted ip", "", ""},
	{"ip address blacklisted", "", ""},
	{"because bad ip", "", ""},
	{"bad sender ip", "", ""},
	{"policy restrictions (ip based)", "", ""},
}

// otherReasons are phrases for reasons other than the address. The same reply may also name a list or an address.
var otherReasons = [...]string{
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
var subjects = [...]string{
	"your ip", "ip address", "ip-address", "client host", "client [", "sending ip", "sender ip", "sender's ip", "source ip", "originating ip", "remote ip", "connecting ip",
	"this ip", "the ip", "mail from ip", "ip reputation", "your host", "your server", "your mail server", "your mailserver", "your mta", "sending mta", "sending server", "sending host",
	"messages from [", "mail server [", "adresse ip", "ip-adresse", "direccion ip", "endereco ip", "mail from [", "connection from", "connection refused from", "connections from",
	"your network", "your isp", "your address", "host [", "[ip", "ip:", "ip=", "ip [", "ip <", "your access to this mail system", "due to dnsbl", "one or more dnsbl",
}

// verdicts are phrases for a bad reputation.
var verdicts = [...]string{
	"blacklist", "black list", "black-list", "blocklist", "block list", "block-list", "blocklisted", "block listed", "denylist", "deny list", "black listed",
	"reputation", "is listed", "listed in", "listed on", "listed at", "listed by", "due to listing", "dnsbl", "rbl", "banned", "has been blocked", "is blocked", "was blocked",
	"been blocked", "_is_blocked", "blocked for", "blocked due", "blocked -", "blocked;", "blocked by", "blocked using", "rejected using", "refused using", "blackhole site", "blocked.", "bloquee", "bloqueada", "gesperrt", "spam source", "sending spam",
	"has been banned", "untrusted",
}

// lookupPages are parts of the URLs of pages about one address.
var lookupPages = [...]string{"/query/ip/", "query/bl?ip=", "?ip=", "&ip=", "/lookup", "/query/sbl", "/sbl/query", "bl.shtml", "/removal", "/returnc/", "w3m?action=checkblock"}

// atConnect are words of a host that refuses the connection. It knows nothing but the address then.
var atConnect = [...]string{"block", "banned", "blacklist", "black list", "reputation", "not allowed to connect", "dnsbl", "rbl", "spam", "access denied", "connection rejected"}
