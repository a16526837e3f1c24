package maillog

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf16"

	"mailallow/accessmap/maillog/reply"
)

// MTA is the program that wrote a line.
type MTA string

// The programs whose lines are read. Lines of dnsblog, which asks the lists for postscreen, have Postscreen.
const (
	Sendmail   MTA = "sendmail"
	Postfix    MTA = "postfix"
	Postscreen MTA = "postscreen"
)

// Kind is the kind of an event. The package comment says which lines have which kind.
type Kind string

// The kinds of events.
const (
	DNSBLReject   Kind = "dnsbl_reject"
	DNSBLError    Kind = "dnsbl_error"
	Reject        Kind = "reject"
	OutboundBlock Kind = "outbound_block"

	// DomainBlock is a refusal by another host that blames the sender's domain and not the address of this host. Read yields it
	// only with Options.Domains, because it is no event of the JSON.
	DomainBlock Kind = "domain_block"

	// Client is a client of this host in a line that refuses it nothing: it connected, or its mail was accepted. Read yields it
	// only with Options.Clients.
	Client Kind = "client"
)

// Blame says what a refusal is about.
type Blame = reply.Blame

// What a refusal can be about.
const (
	Address = reply.Address
	Domain  = reply.Domain
	Other   = reply.Other
)

// Private reports whether the Zone of an event is a private service, which nobody can ask over DNS.
func Private(zone string) bool { return reply.Private(zone) }

// Event is one line that reports a refusal.
type Event struct {
	File string
	Line int       // physical line of the file, from 1; of a record in parts the last
	Time time.Time // zero: the line has no time stamp that Read knows
	MTA  MTA
	Kind Kind
	// IP is the client that was refused; in an OutboundBlock it is this host's address in the text of the refusal. The zero
	// Addr: the line names none.
	IP netip.Addr
	// Zone is the zone of the DNS list in lower case, or the name, without a dot, of a private service. Empty: the line names
	// no list.
	Zone   string
	Blames Blame
	Text   string // the line without its header and without account keys, at most 2,000 bytes
	// Remote is the host that refused this one, as the line names it. It is not in the JSON.
	Remote string
}

// AppendJSON appends the event as JSON in ASCII, on one line without LF (docs/when-refused.md). It does not use encoding/json,
// so that logs are written as fast as they are read.
func (e Event) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"file":`...), e.File)
	b = strconv.AppendInt(append(b, `,"line":`...), int64(e.Line), 10)
	b = append(b, `,"time":`...)
	if e.Time.IsZero() {
		b = append(b, "null"...)
	} else {
		b = append(e.Time.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	b = appendString(append(b, `,"mta":`...), string(e.MTA))
	b = appendString(append(b, `,"kind":`...), string(e.Kind))
	b = append(b, `,"ip":`...)
	if e.IP.IsValid() {
		b = append(e.IP.AppendTo(append(b, '"')), '"')
	} else {
		b = append(b, "null"...)
	}
	b = appendString(append(b, `,"zone":`...), e.Zone)
	b = appendString(append(b, `,"blames":`...), string(e.Blames))
	b = appendString(append(b, `,"text":`...), e.Text)
	return append(b, '}')
}

// appendString appends a JSON string in printable ASCII.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
		}
	}
	return append(b, '"')
}
