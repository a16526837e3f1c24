package maillog

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// now is the reference of the tests. Stamps without a year are in 2026, but those of the last weeks of the year are in 2025.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// readAll reads a text as a log.
func readAll(t testing.TB, text string) []Event {
	t.Helper()
	var events []Event
	_, err := Read(strings.NewReader(text), "log", Options{Now: now}, func(e Event) error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// row writes events as one line; "-": there are none.
func row(events []Event) string {
	var rows []string
	for _, e := range events {
		ip := "-"
		if e.IP.IsValid() {
			ip = e.IP.String()
		}
		rows = append(rows, strings.TrimSpace(fmt.Sprint(e.MTA, " ", e.Kind, " ", ip, " ", e.Zone)))
	}
	if len(rows) == 0 {
		return "-"
	}
	return strings.Join(rows, "; ")
}

func TestSendmailLines(t *testing.T) {
	const relay = "relay=mail.example.net [192.0.2.7]"
	for _, test := range []struct{ name, line, want string }{
		{"8.14 and later, the default text", "u1: ruleset=check_relay, arg1=mail.example.net, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Rejected: 192.0.2.7 listed at zen.spamhaus.org",
			"sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"to 8.13", "ruleset=check_relay, arg1=mail.example.net, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Mail from 192.0.2.7 refused by blackhole site relays.ordb.org",
			"sendmail dnsbl_reject 192.0.2.7 relays.ordb.org"},
		{"8.8 and 8.9", "ruleset=check_relay, arg1=mail.example.net, arg2=192.0.2.7, " + relay + ", reject=Mail from 192.0.2.7 refused by blackhole site rbl.maps.vix.com",
			"sendmail dnsbl_reject 192.0.2.7 rbl.maps.vix.com"},
		{"the answer in arg2", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.6, " + relay + ", reject=550 5.7.1 Spam Block:mail from 192.0.2.7 refused - see http://dnsbl.sorbs.net/",
			"sendmail dnsbl_reject 192.0.2.7 dnsbl.sorbs.net"},
		{"the answer in arg2, a text of one's own", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.4, " + relay + ", reject=550 5.7.1 Go away, spammer",
			"sendmail dnsbl_reject 192.0.2.7"},
		{"the answer is an error", "ruleset=check_relay, arg1=x.example, arg2=127.255.255.254, " + relay + ", reject=550 5.7.1 Rejected: 192.0.2.7 listed at zen.spamhaus.org",
			"sendmail dnsbl_error 192.0.2.7 zen.spamhaus.org"},
		{"without a relay", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.5, reject=550 5.7.1 Rejected: 192.0.2.7 listed at sbl-xbl.spamhaus.org",
			"sendmail dnsbl_reject 192.0.2.7 sbl-xbl.spamhaus.org"},
		{"without a relay, the client in arg2", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, reject=550 5.7.1 Rejected - see http://spamhaus.org/",
			"sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"an operator and no zone", "ruleset=check_relay, arg1=[63.218.84.21], arg2=63.218.84.21, relay=[63.218.84.21], reject=553 5.3.0 Rejected - see http://spamhaus.org/",
			"sendmail dnsbl_reject 63.218.84.21 zen.spamhaus.org"},
		{"a page of a list", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=553 5.3.0 Spam blocked see: http://spamcop.net/bl.shtml?192.0.2.7",
			"sendmail dnsbl_reject 192.0.2.7 bl.spamcop.net"},
		{"digits behind the zone", "ruleset=check_relay, arg1=x.example, arg2=196.206.91.97, relay=x.example [196.206.91.97], reject=553 5.3.0 196.206.91 Rejected due to abuse - see http://dnsbl.sorbs.net.10102005",
			"sendmail dnsbl_reject 196.206.91.97 dnsbl.sorbs.net"},
		{"a zone in a page", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.3, relay=x.example [60.240.56.231], reject=553 5.3.0 Message from 60.240.56.231 blocked - see http://dynablock.njabl.org/",
			"sendmail dnsbl_reject 60.240.56.231 dynablock.njabl.org"},
		{"found in", "ruleset=check_relay, arg1=[211.228.26.114], arg2=211.228.26.114, relay=[211.228.26.114], reject=554 5.7.1 Rejected 211.228.26.114 found in dnsbl.sorbs.net",
			"sendmail dnsbl_reject 211.228.26.114 dnsbl.sorbs.net"},
		{"rfc-ignorant", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Mail from 192.0.2.7 refused. Rejected for bad WHOIS info on IP of your SMTP server - see http://www.rfc-ignorant.org/",
			"sendmail dnsbl_reject 192.0.2.7 ipwhois.rfc-ignorant.org"},
		{"a page of a list that is not known", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Go away - see http://rbl.example.net/?192.0.2.7", "sendmail dnsbl_reject 192.0.2.7 rbl.example.net"},
		{"a page in brackets", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Rejected: see <http://www.spamhaus.org/query/bl?ip=192.0.2.7>", "sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"a sender like a page", "u1: ruleset=check_mail, arg1=<http://www.spamhaus.org/>, " + relay + ", reject=553 5.5.4 <http://www.spamhaus.org/>... Domain name required", "sendmail reject 192.0.2.7"},
		{"a page that is no list", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Go away - see http://www.example.net/blocked", "sendmail reject 192.0.2.7"},
		{"a list that is not known, in brackets", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Mail from 192.0.2.7 refused (dnsbl.example.net)", "sendmail dnsbl_reject 192.0.2.7 dnsbl.example.net"},
		{"a list's number is part of its name", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, " + relay + ", reject=550 5.7.1 Refused, ask dnsbl-2.uceprotect.net why", "sendmail dnsbl_reject 192.0.2.7 dnsbl-2.uceprotect.net"},
		{"a mirror of a list's page", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, " + relay + ", reject=554 5.7.1 Dynamic IP address - see: http://www.dnsbl.us.sorbs.net/lookup.shtml?192.0.2.7", "sendmail dnsbl_reject 192.0.2.7 dnsbl.sorbs.net"},
		{"a host of a list's operator", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, " + relay + ", reject=550 5.7.1 Email blocked by ESS-1.barracudacentral.org", "sendmail dnsbl_reject 192.0.2.7 b.barracudacentral.org"},
		{"the operator's nickname", "u1: ruleset=check_rcpt, arg1=<a@b.example>, " + relay + ", reject=553 5.3.0 <a@b.example>... Spammer 192.0.2.7 c@d.example rejected by RBL:http://www.spamhaus.org/", "sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"Barracuda's page", "u1: ruleset=check_rcpt, arg1=<a@b.example>, " + relay + ", reject=550 5.7.1 <a@b.example>... Rejected: IP in Barracuda RBL, see: http://www.barracudacentral.org/reputation?ip=192.0.2.7", "sendmail dnsbl_reject 192.0.2.7 b.barracudacentral.org"},
		{"a host that is called like a list", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Blocked by marble.example.com, see http://schedule.example.com/", "sendmail reject 192.0.2.7"},
		{"a list in the sender's domain", "u1: ruleset=check_mail, arg1=<x@dnsbl.example.com>, " + relay + ", reject=553 5.1.8 <x@dnsbl.example.com>... Domain of sender address x@dnsbl.example.com does not exist", "sendmail reject 192.0.2.7"},
		{"PTR", "u1: ruleset=check_rcpt, arg1=<a@b.example>, " + relay + ", reject=450 4.4.0 <a@b.example>... Relaying temporarily denied. Cannot resolve PTR record for 192.0.2.7", "sendmail reject 192.0.2.7"},
		{"a milter with a list", "u1: Milter: from=<a@example.net>, reject=550 5.7.1 192.0.2.7 blocked using zen.spamhaus.org", "sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"a welcome list", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Register at https://www.dnswl.org/ first", "sendmail reject 192.0.2.7"},
		{"with NOQUEUE", "NOQUEUE: ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 Access denied", "sendmail reject 192.0.2.7"},
		{"delay_checks", "h6R: ruleset=check_rcpt, arg1=<bob@example.org>, " + relay + ", reject=550 5.7.1 <bob@example.org>... Rejected: 192.0.2.7 listed at bl.spamcop.net",
			"sendmail dnsbl_reject 192.0.2.7 bl.spamcop.net"},
		{"IPv6", "h6R: ruleset=check_rcpt, arg1=<bob@example.org>, relay=x.example [IPv6:2001:0DB8:0:0:0:0:0:25] (may be forged), reject=550 5.7.1 <bob@example.org>... Rejected: IPv6:2001:db8::25 listed at v6.bl.example",
			"sendmail dnsbl_reject 2001:db8::25 v6.bl.example"},
		{"discarded for a list", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, " + relay + ", discard", "sendmail dnsbl_reject 192.0.2.7"},
		{"quarantined for a list", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.2, " + relay + ", quarantine=zen.spamhaus.org", "sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"discarded for no list", "u1: ruleset=check_mail, arg1=<a@example.org>, " + relay + ", discard", "-"},
		{"quarantined for no list", "u1: ruleset=check_mail, arg1=<a@example.org>, " + relay + ", quarantine=look at this", "-"},
		{"temporary failure of the list", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=451 4.4.3 Temporary lookup failure of 192.0.2.7 at bl.spamcop.net",
			"sendmail dnsbl_error 192.0.2.7 bl.spamcop.net"},
		{"temporary failure of another lookup", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=451 4.4.3 Temporary lookup failure of _perm._smtp._srv.192.0.2.7",
			"sendmail reject 192.0.2.7"},
		{"DQS key", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.4, " + relay + ", reject=550 5.7.1 Rejected: 192.0.2.7 listed at abcdefghij0123456789abcdef.zen.dq.spamhaus.net",
			"sendmail dnsbl_reject 192.0.2.7 zen.dq.spamhaus.net"},
		{"two lists: the one after listed at", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.4, " + relay + ", reject=550 5.7.1 see http://www.sorbs.net/ and http://spamcop.net/: 192.0.2.7 listed at zen.spamhaus.org",
			"sendmail dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"two lists: the first", "ruleset=check_relay, arg1=x.example, arg2=127.0.0.4, " + relay + ", reject=550 5.7.1 see http://dnsbl.sorbs.net/ or http://www.spamcop.net/",
			"sendmail dnsbl_reject 192.0.2.7 dnsbl.sorbs.net"},

		{"relaying denied", "h6R: ruleset=check_rcpt, arg1=<nobody@nova.example>, " + relay + ", reject=550 5.7.1 <nobody@nova.example>... Relaying denied", "sendmail reject 192.0.2.7"},
		{"relaying denied, forged", "h6R: ruleset=check_rcpt, arg1=<a@b.example>, relay=x.example [192.0.2.7] (may be forged), reject=550 5.7.1 <a@b.example>... Relaying denied. IP name possibly forged [192.0.2.7]", "sendmail reject 192.0.2.7"},
		{"rate limit", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=421 4.3.2 Connection rate limit exceeded.", "sendmail reject 192.0.2.7"},
		{"open connections", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=421 4.3.2 Too many open connections.", "sendmail reject 192.0.2.7"},
		{"access map", "ruleset=check_relay, arg1=x.example, arg2=192.0.2.7, " + relay + ", reject=550 5.7.1 Access denied", "sendmail reject 192.0.2.7"},
		{"access map, a text of one's own", "ruleset=check_mail, arg1=<direto@mkt.example>, " + relay + ", reject=553 5.3.0 <direto@mkt.example>... SPAM REJECT", "sendmail reject 192.0.2.7"},
		{"a list in the sender's name", "u1: ruleset=check_mail, arg1=<news@spamhaus.org>, " + relay + ", reject=553 5.1.8 <news@spamhaus.org>... Domain of sender address news@spamhaus.org does not exist", "sendmail reject 192.0.2.7"},
		{"a forger of log lines", "u1: ruleset=check_rcpt, arg1=<\"x, relay=[203.0.113.9], reject=550 listed at zen.spamhaus.org\"@e.example>, " + relay + ", reject=550 5.1.1 <\"x, relay=[203.0.113.9], reject=550 listed at zen.spamhaus.org\"@e.example>... User unknown", "sendmail reject 192.0.2.7"},
		{"reverse DNS", "u1: ruleset=check_rcpt, arg1=<a@b.example>, relay=[94.102.51.235], reject=550 5.7.1 <a@b.example>... Fix reverse DNS for 94.102.51.235", "sendmail reject 94.102.51.235"},
		{"local client", "ruleset=check_relay, arg1=localhost, arg2=127.0.0.1, relay=localhost [127.0.0.1], reject=451 4.3.0 Temporary system failure. Please try again later.", "sendmail reject 127.0.0.1"},
		{"milter", "k87: Milter: data, reject=550 5.7.1 Blocked by SpamAssassin", "sendmail reject -"},
		{"milter at connect", "NOQUEUE: Milter: connect: host=x.example, addr=192.0.2.7, rejecting commands", "sendmail reject 192.0.2.7"},
		{"unknown user", "h6R: <nobody@example.org>... User unknown", "sendmail reject -"},
		{"pre-greeting traffic", "j6K: rejecting commands from sv.example [66.62.19.10] due to pre-greeting traffic", "sendmail reject 66.62.19.10"},
		{"tcpwrappers", "NOQUEUE: tcpwrappers (localhost, 192.0.2.7) rejection", "sendmail reject 192.0.2.7"},
		{"this host is the client", "u1: ruleset=tls_server, arg1=SOFTWARE, relay=mx.example.net, reject=403 4.7.0 TLS handshake failed.", "-"},
		{"the daemon refuses everybody", "rejecting connections on daemon MTA: load average: 12", "-"},
		{"mail from a sender", "u1: from=<reject=550@example.org>, size=1, relay=x [192.0.2.7]", "-"},
		{"attack", "u1: [192.0.2.7]: possible SMTP attack: command=AUTH, count=3", "-"},
		{"did not issue", "u1: x.example [192.0.2.7] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA", "-"},

		{"deferred by a block", "u1: to=<a@b.example>, delay=00:00:08, xdelay=00:00:01, mailer=esmtp, pri=12, relay=mx.b.example. [203.0.113.5], dsn=4.7.1, stat=Deferred: 421 4.7.1 Intrusion prevention active for [192.0.2.25][D]", "sendmail outbound_block 192.0.2.25"},
		{"deferred by Google, cut short", "u1: to=<a@gmail.com>, mailer=esmtp, relay=alt4.gmail-smtp-in.l.google.com. [173.194.65.27], dsn=4.0.0, stat=Deferred: 421-4.7.0 [192.0.2.25      10] Our system has detected an unusual rate of", "sendmail outbound_block 192.0.2.25 google"},
		{"reply of 8.16", "u1: to=<a@hotmail.com>, mailer=esmtp, relay=mx.outlook.com. [104.47.66.33], dsn=5.7.1, reply=550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. part of their network is on our block list (S3140)., stat=Service unavailable", "sendmail outbound_block 192.0.2.25 microsoft"},
		{"reply of 8.16 behind User unknown", "u1: to=<a@b.example>, mailer=esmtp, relay=mx.b.example. [203.0.113.5], dsn=5.7.1, reply=554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org, stat=User unknown", "sendmail outbound_block 192.0.2.25 zen.spamhaus.org"},
		{"in a returned mail", "<<< 550 5.7.1 Rejected: 192.0.2.25 listed at bl.spamcop.net", "sendmail outbound_block 192.0.2.25 bl.spamcop.net"},
		{"unavailable, no reason", "u1: to=<a@b.example>, relay=mx.b.example. [203.0.113.5], dsn=5.0.0, stat=Service unavailable", "-"},
		{"unknown there", "u1: to=<a@b.example>, relay=mx.b.example. [203.0.113.5], dsn=5.1.1, reply=550 5.1.1 <a@b.example>... User unknown, stat=User unknown", "-"},
		{"greylisted there", "u1: to=<a@b.example>, relay=mx.b.example. [203.0.113.5], dsn=4.7.1, stat=Deferred: 451 4.7.1 Greylisting in action", "-"},
		{"refused connection", "u1: to=<a@b.example>, relay=mx.b.example. [203.0.113.5], dsn=4.0.0, stat=Deferred: Connection refused by mx.b.example.", "-"},
		{"sent", "u1: to=<a@b.example>, relay=mx.b.example. [203.0.113.5], dsn=2.0.0, stat=Sent (blocked using zen.spamhaus.org)", "-"},
	} {
		if got := row(readAll(t, "Nov 20 10:00:00 mx1 sendmail[4711]: "+test.line)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", test.name, got, test.want, test.line)
		}
	}
}

func TestPostfixLines(t *testing.T) {
	const from, envelope = "NOQUEUE: reject: RCPT from mail.example.net[192.0.2.7]: ", "; from=<a@example.net> to=<b@example.org> proto=ESMTP helo=<mail.example.net>"
	for _, test := range []struct{ name, program, line, want string }{
		{"the default text", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7" + envelope, "postfix dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"before 2.3", "smtpd", from + "554 Service unavailable; Client host [192.0.2.7] blocked using dnsbl.njabl.org; spam source" + envelope, "postfix dnsbl_reject 192.0.2.7 dnsbl.njabl.org"},
		{"1.1", "smtpd", "reject: RCPT from unknown[192.0.2.7]: 554 Service unavailable; [192.0.2.7] blocked using relays.ordb.org, reason: This mail was handled by an open relay; from=<a> to=<b>", "postfix dnsbl_reject 192.0.2.7 relays.ordb.org"},
		{"temporary", "smtpd", from + "450 4.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example" + envelope, "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{"at connect", "smtpd", "NOQUEUE: reject: CONNECT from unknown[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.7; proto=SMTP", "postfix dnsbl_reject 192.0.2.7 bl.spamcop.net"},
		{"at EHLO", "smtpd", "NOQUEUE: reject: EHLO from unknown[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using b.barracudacentral.org; proto=SMTP helo=<x>", "postfix dnsbl_reject 192.0.2.7 b.barracudacentral.org"},
		{"at MAIL", "smtpd", "NOQUEUE: reject: MAIL from unknown[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using all.spamrats.com; from=<a@b> proto=SMTP helo=<x>", "postfix dnsbl_reject 192.0.2.7 all.spamrats.com"},
		{"at DATA, with a port", "smtpd", "4ABC: reject: DATA from unknown[2001:db8::7]:50321: 554 5.7.1 <DATA>: Data command rejected: Multi-recipient bounce; from=<> proto=SMTP helo=<x>", "postfix reject 2001:db8::7"},
		{"an instance, submission", "smtps/smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using Zen.Spamhaus.ORG; x" + envelope, "postfix dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"DQS key", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using ABCDEFGHIJ0123456789ABCDEF.zen.dq.spamhaus.net; x" + envelope, "postfix dnsbl_reject 192.0.2.7 zen.dq.spamhaus.net"},
		{"a list of names", "smtpd", from + "554 5.7.1 Service unavailable; Helo command [x.example] blocked using dbl.spamhaus.org; http://www.spamhaus.org/query/dbl?domain=x.example" + envelope, "postfix dnsbl_reject 192.0.2.7 dbl.spamhaus.org"},
		{"two lists: the second is the reason of the first", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example.org; also listed at zen.spamhaus.org, see http://dnsbl.sorbs.net/" + envelope, "postfix dnsbl_reject 192.0.2.7 bl.example.org"},
		{"the error as a reason", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/162.158.148.77" + envelope, "postfix dnsbl_error 192.0.2.7 zen.spamhaus.org"},
		{"too many questions", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/returnc/vol/" + envelope, "postfix dnsbl_error 192.0.2.7 zen.spamhaus.org"},
		{"a policy service", "smtpd", from + "550 5.7.1 <b@example.org>: Recipient address rejected: Your MTA is listed in too many DNSBLs; check http://rbls.org/?q=192.0.2.7" + envelope, "postfix dnsbl_reject 192.0.2.7"},
		{"policyd-weight, which says so of any refusal", "smtpd", from + "550 5.7.1 <b@example.org>: Recipient address rejected: Mail appeared to be SPAM or forged. Ask your Mail/DNS-Administrator to correct HELO and DNS MX settings or to get removed from DNSBLs; MTA helo: x, MTA hostname: y[192.0.2.7] (helo/hostname mismatch)" + envelope, "postfix reject 192.0.2.7"},
		{"postfwd", "smtpd", from + "554 5.7.1 <mail.example.net[192.0.2.7]>: Client host rejected: listed on 2 RBLs" + envelope, "postfix dnsbl_reject 192.0.2.7"},
		{"URIBL refuses the resolver", "smtpd", from + "554 5.7.1 Service unavailable; Sender address [a@example.net] blocked using multi.uribl.com; 127.0.0.1 -> Query Refused. See http://uribl.com/refused.shtml for more information [Your DNS IP: 203.0.113.53]" + envelope, "postfix dnsbl_error 192.0.2.7 multi.uribl.com"},
		{"an address asked of a list of names", "smtpd", from + "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using dbl.spamhaus.org; No IP queries allowed!" + envelope, "postfix dnsbl_error 192.0.2.7 dbl.spamhaus.org"},
		{"a milter with a list", "smtpd", "NOQUEUE: milter-reject: CONNECT from x[192.0.2.7]: 554 5.7.1 blocked using bl.spamcop.net; proto=SMTP", "postfix dnsbl_reject 192.0.2.7 bl.spamcop.net"},
		{"lookup failed", "smtpd", "warning: 7.2.0.192.bl.spamcop.net: RBL lookup error: Host or domain name not found. Name service error for name=7.2.0.192.bl.spamcop.net type=A: Host not found, try again", "postfix dnsbl_error 192.0.2.7 bl.spamcop.net"},
		{"lookup with a key failed", "smtpd", "warning: 7.2.0.192.ABCDEFGHIJ0123456789ABCDEF.zen.dq.spamhaus.net: RBL lookup error: try again", "postfix dnsbl_error 192.0.2.7 zen.dq.spamhaus.net"},
		{"IPv6 lookup failed", "smtpd", "warning: 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org: RBL lookup error: try again", "postfix dnsbl_error 2001:db8::7 zen.spamhaus.org"},

		{"relay", "smtpd", from + "554 5.7.1 <b@example.org>: Relay access denied" + envelope, "postfix reject 192.0.2.7"},
		{"unknown user", "smtpd", from + "550 5.1.1 <b@example.org>: Recipient address rejected: User unknown in local recipient table" + envelope, "postfix reject 192.0.2.7"},
		{"reverse DNS", "smtpd", "NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.7]" + envelope, "postfix reject 192.0.2.7"},
		{"greylisting", "smtpd", from + "451 4.7.1 <b@example.org>: Recipient address rejected: Greylisted for 5 minutes" + envelope, "postfix reject 192.0.2.7"},
		{"access table", "smtpd", from + "554 5.7.1 <mail.example.net[192.0.2.7]>: Client host rejected: Access denied" + envelope, "postfix reject 192.0.2.7"},
		{"what others say of a sender", "smtpd", from + "450 4.1.7 <a@example.net>: Sender address rejected: undeliverable address: host mx.example.net[203.0.113.5] said: 554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org (in reply to RCPT TO command)" + envelope, "postfix reject 192.0.2.7"},
		{"a list in the greeting", "smtpd", "NOQUEUE: reject: RCPT from x[192.0.2.7]: 504 5.5.2 <blocked using zen.spamhaus.org>: Helo command rejected: need fully-qualified hostname; from=<a> to=<b> proto=SMTP helo=<blocked using zen.spamhaus.org>", "postfix reject 192.0.2.7"},
		{"a list in the sender", "smtpd", from + "450 4.1.8 <x@spamhaus.org>: Sender address rejected: Domain not found; from=<x@spamhaus.org> to=<b> proto=SMTP helo=<x>", "postfix reject 192.0.2.7"},
		{"limit", "smtpd", "warning: Connection rate limit exceeded: 66 from unknown[192.0.2.7] for service smtp", "postfix reject 192.0.2.7"},
		{"milter", "cleanup", "4ABC: milter-reject: END-OF-MESSAGE from x[192.0.2.7]: 5.7.1 Spam message rejected; from=<a@b> to=<c@d> proto=ESMTP helo=<x>", "postfix reject 192.0.2.7"},
		{"header", "cleanup", "4ABC: reject: header Subject: blocked using zen.spamhaus.org from y[203.0.113.9] from x[192.0.2.7]; from=<a@b> to=<c@d> proto=ESMTP helo=<x>: 5.7.1 message content rejected", "postfix reject 192.0.2.7"},
		{"proxy", "smtpd", "proxy-reject: END-OF-MESSAGE: 554 5.7.0 Reject, id=31619-02 - spam; from=<> to=<b@example.org> proto=SMTP helo=<17.33.12.53>", "postfix reject -"},
		{"warning only", "smtpd", "NOQUEUE: reject_warning: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; x" + envelope, "-"},
		{"discarded", "smtpd", "NOQUEUE: discard: RCPT from x[192.0.2.7]: <a@b>: Sender address triggers DISCARD action; from=<a@b> to=<c@d> proto=ESMTP helo=<reject>", "-"},
		{"held", "smtpd", "NOQUEUE: hold: RCPT from x[192.0.2.7]: <a@b>: Sender address rejected; from=<a@b>", "-"},
		{"filtered", "smtpd", "NOQUEUE: filter: RCPT from x[192.0.2.7]: <a@b>: Sender address triggers FILTER rejecter:10024", "-"},
		{"connected", "smtpd", "connect from reject.example[192.0.2.7]", "-"},
		{"the end", "smtpd", "lost connection after RCPT from reject.example[192.0.2.7]", "-"},

		{"postscreen", "postscreen", "NOQUEUE: reject: RCPT from [192.0.2.7]:2413: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>", "postscreen dnsbl_reject 192.0.2.7 zen.spamhaus.org"},
		{"postscreen, IPv6", "postscreen", "NOQUEUE: reject: RCPT from [2001:db8::7]:2413: 550 5.7.1 Service unavailable; client [2001:db8::7] blocked using b.barracudacentral.org; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>", "postscreen dnsbl_reject 2001:db8::7 b.barracudacentral.org"},
		{"postscreen, new client", "postscreen", "NOQUEUE: reject: RCPT from [192.0.2.7]:2413: 450 4.3.2 Service currently unavailable; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>", "postscreen reject 192.0.2.7"},
		{"postscreen is full", "postscreen", "reject: connect from [192.0.2.7]:2413: all screening ports busy", "postscreen reject 192.0.2.7"},
		{"rank", "postscreen", "DNSBL rank 8 for [192.0.2.7]:2413", "-"},
		{"access list", "postscreen", "BLACKLISTED [192.0.2.7]:2413", "-"},
		{"early talker", "postscreen", "PREGREET 14 after 0.05 from [192.0.2.7]:2413: EHLO reject\\r\\n", "-"},
		{"a hit", "dnsblog", "addr 192.0.2.7 listed by domain zen.spamhaus.org as 127.0.0.4", "-"},
		{"a welcome hit", "dnsblog", "addr 192.0.2.7 listed by domain list.dnswl.org as 127.0.5.1", "-"},
		{"hostkarma's white", "dnsblog", "addr 192.0.2.7 listed by domain hostkarma.junkemailfilter.com as 127.0.0.1", "-"},
		{"an error as a hit", "dnsblog", "addr 192.0.2.7 listed by domain zen.spamhaus.org as 127.255.255.254", "postscreen dnsbl_error 192.0.2.7 zen.spamhaus.org"},
		{"over the limit of a welcome list", "dnsblog", "addr 192.0.2.7 listed by domain list.dnswl.org as 127.0.0.255", "postscreen dnsbl_error 192.0.2.7 list.dnswl.org"},
		{"a lookup failed", "dnsblog", "warning: dnsblog_query: lookup error for DNS query 7.2.0.192.list.dnswl.org: Host or domain name not found", "postscreen dnsbl_error 192.0.2.7 list.dnswl.org"},
	} {
		if got := row(readAll(t, "Nov 20 10:00:00 mx1 postfix/"+test.program+"[4711]: "+test.line)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", test.name, got, test.want, test.line)
		}
	}
}

// TestOutboundReplies has replies of other hosts to this one, as Postfix's smtp logs them.
func TestOutboundReplies(t *testing.T) {
	for _, test := range []struct{ name, reply, want string }{
		{"Postfix there", "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.25", "192.0.2.25 zen.spamhaus.org"},
		{"Sendmail there", "550 5.7.1 Rejected: 192.0.2.25 listed at bl.spamcop.net", "192.0.2.25 bl.spamcop.net"},
		{"an unknown list", "554 5.7.1 Service unavailable; Client host [2001:db8::25] blocked using dnsbl.example.net", "2001:db8::25 dnsbl.example.net"},
		{"Exchange Online", "550 5.7.1 Service unavailable, Client host [192.0.2.25] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.25 (AS16012611)", "192.0.2.25 zen.spamhaus.org"},
		{"Office 365's own", "550 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using FBLW15; To request removal from this list please forward this message to delist@messaging.microsoft.com", "192.0.2.25 microsoft"},
		{"banned", "550 5.7.606 Access denied, banned sending IP [192.0.2.25]. To request removal from this list please visit https://sender.office.com/", "192.0.2.25 microsoft"},
		{"S3150", "550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).", "192.0.2.25 microsoft"},
		{"Google, in pieces", "550-5.7.1 [192.0.2.25] The IP you're using to send mail is not authorized to 550-5.7.1 send email directly to our servers. 550 5.7.1 https://support.google.com/mail/?p=NotAuthorizedError x.136 - gsmtp", "192.0.2.25 google"},
		{"Google's reputation", "550-5.7.1 [192.0.2.25      18] Our system has detected that this message is 550-5.7.1 likely suspicious due to the very low reputation of the sending IP 550-5.7.1 address. 550 5.7.1 https://support.google.com/mail/answer/188131 - gsmtp", "192.0.2.25 google"},
		{"Google's rate of an address", "550-5.7.28 [192.0.2.25       1] Our system has detected an unusual rate of 550-5.7.28 unsolicited mail originating from your IP address. 550 5.7.28 https://support.google.com/mail/?p=UnsolicitedIPError - gsmtp", "192.0.2.25 google"},
		{"Proofpoint", "550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.25", "192.0.2.25 proofpoint"},
		{"Proofpoint's zone", "550 5.7.1 Service unavailable; client [192.0.2.25] blocked using prs.proofpoint.com", "192.0.2.25 proofpoint"},
		{"Cloudmark", "550 5.7.1 Service unavailable; client [192.0.2.25] blocked using Cloudmark Sender Intelligence (Visit http://csi.cloudmark.com/reset-request/)", "192.0.2.25 cloudmark"},
		{"Mimecast", "550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550 [EM-f6hnWN9maa42OLPquOA.us166]", "- mimecast"},
		{"Barracuda", "554 Service unavailable; Client host [mx.example.org] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.25", "192.0.2.25 b.barracudacentral.org"},
		{"Trend Micro", "550 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using Trend Micro RBL+. Please see http://www.mail-abuse.com/cgi-bin/lookup?ip_address=192.0.2.25", "192.0.2.25 trendmicro"},
		{"Symantec", "554 5.7.1 You are not allowed to connect. see http://ipremoval.sms.symantec.com/lookup?ip=192.0.2.25", "192.0.2.25 symantec"},
		{"Sophos", "550 5.7.1 Client host [192.0.2.25] blocked by Sophos IP reputation", "192.0.2.25 sophos"},
		{"AT&T", "521 5.3.0 flph829 DNSBL:ATTRBL 521< 192.0.2.25 >_is_blocked.For assistance forward this error to abuse_rbl@abuse-att.net", "192.0.2.25 att"},
		{"Comcast", "554 imta18.example comcast 192.0.2.25 found on one or more DNSBLs, see http://postmaster.comcast.net/smtp-error-codes.php#BL000010", "192.0.2.25 comcast"},
		{"t-online", "554 IP=192.0.2.25 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)", "192.0.2.25 t-online"},
		{"t-online, the contact taken out", "554 IP=192.0.2.25 - A problem occurred. (Ask your postmaster for help or to contact postmaster@example.org to clarify.) (BL)", "192.0.2.25 t-online"},
		{"t-online, no reputation", "554 IP=192.0.2.25 - None/bad reputation. Ask your postmaster for help or to contact tobr@rx.t-online.de for reset. (NOWL)", "192.0.2.25 t-online"},
		{"QQ", "550 Suspected spam ip [abc Blocked IP 192.0.2.25]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726", "192.0.2.25 qq"},
		{"Cisco", "554-esa6.example 554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.", "- cisco"},
		{"Yahoo", "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes", "192.0.2.25 yahoo"},
		{"Yahoo, for good", "421 4.7.1 [TS03] All messages from 192.0.2.25 will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes", "192.0.2.25 yahoo"},
		{"AOL, dynamic addresses", "554- (RTR:DU)  http://postmaster.info.aol.com/errors/554rtrdu.html 554  Connecting IP: 192.0.2.25", "192.0.2.25 aol"},
		{"EarthLink", "550 ERROR: IP 192.0.2.25 is blocked by EarthLink. Go to earthlink.net/block for details.", "192.0.2.25 earthlink"},
		{"Free", "421 Too many spams from your IP (192.0.2.25), please visit http://postmaster.free.fr/", "192.0.2.25 free"},
		{"Mail.ru", "550 Access from ip address 192.0.2.25 blocked. Visit http://mail.ru/notspam/", "192.0.2.25 mailru"},
		{"NetEase", "554 IP<192.0.2.25> in blacklist, http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.25&hostid=mx1", "192.0.2.25 netease"},
		{"SFR", "450 4.7.1 Client host rejected: Abus detecte GU_EIB_04", "- sfr"},
		{"Exim there", "550-rejected because 192.0.2.25 is in a black list at zen.spamhaus.org 550 https://www.spamhaus.org/query/ip/192.0.2.25", "192.0.2.25 zen.spamhaus.org"},
		{"an address and no word for it", "550 IP 192.0.2.25 is blacklisted", "192.0.2.25"},
		{"an address behind the code", "550-192.0.2.25 blacklisted 550 see https://b.example/", "192.0.2.25"},
		{"an IPv6 address behind the code", "550-2001:db8::25 blacklisted 550 see https://b.example/", "2001:db8::25"},
		{"an address that has been blocked", "550 5.7.1 192.0.2.25 has been blocked", "192.0.2.25"},
		{"rejected using", "550 5.7.1 Mail from 192.0.2.25 rejected using bl.spamcop.net", "192.0.2.25 bl.spamcop.net"},
		{"Sendmail to 8.13 there", "550 5.7.1 Mail from 192.0.2.25 refused by blackhole site relays.ordb.org", "192.0.2.25 relays.ordb.org"},
		{"no list is named", "550 Rejected due to DNSBL: 192.0.2.25", "192.0.2.25"},
		{"bad", "554 5.7.1 Rejected because Bad IP", "-"},
		{"an address list of nobody", "521 5.5.0 Your IP [192.0.2.25] has been blacklisted. Please contact abuse@kpn.com for more information.", "192.0.2.25"},
		{"the CBL's page", "550 5.7.1 Your IP 192.0.2.25 is listed, see http://www.abuseat.org/lookup.cgi?ip=192.0.2.25", "192.0.2.25 cbl.abuseat.org"},
		{"the answer of the list before the address", "550 5.7.1 :127.0.0.4:Client host 192.0.2.25 blocked using bl.example.org", "192.0.2.25 bl.example.org"},
		{"another address before", "550 Seen at 203.0.113.77. Your IP 192.0.2.25 is blacklisted", "192.0.2.25"},
		{"two lists", "554 5.7.1 Client host [192.0.2.25] blocked using bl.example.org; see also https://www.spamhaus.org/", "192.0.2.25 bl.example.org"},

		{"their list did not answer", "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/203.0.113.53", "error"},
		{"unknown user", "550 5.1.1 <a@spamhaus.org>: Recipient address rejected: User unknown in virtual mailbox table", ""},
		{"the sender's domain", "550 5.7.1 Service unavailable, MailFrom domain is listed in Spamhaus. To request removal from this list see https://www.spamhaus.org/query/lookup/ (S8002)", ""},
		{"the greeting's domain", "550 5.7.1 Service unavailable, Helo domain is listed in Spamhaus. To request removal see https://www.spamhaus.org/query/lookup/ (S8001)", ""},
		{"a domain list", "550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/", ""},
		{"a domain list by its zone", "554 5.7.1 Service unavailable; Client host [mx.example.org] blocked using dbl.spamhaus.org", ""},
		{"Google's reputation of a domain", "421 4.7.0 [192.0.2.25] Our system has detected that this message is suspicious due to the very low reputation of the sending domain. https://support.google.com/mail/answer/188131 - gsmtp", ""},
		{"Google on content", "550 5.7.1 [192.0.2.25 12] Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. https://support.google.com/mail/?p=UnsolicitedMessageError - gsmtp", ""},
		{"reverse DNS", "554 xx.comcast.net comcast 192.0.2.25 Comcast requires that all mail servers must have a PTR record with a valid Reverse DNS entry. http://postmaster.comcast.net/smtp-error-codes.php#554", ""},
		{"reverse DNS, Google", "550-5.7.1 [2001:db8::25] Our system has detected that this message does not meet IPv6 sending guidelines regarding PTR records and authentication. - gsmtp", ""},
		{"greylisting", "450 4.7.1 Client host [192.0.2.25] greylisted, see https://www.spamhaus.org/", ""},
		{"SPF", "550 Reject due to SPF policy. The originating IP of the message is not permitted by the domain owner", ""},
		{"QQ's rate", "550 Ip frequency limited [abc Blocked IP 192.0.2.25]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725", ""},
		{"Yahoo's greylisting", "421 4.7.0 [GL01] Message from (192.0.2.25) temporarily deferred - 4.16.50. Please refer to http://postmaster.yahoo.com/errors/postmaster-21.html", ""},
		{"AOL, reverse DNS", "554- (RTR:RD)  http://postmaster.info.aol.com/errors/554rtrrd.html 554  Connecting IP: 192.0.2.25", ""},
		{"GMX, reverse DNS", "554-gmx.net (mxgmx114) Nemesis ESMTP Service not available 554-No SMTP service 554-Bad DNS PTR resource record. 554 For explanation visit http://postmaster.gmx.com/en/error-messages?ip=192.0.2.25&c=rdns", ""},
		{"connections", "421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]", ""},
		{"a mailbox that is blocked", "550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426", ""},
		{"a rate that is no standing", "451 4.2.0 Throttled - https://postmaster.comcast.net/smtp-error-codes.php#RL000010", ""},
		{"Mimecast, an envelope", "550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [x]", ""},
		{"content", "550 5.7.0 DT:SPM .For more information, please visit https://fb.qiye.163.com/static/", ""},
		{"relaying", "554 5.7.1 <a@b.example>: Relay access denied", ""},
	} {
		line := "Nov 20 10:00:00 mx1 postfix-out/smtp[4711]: 4ABC: to=<a@b.example>, relay=mx.b.example[203.0.113.5]:25, delay=1, delays=1/0/0/0, dsn=5.7.1, status=bounced (host mx.b.example[203.0.113.5] said: " + test.reply + " (in reply to RCPT TO command))"
		want := "-"
		switch test.want {
		case "":
		case "error":
			want = "postfix dnsbl_error 192.0.2.25 zen.spamhaus.org"
		default:
			want = "postfix outbound_block " + test.want
		}
		if got := row(readAll(t, line)); got != want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", test.name, got, want, test.reply)
		}
	}
}
