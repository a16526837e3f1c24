package maillog_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"mailallow/accessmap/maillog"
)

// Four lines of two servers: a client that Sendmail refused because of a list, one that Postfix refused for another reason,
// a delivery, and a host that refused this one.
func ExampleRead() {
	const lines = `Nov 20 10:00:01 mx1 sendmail[311]: ruleset=check_relay, arg1=a.example, arg2=127.0.0.4, relay=a.example [192.0.2.7], reject=550 5.7.1 Rejected: 192.0.2.7 listed at zen.spamhaus.org
Nov 20 10:00:02 mx2 postfix/smtpd[4711]: NOQUEUE: reject: RCPT from b.example[198.51.100.9]: 554 5.7.1 <c@d.example>: Relay access denied; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<b.example>
Nov 20 10:00:03 mx2 postfix/smtp[4712]: 4ABC: to=<a@b.example>, relay=b.example[203.0.113.5]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok)
Nov 20 10:00:04 mx2 postfix/smtp[4713]: 4ABD: to=<a@g.example>, relay=g.example[203.0.113.6]:25, delay=1, dsn=5.7.1, status=bounced (host g.example[203.0.113.6] said: 554 5.7.1 Client host [192.0.2.25] blocked using bl.spamcop.net (in reply to RCPT TO command))
`
	o := maillog.Options{Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	_, err := maillog.Read(strings.NewReader(lines), "maillog", o, func(e maillog.Event) error {
		fmt.Printf("%s:%d %s %s %s %s %q\n", e.File, e.Line, e.Time.Format(time.RFC3339), e.MTA, e.Kind, e.IP, e.Zone)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// maillog:1 2026-11-20T10:00:01Z sendmail dnsbl_reject 192.0.2.7 "zen.spamhaus.org"
	// maillog:2 2026-11-20T10:00:02Z postfix reject 198.51.100.9 ""
	// maillog:4 2026-11-20T10:00:04Z postfix outbound_block 192.0.2.25 "bl.spamcop.net"
}
