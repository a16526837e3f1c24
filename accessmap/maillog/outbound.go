package maillog

import "strings"

// outbound judges the reply of a host that refused this one; relay is that host as the
// line names it. It is an event when the reason is this host's address.
func outbound(said, relay string, mta MTA) (finding, bool) {
	r := read(flat(withoutNames(said, "@")))
	zone, about := r.standing()
	if !about {
		return finding{}, false
	}
	f := finding{mta: mta, kind: OutboundBlock, zone: zone, remote: remoteName(relay)}
	if zone != "" && !Private(zone) && r.says(&r.refusals) {
		f.kind = DNSBLError
	}
	f.ip = firstAddr(said, lastBracketed(relay))
	return f, true
}

// remoteName is a host without its address, port and final dot: "mx.example.com[192.0.2.1]:25".
func remoteName(relay string) string {
	name, _, bracket := strings.Cut(relay, "[")
	name = strings.TrimRight(strings.TrimSpace(name), ".")
	if addr := bracketed(relay); name == "" && bracket && addr.IsValid() {
		return addr.String()
	}
	return name[:min(len(name), maxDomain)]
}

// standing tells whether a reply refuses an address for its standing, and by whose word.
func (r *reply) standing() (zone string, about bool) {
	for _, s := range r.services {
		if r.has.has(s.says) && (s.and < 0 || r.has.has(s.and)) && (!s.last || strings.HasSuffix(r.text, s.words)) {
			return r.whose(s.zone), true
		}
	}
	subject, verdict := r.says(&r.subjects), r.says(&r.verdicts)
	subject = subject || verdict && ofAnAddress(r.text)
	atOnce := strings.HasPrefix(r.text, refusedAtOnce)
	if r.says(&r.otherwise) || !subject && !verdict && !atOnce && !r.says(&r.lookups) {
		return "", false
	}
	zone = r.saidZone()
	_, behind, using := strings.Cut(r.text, "blocked using")
	if using && zone == "" {
		of := read(behind)
		zone = of.namedZone(true)
	}
	named := r.namedZone(false)
	switch {
	case ofNames(zone), ofNames(named):
		return "", false
	case zone != "" && (using || named != "" || subject || firstAddr(r.text).IsValid()):
		return zone, true
	case named != "":
		return named, true
	case subject && verdict, atOnce && r.says(&r.atOnce):
		return r.whose(""), true
	}
	return "", false
}

// ofAnAddress tells whether something is said of an address: "192.0.2.1 is blacklisted".
func ofAnAddress(text string) (is bool) {
	tokens(text, func(token string, at int) bool {
		if _, ok := parseAddr(token); ok {
			said := strings.TrimLeft(text[at+len(token):], " ])>:")
			is = hasAny(said, "is ", "was ", "has been ", "listed", "blacklisted", "blocked", "rejected", "refused", "found")
		}
		return !is
	})
	return is
}

// refusedAtOnce begins the reply of a host that refused before anything was said.
const refusedAtOnce = "refused to talk to me:"

// ofNames tells of a list that domains stand in it, and no addresses.
func ofNames(zone string) bool {
	i := listIndex(zone)
	return i >= 0 && lists[i].names
}

// whose is the list that a reply of a private service goes by, else the service itself.
func (r *reply) whose(service string) string {
	if zone := r.saidZone(); zone != "" && !Private(zone) && listIndex(zone) >= 0 {
		return zone
	}
	if zone := r.namedZone(false); zone != "" {
		return zone
	}
	if service != "" {
		return service
	}
	return r.namedZone(true)
}

// services are replies that say by themselves that the address is meant. Read in logs
// and in the services' own pages.
// A says that ends in "$" must end the reply: Sendmail writes the first line alone.
var services = [...]struct{ says, and, zone string }{
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
	{"[tss", "deferred", "yahoo"}, // temporarily, and all mail for good
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

// otherwise are reasons that are not the address, though a list or an address may stand
// beside them.
var otherwise = [...]string{
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

// subjects are words for this host's address.
var subjects = [...]string{
	"your ip", "ip address", "ip-address", "client host", "client [", "sending ip", "sender ip", "sender's ip", "source ip", "originating ip", "remote ip", "connecting ip",
	"this ip", "the ip", "mail from ip", "ip reputation", "your host", "your server", "your mail server", "your mailserver", "your mta", "sending mta", "sending server", "sending host",
	"messages from [", "mail server [", "adresse ip", "ip-adresse", "direccion ip", "endereco ip", "mail from [", "connection from", "connection refused from", "connections from",
	"your network", "your isp", "your address", "host [", "[ip", "ip:", "ip=", "ip [", "ip <", "your access to this mail system", "due to dnsbl", "one or more dnsbl",
}

// verdicts are words for a standing.
var verdicts = [...]string{
	"blacklist", "black list", "black-list", "blocklist", "block list", "block-list", "blocklisted", "block listed", "denylist", "deny list", "black listed",
	"reputation", "is listed", "listed in", "listed on", "listed at", "listed by", "due to listing", "dnsbl", "rbl", "banned", "has been blocked", "is blocked", "was blocked",
	"been blocked", "_is_blocked", "blocked for", "blocked due", "blocked -", "blocked;", "blocked by", "blocked using", "rejected using", "refused using", "blackhole site", "blocked.", "bloquee", "bloqueada", "gesperrt", "spam source", "sending spam",
	"has been banned", "untrusted",
}

// lookups are pages that tell of one address.
var lookups = [...]string{"/query/ip/", "query/bl?ip=", "?ip=", "&ip=", "/lookup", "/query/sbl", "/sbl/query", "bl.shtml", "/removal", "/returnc/", "w3m?action=checkblock"}

// atOnce are words of a host that refuses before anything was said: it knows nothing yet
// but the address.
var atOnce = [...]string{"block", "banned", "blacklist", "black list", "reputation", "not allowed to connect", "dnsbl", "rbl", "spam", "access denied", "connection rejected"}
