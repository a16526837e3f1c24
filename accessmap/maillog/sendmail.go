package maillog

import (
	"net/netip"
	"strings"
)

// sendmail reads what Sendmail writes of a client, and of hosts that refuse:
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
func sendmail(message string) (finding, bool) {
	_, said := withoutQueueID(message)
	switch {
	case strings.HasPrefix(said, "ruleset="):
		return ruleset(said)
	case strings.HasPrefix(said, "to="), strings.Contains(said, ", stat="):
		return delivery(said)
	}
	if _, reply, ok := strings.Cut(said, "<<< "); ok {
		if _, is := replyCode(reply); is {
			return outbound(reply, "", Sendmail)
		}
		return finding{}, false
	}
	f := finding{mta: Sendmail, kind: Reject}
	switch {
	case strings.HasPrefix(said, "Milter: "), strings.HasPrefix(said, "milter="):
		f.ip = bracketed(said)
		if _, addr, ok := strings.Cut(said, ", addr="); ok {
			addr, _, _ = strings.Cut(addr, ",")
			f.ip, _ = parseAddr(strings.Trim(addr, "[]"))
		}
		if _, reply, ok := strings.Cut(withoutNames(said, ""), "reject="); ok {
			f.kind, f.zone = judge(reply)
			if f.kind == DNSBLReject && !f.ip.IsValid() {
				f.ip = firstAddr(reply)
			}
			return f, true
		}
		return f, strings.Contains(said, "rejecting commands") || strings.Contains(said, "temp failing commands") || strings.HasSuffix(said, ", reject")
	case strings.HasPrefix(said, "rejecting "), strings.HasPrefix(said, "tcpwrappers ("):
		f.ip = bracketed(said)
		if !f.ip.IsValid() {
			f.ip = firstAddr(said)
		}
		return f, f.ip.IsValid()
	case strings.HasPrefix(said, "<") && strings.HasSuffix(said, "... User unknown"):
		return f, true
	}
	return finding{}, false
}

// ruleset reads the refusal of a ruleset. Its arguments and the reply hold what the
// client said in <...>, which is left out before the members are looked for.
func ruleset(said string) (finding, bool) {
	said = withoutNames(said, "")
	name, rest, _ := strings.Cut(strings.TrimPrefix(said, "ruleset="), ",")
	switch name {
	case "tls_server", "tls_rcpt", "try_tls", "srv_features", "authinfo": // this host is the client there
		return finding{}, false
	}
	f := finding{mta: Sendmail}
	before, reply, refused := strings.Cut(rest, ", reject=")
	discarded := false
	if !refused {
		if before, discarded = strings.CutSuffix(rest, ", discard"); !discarded {
			before, reply, discarded = strings.Cut(rest, ", quarantine=")
			reply = "listed at " + reply
		}
		if !refused && !discarded {
			return finding{}, false
		}
	}
	client, relayed := member(before, "relay")
	arg1, _ := member(before, "arg1")
	arg2, _ := member(before, "arg2")
	f.ip = lastBracketed(client)
	answer := listAnswer(arg2, f.ip)
	if !f.ip.IsValid() {
		f.ip = clientIn(arg1, arg2, reply, relayed)
	}
	f.kind, f.zone = judge(reply)
	switch {
	case strings.HasPrefix(answer, "127.255.255."):
		f.kind = DNSBLError
	case f.kind == Reject && answer != "" && !isRate(reply):
		f.kind = DNSBLReject
	}
	return f, refused || f.kind != Reject
}

// member is the value of a member of a line: up to the comma before the next one.
func member(line, name string) (string, bool) {
	_, value, ok := strings.Cut(line, " "+name+"=")
	if !ok {
		return "", false
	}
	value, _, _ = strings.Cut(value, ", ")
	return value, true
}

// lastBracketed is the address in the last [...]: a client's name may be one, too.
func lastBracketed(s string) netip.Addr {
	if i := strings.LastIndexByte(s, '['); i >= 0 {
		return bracketed(s[i:])
	}
	return netip.Addr{}
}

// listAnswer is arg2 where it is the answer of a DNSBL: in 127/8, and not the client.
func listAnswer(arg2 string, client netip.Addr) string {
	addr, ok := parseAddr(arg2)
	if !ok || !addr.Is4() || !addr.IsLoopback() || addr == client || client.IsLoopback() || arg2 == "127.0.0.1" {
		return ""
	}
	return addr.String()
}

// clientIn finds the client of a line whose relay gives none: the reply names it, or an
// argument does.
func clientIn(arg1, arg2, reply string, relayed bool) netip.Addr {
	if addr := firstAddr(reply); addr.IsValid() && !addr.IsLoopback() {
		return addr
	}
	if relayed && arg2 == "" {
		return netip.Addr{}
	}
	for _, arg := range [...]string{arg2, strings.Trim(arg1, "[]")} {
		if addr, ok := parseAddr(arg); ok && !addr.IsLoopback() {
			return addr
		}
	}
	return netip.Addr{}
}

// delivery reads the line of a delivery: the reply of the other host stands in reply=
// (since 8.16), else behind the word that says it is tried again.
func delivery(said string) (finding, bool) {
	i := strings.LastIndex(said, ", stat=")
	if i < 0 {
		return finding{}, false
	}
	before, reply := said[:i], said[i+len(", stat="):]
	if hasAny(reply, "Sent", "queued") {
		return finding{}, false
	}
	if at := strings.LastIndex(before, ", reply="); at >= 0 {
		reply = before[at+len(", reply="):]
		before = before[:at]
	}
	relay, _ := member(before, "relay")
	if lastBracketed(relay).IsLoopback() {
		return finding{}, false // the daemon of this host, which says itself why
	}
	reply, _ = cutAny(reply, "Deferred: ", "Service unavailable: ", "User unknown: ")
	if _, ok := replyCode(reply); !ok {
		return finding{}, false
	}
	return outbound(reply, relay, Sendmail)
}
