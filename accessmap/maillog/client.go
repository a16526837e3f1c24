package maillog

import (
	"bytes"
	"strings"

	"mailallow/accessmap/maillog/token"
)

// mayNameClient excludes most messages that connected does not read, at little cost.
func mayNameClient(message []byte) bool {
	return bytes.Contains(message, []byte("connect from ")) || bytes.Contains(message, []byte("CONNECT from ")) ||
		bytes.Contains(message, []byte("PASS ")) || bytes.Contains(message, []byte("client=")) ||
		bytes.Contains(message, []byte("from=")) && bytes.Contains(message, []byte("relay="))
}

// connected reads messages about a client that is not refused:
//
//	connect from name[address]                        of smtpd
//	4ECEA: client=name[address]                       of smtpd, for each message
//	CONNECT from [address]:port to [address]:25       of postscreen
//	PASS NEW [address]:port
//	k79: from=<a>, size=1, ..., relay=name [address]  of Sendmail, for each message
//	NOQUEUE: connect from name [address]
func connected(message string) (Event, bool) {
	text := withoutQueueID(message)
	e := Event{Kind: Client, Blames: Other}
	switch {
	case token.HasAnyPrefix(text, "connect from ", "CONNECT from ", "PASS NEW ", "PASS OLD ", "client="):
		e.IP = token.Bracketed(text)
	case strings.HasPrefix(text, "from="):
		relay, _ := member(token.WithoutNames(text, ""), "relay")
		e.IP = token.LastBracketed(relay)
	}
	return e, e.IP.IsValid()
}
