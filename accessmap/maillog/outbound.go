package maillog

import (
	"strings"

	"mailallow/accessmap/maillog/reply"
	"mailallow/accessmap/maillog/token"
)

// outbound reads the reply of another host that refused this one. It is an event if the reason is this host's address. relay
// is the other host as the line names it.
func outbound(text, relay string, mta MTA) (Event, bool) {
	at := token.LastBracketed(relay)
	if at.IsLoopback() {
		return Event{}, false // it is this host, whose daemon or filter logs the reason itself
	}
	j := reply.Host(text, at)
	if j.Blames == Other && !j.Silent {
		return Event{}, false
	}
	e := Event{MTA: mta, Kind: OutboundBlock, IP: j.Address, Blames: j.Blames, Zone: j.Zone, Remote: remoteName(relay)}
	switch {
	case j.Silent:
		e.Kind = DNSBLError
	case j.Blames == Domain:
		e.Kind = DomainBlock
		return e, true
	}
	if !e.IP.IsValid() {
		e.IP = token.FirstAddr(text, at)
	}
	return e, true
}

// remoteName gives a host like "mx.example.com[192.0.2.1]:25" without its address, port and final dot.
func remoteName(relay string) string {
	name, _, bracket := strings.Cut(relay, "[")
	name = strings.TrimRight(strings.TrimSpace(name), ".")
	if addr := token.Bracketed(relay); name == "" && bracket && addr.IsValid() {
		return addr.String()
	}
	return name[:min(len(name), token.MaxDomain)]
}
