package maillog

import (
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/maillog/token"
)

// sendmail reads messages of Sendmail about a client, and about hosts that refuse this one:
//
//	k79: ruleset=check_rcpt, arg1=<a>, relay=name [address], reject=550 5.7.1 <a>... reason
//	ruleset=check_relay, arg1=name, arg2=address or answer, relay=name [address], reject=550 5.7.1 reason
//	ruleset=check_relay, ..., discard        ..., quarantine=zone
//	k79: Milter: data, reject=550 5.7.1 reason
//	k79: <a>... User unknown
//	k79: rejecting commands from name [address] due to pre-greeting traffic
//	k79: to=<a>, ..., relay=name [address], dsn=5.7.1, reply=550 5.7.1 reason, stat=Service unavailable
//	k79: to=<a>, ..., relay=name [address], dsn=4.0.0, stat=Deferred: 421 reason
//	<<< 550 5.7.1 reason                     in a returned mail
func sendmail(message string) (Event, bool) {
	text := withoutQueueID(message)
	switch {
	case strings.HasPrefix(text, "ruleset="):
		return ruleset(text)
	case strings.HasPrefix(text, "to="), strings.Contains(text, ", stat="):
		return delivery(text)
	}
	if _, reply, ok := strings.Cut(text, "<<< "); ok {
		if token.IsReply(reply) {
			return outbound(reply, "", Sendmail)
		}
		return Event{}, false
	}
	e := Event{MTA: Sendmail, Kind: Reject, Blames: Other}
	switch {
	case strings.HasPrefix(text, "Milter: "), strings.HasPrefix(text, "milter="):
		e.IP = token.Bracketed(text)
		if _, addr, ok := strings.Cut(text, ", addr="); ok {
			addr, _, _ = strings.Cut(addr, ",")
			e.IP, _ = token.ParseAddr(strings.Trim(addr, "[]"))
		}
		if _, reply, ok := strings.Cut(token.WithoutNames(text, ""), "reject="); ok {
			e.judge(reply)
			if e.Kind == DNSBLReject && !e.IP.IsValid() {
				e.IP = token.FirstAddr(reply)
			}
			return e, true
		}
		return e, strings.Contains(text, "rejecting commands") || strings.Contains(text, "temp failing commands") || strings.HasSuffix(text, ", reject")
	case strings.HasPrefix(text, "rejecting "), strings.HasPrefix(text, "tcpwrappers ("):
		e.IP = token.Bracketed(text)
		if !e.IP.IsValid() {
			e.IP = token.FirstAddr(text)
		}
		return e, e.IP.IsValid()
	case strings.HasPrefix(text, "<") && strings.HasSuffix(text, "... User unknown"):
		return e, true
	}
	return Event{}, false
}

// ruleset reads the refusal of a ruleset. Text of the client, which is in <...>, is removed before the members are read.
func ruleset(text string) (Event, bool) {
	text = token.WithoutNames(text, "")
	name, rest, _ := strings.Cut(strings.TrimPrefix(text, "ruleset="), ",")
	switch name {
	case "tls_server", "tls_rcpt", "try_tls", "srv_features", "authinfo": // this host is the client
		return Event{}, false
	}
	e := Event{MTA: Sendmail}
	before, reply, refused := strings.Cut(rest, ", reject=")
	discarded := false
	if !refused {
		if before, discarded = strings.CutSuffix(rest, ", discard"); !discarded {
			before, reply, discarded = strings.Cut(rest, ", quarantine=")
			reply = "listed at " + reply
		}
		if !discarded {
			return Event{}, false
		}
	}
	client, relayed := member(before, "relay")
	arg1, _ := member(before, "arg1")
	arg2, _ := member(before, "arg2")
	e.IP = token.LastBracketed(client)
	answer := listAnswer(arg2, e.IP)
	if !e.IP.IsValid() {
		e.IP = clientIn(arg1, arg2, reply, relayed)
	}
	e.judge(reply)
	switch {
	case strings.HasPrefix(answer, "127.255.255."):
		e.Kind, e.Blames = DNSBLError, Other
	case e.Kind == Reject && answer != "" && !isRate(reply):
		e.Kind, e.Blames = DNSBLReject, Address
	}
	return e, refused || e.Kind != Reject
}

// member gives the value of a member of a line, up to the next comma.
func member(line, name string) (string, bool) {
	_, value, ok := strings.Cut(line, " "+name+"=")
	if !ok {
		return "", false
	}
	value, _, _ = strings.Cut(value, ", ")
	return value, true
}

// listAnswer gives arg2 if it is the answer of a DNSBL, in 127/8 and not the client; else it is empty.
func listAnswer(arg2 string, client netip.Addr) string {
	addr, ok := token.ParseAddr(arg2)
	if !ok || !addr.Is4() || !addr.IsLoopback() || addr == client || client.IsLoopback() || arg2 == "127.0.0.1" {
		return ""
	}
	return addr.String()
}

// clientIn finds the client of a line whose relay has no address, in the reply or in an argument.
func clientIn(arg1, arg2, reply string, relayed bool) netip.Addr {
	if addr := token.FirstAddr(reply); addr.IsValid() && !addr.IsLoopback() {
		return addr
	}
	if relayed && arg2 == "" {
		return netip.Addr{}
	}
	for _, arg := range [...]string{arg2, strings.Trim(arg1, "[]")} {
		if addr, ok := token.ParseAddr(arg); ok && !addr.IsLoopback() {
			return addr
		}
	}
	return netip.Addr{}
}

// delivery reads the line of a delivery. The reply of the other host is in reply= (since 8.16), else in stat= after a word
// such as Deferred.
func delivery(text string) (Event, bool) {
	i := strings.LastIndex(text, ", stat=")
	if i < 0 {
		return Event{}, false
	}
	before, reply := text[:i], text[i+len(", stat="):]
	if token.HasAnyPrefix(reply, "Sent", "queued") {
		return Event{}, false
	}
	if at := strings.LastIndex(before, ", reply="); at >= 0 {
		reply = before[at+len(", reply="):]
		before = before[:at]
	}
	relay, _ := member(before, "relay")
	reply, _ = token.CutAnyPrefix(reply, "Deferred: ", "Service unavailable: ", "User unknown: ")
	if !token.IsReply(reply) {
		return Event{}, false
	}
	return outbound(reply, relay, Sendmail)
}

// isRate reports whether a reply refuses a client because of a limit or of trouble on this host, without asking a list.
func isRate(reply string) bool {
	reply = strings.ToLower(reply)
	return slices.ContainsFunc([]string{"rate limit", "too many open", "too many connections", "temporary system failure"},
		func(phrase string) bool { return strings.Contains(reply, phrase) })
}
