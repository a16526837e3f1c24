package maillog

import (
	"fmt"
	"strings"
	"testing"
)

// Clients that are not refused: every client of a line is found, in a container too, and nobody else's address.
func TestClients(t *testing.T) {
	for _, row := range []struct{ line, want string }{
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: connect from mail.example.org[192.0.2.7]", "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: 4ECEA: client=mail.example.org[2001:db8::7]", "2001:db8::7"},
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: 4ECEA: client=mail.example.org[192.0.2.7], sasl_method=PLAIN, sasl_username=a[198.51.100.1]", "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 postfix/postscreen[9]: CONNECT from [192.0.2.7]:51937 to [198.51.100.25]:25", "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 postfix/postscreen[9]: PASS NEW [2001:db8::7]:51937", "2001:db8::7"},
		{"Nov 20 10:01:06 mx1 postfix/postscreen[9]: PASS OLD [192.0.2.7]:51937", "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 sm-mta[7]: k79: from=<a@example.org>, size=1, class=0, nrcpts=1, msgid=<x@y>, proto=ESMTP, daemon=MTA, relay=mail.example.org [192.0.2.7]", "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 sm-mta[7]: k79: from=<relay=[198.51.100.1]@x>, size=1, relay=mail.example.org [IPv6:2001:db8::7] (may be forged)", "2001:db8::7"},
		{"Nov 20 10:01:06 mx1 sm-mta[7]: NOQUEUE: connect from mail.example.org [192.0.2.7]", "192.0.2.7"},
		{`{"log":"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: connect from mail.example.org[192.0.2.7]\n","stream":"stdout","time":"2026-11-20T10:01:06Z"}`, "192.0.2.7"},
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: NOQUEUE: reject: RCPT from a.example[192.0.2.7]: 450 4.7.1 x; from=<a> to=<b> proto=ESMTP helo=<c>", "reject 192.0.2.7"},
		{"Nov 20 10:01:06 mx1 sm-mta[7]: k79: to=<a@example.org>, delay=00:00:01, relay=mx.example.org [192.0.2.7], dsn=2.0.0, stat=Sent", ""},
		{"Nov 20 10:01:06 mx1 postfix/smtp[7]: 4ECEA: to=<a>, relay=mx.example.org[192.0.2.7]:25, status=sent (250 ok)", ""},
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: disconnect from mail.example.org[192.0.2.7]", ""},
		{"Nov 20 10:01:06 mx1 postfix/smtpd[1066]: connect from unknown[unknown]", ""},
		{"Nov 20 10:01:06 mx1 sshd[7]: connect from mail.example.org[192.0.2.7]", ""},
	} {
		got := ""
		_, err := Read(strings.NewReader(row.line+"\n"), "log", Options{Clients: true}, func(e Event) error {
			if got = e.IP.String(); e.Kind != Client {
				got = fmt.Sprintf("%s %s", e.Kind, e.IP)
			}
			return nil
		})
		if err != nil || got != row.want {
			t.Errorf("%s\n%q, %v; want %q", row.line, got, err, row.want)
		}
		if row.want != "" && !strings.HasPrefix(row.want, "reject") {
			if _, err := Read(strings.NewReader(row.line+"\n"), "log", Options{}, func(e Event) error { return fmt.Errorf("%+v", e) }); err != nil {
				t.Errorf("%s\nis an event without Clients: %v", row.line, err)
			}
		}
	}
}
