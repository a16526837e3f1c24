package maillog

import (
	"net/netip"
	"strings"

	"mailallow/accessmap/maillog/reply"
	"mailallow/accessmap/maillog/token"
	"mailallow/allowlist/dnsbl"
)

// judge sets what this host's reply to the client says.
func (e *Event) judge(text string) {
	j := reply.Client(text)
	e.Kind, e.Zone, e.Blames = Reject, j.Zone, j.Blames
	switch {
	case j.Silent:
		e.Kind = DNSBLError
	case j.Listed:
		e.Kind = DNSBLReject
	}
}

// server reads messages of smtpd, cleanup and postscreen about a client:
//
//	NOQUEUE: reject: RCPT from name[address]: 554 5.7.1 reason; from=<a> to=<b> proto=ESMTP helo=<c>
//	NOQUEUE: reject: RCPT from [address]:port: 550 5.7.1 reason; from=<a>, to=<b>, ...
//	4ECEA: milter-reject: END-OF-MESSAGE from name[address]: 4.7.1 reason; from=<a> ...
//	4ECEA: reject: header Subject: ... from name[address]; from=<a> ...: 5.7.1 reason
//	NOQUEUE: proxy-reject: END-OF-MESSAGE: 554 5.7.0 reason; from=<a> ...
//	warning: 2.2.0.192.zone: RBL lookup error: ...
//	warning: Connection rate limit exceeded: 66 from name[address] for service smtp
func (mta MTA) server(message string) (Event, bool) {
	if warning, ok := strings.CutPrefix(message, "warning: "); ok {
		return postfixWarning(warning, mta)
	}
	e := Event{MTA: mta, Kind: Reject, Blames: Other}
	const reject, byMilter, byProxy = "reject: ", "milter-reject: ", "proxy-reject: "
	text, ok := token.CutAnyPrefix(message, reject, byMilter, byProxy)
	if !ok {
		text = withoutQueueID(message)
		if text, ok = token.CutAnyPrefix(text, reject, byMilter, byProxy); !ok {
			return Event{}, false
		}
	}
	if token.HasAnyPrefix(text, "header ", "body ", "mime-header ", "nested-header ") {
		// The reason is the content and not the client, whose address is the one before the last envelope, because the text
		// before it comes from the client.
		if i := strings.LastIndex(text, "]; from=<"); i >= 0 {
			e.IP = token.LastBracketed(text[:i+1])
		}
		return e, true
	}
	rest := text
	if _, client, ok := strings.Cut(text, " from "); ok && !strings.HasPrefix(text, "END-OF-MESSAGE: ") {
		e.IP = token.Bracketed(client)
		_, rest, _ = strings.Cut(client, "]")
	}
	for _, end := range [...]string{"; from=<", "; to=<", "; proto="} {
		rest, _, _ = strings.Cut(rest, end)
	}
	e.judge(rest)
	return e, true
}

// postfixWarning reads the two warnings that are events: a failed lookup of a list, and a client over a limit. Such a client
// gets a 421 or 450 without any other line.
func postfixWarning(text string, mta MTA) (Event, bool) {
	if name, _, ok := strings.Cut(text, ": RBL lookup error: "); ok {
		return lookupError(name, mta)
	}
	limit, client, ok := strings.Cut(text, " from ")
	if ok && strings.Contains(limit, " limit exceeded: ") && strings.Contains(client, " for service ") {
		return Event{MTA: mta, Kind: Reject, IP: token.Bracketed(client), Blames: Other}, true
	}
	return Event{}, false
}

// lookupError is the event of a failed lookup: 2.2.0.192.zen.spamhaus.org is 192.0.2.2 in zen.spamhaus.org, and an IPv6
// address has 32 nibbles (RFC 5782). A question about a name has no address.
func lookupError(question string, mta MTA) (Event, bool) {
	ip, zone := reversed(strings.ToLower(question))
	if zone = token.DomainIn(zone); zone == "" {
		return Event{}, false
	}
	if !ip.IsValid() {
		zone = reply.ListOf(zone)
	}
	return Event{MTA: mta, Kind: DNSBLError, IP: ip, Zone: zone, Blames: Other}, true
}

// reversed splits a question into the address and the zone; the address is invalid if the question is about a name.
func reversed(name string) (netip.Addr, string) {
	labels := strings.Split(name, ".")
	const nibbles = 32
	if len(labels) > nibbles {
		var b strings.Builder
		for i := nibbles - 1; i >= 0 && len(labels[i]) == 1; i-- {
			b.WriteString(labels[i])
			if i%4 == 0 && i > 0 {
				b.WriteByte(':')
			}
		}
		if addr, err := netip.ParseAddr(b.String()); err == nil {
			return addr, strings.Join(labels[nibbles:], ".")
		}
	}
	if len(labels) > 4 {
		if addr, err := netip.ParseAddr(labels[3] + "." + labels[2] + "." + labels[1] + "." + labels[0]); err == nil {
			return addr, strings.Join(labels[4:], ".")
		}
	}
	return netip.Addr{}, name
}

// dnsblog reads messages of postscreen's helper. An answer of a list is a lookup and no event, unless the list refuses to
// answer.
//
//	addr 192.0.2.2 listed by domain zen.spamhaus.org as 127.255.255.254
//	warning: dnsblog_query: lookup error for DNS query 2.2.0.192.zone: ...
func dnsblog(message string) (Event, bool) {
	if _, rest, ok := strings.Cut(message, "lookup error for DNS query "); ok {
		question, _, _ := strings.Cut(rest, ": ")
		return lookupError(question, Postscreen)
	}
	rest, ok := strings.CutPrefix(message, "addr ")
	words := strings.Fields(rest) // address listed by domain ZONE as ANSWER
	if !ok || len(words) != 7 || words[1] != "listed" {
		return Event{}, false
	}
	zone, answer := token.DomainIn(words[4]), words[6]
	if zone == "" || !isErrorAnswer(zone, answer) {
		return Event{}, false
	}
	addr, _ := token.ParseAddr(words[0])
	return Event{MTA: Postscreen, Kind: DNSBLError, IP: addr, Zone: zone, Blames: Other}, true
}

// isErrorAnswer reports whether a list refuses to answer: with 127.255.255.x (docs/facts.md 17), with an address outside of
// 127/8, or with a code that the operator of the list publishes for it.
func isErrorAnswer(zone, answer string) bool {
	if strings.HasPrefix(answer, "127.255.255.") || !strings.HasPrefix(answer, "127.") {
		return true
	}
	code, err := netip.ParseAddr(answer)
	return err == nil && code.Is4() && dnsbl.Refuses(zone, code)
}

// postfixClient reads messages of smtp and lmtp about a host that refuses this one, and of error about a failed delivery to
// it:
//
//	4ECEA: to=<a>, relay=name[address]:25, ..., status=bounced (host name[address] said: 550 ... (in reply to RCPT TO command))
//	4ECEA: host name[address] said: 421 ... (in reply to end of DATA command)
//	4ECEA: host name[address] refused to talk to me: 554 ...
func postfixClient(message string) (Event, bool) {
	text := message
	if _, status, ok := strings.Cut(message, "status="); ok {
		status, reason, found := strings.Cut(status, "(")
		switch strings.TrimSpace(status) {
		case "bounced", "deferred", "undeliverable", "SOFTBOUNCE", "expired":
		default:
			return Event{}, false
		}
		if !found {
			return Event{}, false
		}
		text = reason
	}
	host, said, ok := strings.Cut(text, " said: ")
	before := text
	if ok {
		before = text[:len(host)+len(" ")]
	}
	if at := strings.Index(before, " "+reply.RefusedAtConnect+" "); at >= 0 {
		host, said, ok = text[:at], text[at+len(" "):], true
	}
	if !ok {
		return Event{}, false
	}
	for name, more := host, true; more; _, name, more = strings.Cut(host, "host ") {
		host = name
	}
	if strings.Contains(host, "[private/") {
		return Event{}, false // a filter on this host
	}
	said, _, _ = strings.Cut(said, " (in reply to ")
	return outbound(said, host, Postfix)
}
