package maillog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"mailallow/fixtures"
)

// TestFixtures compares the events of the logs in fixtures with the files beside them. MAILALLOW_UPDATE=1 writes those files.
func TestFixtures(t *testing.T) {
	logs, err := filepath.Glob(fixtures.Path("logs", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatal(err, "no logs")
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		_, err = Read(bytes.NewReader(text), filepath.Base(path), Options{Now: now}, func(e Event) error {
			got.Write(append(e.AppendJSON(nil), '\n'))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		events := strings.TrimSuffix(path, ".log") + ".events"
		if os.Getenv("MAILALLOW_UPDATE") != "" {
			if err := os.WriteFile(events, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(events)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestHeadersAndMessages reads the same messages after every form of a header.
func TestHeadersAndMessages(t *testing.T) {
	at := time.Date(2026, 4, 30, 10, 31, 2, 0, time.UTC)
	headers := []struct {
		name, before string // of "program[pid]: "
		at           time.Time
	}{
		{"syslog", "Apr 30 10:31:02 mx1 ", at},
		{"syslog with a priority", "<22>Apr 30 10:31:02 mx1 ", at},
		{"FreeBSD", "Apr 30 10:31:02 <mail.info> mx1 ", at},
		{"no host", "Apr 30 10:31:02 ", at},
		{"RFC 3339", "2026-04-30T12:31:02+02:00 mx1 ", at},
		{"RFC 3339, parts of a second", "2026-04-30T10:31:02.123456Z mx1 ", at.Add(123456 * time.Microsecond)},
		{"journalctl -o short-iso", "2026-04-30T10:31:02+0000 mx1 ", at},
		{"journalctl -o short-precise", "Apr 30 10:31:02.123456 mx1 ", at.Add(123456 * time.Microsecond)},
		{"journalctl -o short-full", "Thu 2026-04-30 10:31:02 UTC mx1 ", at},
		{"journalctl -o short-unix", "1777545062.000000 mx1 ", at},
		{"a date and a time", "2026-04-30 10:31:02 mx1 ", at},
		{"a year", "Apr 30 2026 10:31:02 mx1 ", at},
		{"in a container", "mail-1  | 2026-04-30T10:31:02Z Apr 30 11:31:02 mx1 ", at},
		{"from grep", "/var/log/mail.log.1:Apr 30 10:31:02 mx1 ", at},
		{"from grep -n", "mail.log-20260430:17:2026-04-30T10:31:02Z mx1 ", at},
		{"in Docker's JSON", `{"log":"2026-04-30T10:31:02Z mx1 `, at},
		{"in brackets", "[2026-04-30T10:31:02Z] mx1 ", at},
		{"tabs", "Apr 30 10:31:02 mx1\t", at},
		{"nothing", "", time.Time{}},
		{"zeros", "\x00\x00\x00Apr 30 10:31:02 mx1 ", at},
		{"no date", "Xyz 99 10:31:02 mx1 ", time.Time{}},
	}
	messages := []struct{ program, text, want string }{
		{"sendmail[17]: ", "ruleset=check_relay, arg1=x, arg2=127.0.0.6, relay=x [192.0.2.7], reject=550 5.7.1 listed at bl.example", "sendmail dnsbl_reject 192.0.2.7 bl.example"},
		{"sm-mta[17]: ", "[ID 801593 mail.notice] u1: ruleset=check_rcpt, arg1=<a@b>, relay=x [192.0.2.7], reject=550 5.7.1 <a@b>... Relaying denied", "sendmail reject 192.0.2.7"},
		{"postfix/smtpd[17]: ", "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example; from=<a>", "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{"postfix-in/postscreen[17]: ", "NOQUEUE: reject: RCPT from [192.0.2.7]:99: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using bl.example; from=<a>", "postscreen dnsbl_reject 192.0.2.7 bl.example"},
		{"postfix/smtp[17]: ", "4A: host mx.b[203.0.113.5] refused to talk to me: 554 Your IP [192.0.2.25] is blacklisted", "postfix outbound_block 192.0.2.25"},
		{"postfix/smtpd: ", "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>", "postfix reject 192.0.2.7"},
		{"exim[17]: ", "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>", "-"},
		{"dovecot: ", "lmtp(17): reject: blocked using zen.spamhaus.org", "-"},
	}
	for _, h := range headers {
		for _, m := range messages {
			for _, end := range []string{"\n", "\r\n", ""} {
				events := readAll(t, "\n"+h.before+m.program+m.text+end)
				if got := row(events); got != m.want {
					t.Errorf("%s: %q\n got %s\nwant %s", h.name, h.before+m.program+m.text, got, m.want)
					continue
				}
				for _, e := range events {
					if e.Line != 2 || !e.Time.Equal(h.at) || strings.ContainsAny(e.Text, "\r\n\x00") {
						t.Errorf("%s: line %d, %v, %q; want line 2, %v", h.name, e.Line, e.Time, e.Text, h.at)
					}
				}
			}
		}
	}
}

// TestCarriedLines reads lines that other programs make of those of a mail server.
func TestCarriedLines(t *testing.T) {
	const text = "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example; from=<\xfc>"
	numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint([]byte(text)), " ", ","), "[]")
	for _, test := range []struct{ name, line string }{
		{"a tag with the pid, without blanks", `{"timereported":"2026-04-30T12:31:02+02:00","hostname":"mx1","syslogtag":"postfix/smtpd[17]:","msg":" ` + text[:len(text)-2] + `"}`},
		{"a whole line behind its key", `{"short_message":"postfix/smtpd[17]: ` + text[:len(text)-2] + `","timestamp":1777545062}`},
		{"text that is not UTF-8", `{"__REALTIME_TIMESTAMP":"1777545062000000","SYSLOG_IDENTIFIER":"postfix/smtpd","MESSAGE":[` + numbers + `]}`},
	} {
		events := readAll(t, test.line)
		if got := row(events); got != "postfix dnsbl_reject 192.0.2.7 bl.example" || !events[0].Time.Equal(time.Date(2026, 4, 30, 10, 31, 2, 0, time.UTC)) {
			t.Errorf("%s: got %s of %v\n%s", test.name, got, events, test.line)
		}
	}
}

// TestFrames: of frames that stand behind each other in a line nothing is read, since the line may go on past its bound; one in a line
// is read.
func TestFrames(t *testing.T) {
	frame := "<22>1 2026-04-30T10:31:02Z mx1 postfix/smtpd 17 - - NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>"
	counted := fmt.Sprintf("%d %s", len(frame), frame)
	for text, want := range map[string]int{counted: 1, counted + "\n" + counted + "\n": 2, fmt.Sprintf("%d %s\n", len(frame)+1, frame): 1, counted + counted: 0} {
		events := 0
		ofMTA, err := Read(strings.NewReader(text), "log", Options{}, func(Event) error { events++; return nil })
		if events != want || ofMTA != (want > 0) || err != nil {
			t.Errorf("%q: %d events, %v, %v", text, events, ofMTA, err)
		}
	}
}

// TestBareLines reads lines without a header, as people paste them, and a header of RFC 5424, where the pid is a word of its
// own.
func TestBareLines(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"    MESSAGE=NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>", "postfix reject 192.0.2.7"},
		{"\t\"MESSAGE\" : \"NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>\",", "postfix reject 192.0.2.7"},
		{"MESSAGE=ruleset=check_relay, arg1=x, arg2=192.0.2.7, relay=x [192.0.2.7], reject=550 5.7.1 Rejected: 192.0.2.7 listed at bl.example", "sendmail dnsbl_reject 192.0.2.7 bl.example"},
		{"<22>1 2026-04-30T10:31:02Z mx1 postfix/smtpd 17 - - NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Relay access denied; from=<a>", "postfix reject 192.0.2.7"},
		{"NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example; from=<a>", "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{"NOQUEUE: reject: RCPT from [192.0.2.7]:99: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using bl.example; from=<a>", "postscreen dnsbl_reject 192.0.2.7 bl.example"},
		{"ruleset=check_relay, arg1=x, arg2=192.0.2.7, relay=x [192.0.2.7], reject=550 5.7.1 Rejected: 192.0.2.7 listed at bl.example", "sendmail dnsbl_reject 192.0.2.7 bl.example"},
		{"status=bounced (host mx.b[203.0.113.5] said: 550 5.7.1 [192.0.2.25] The IP you're using to send mail is not authorized (in reply to end of DATA command))", "postfix outbound_block 192.0.2.25 google"},
		{"  550 5.7.1 Mail from IP 192.0.2.25 was rejected due to listing in Spamhaus PBL.", "postfix outbound_block 192.0.2.25 zen.spamhaus.org"},
		{"<a@b.example>: host mx.b.example[203.0.113.5] said: 554 5.7.1 Client host [192.0.2.25] blocked using bl.example", "postfix outbound_block 192.0.2.25 bl.example"},
		{"Diagnostic-Code: smtp; 550 5.7.1 Client host [192.0.2.25] blocked using bl.example", "postfix outbound_block 192.0.2.25 bl.example"},
		{"warning: 7.2.0.192.bl.example: RBL lookup error: try again", "postfix dnsbl_error 192.0.2.7 bl.example"},
		{"addr 192.0.2.7 listed by domain zen.spamhaus.org as 127.255.255.255", "postscreen dnsbl_error 192.0.2.7 zen.spamhaus.org"},
		{"550 No such user", "-"},
		{"2026-04-30 10:31:02 H=x [192.0.2.7] F=<a@b> rejected RCPT <c@d>: found in zen.spamhaus.org", "-"},
		{"The server said: it was rejected, blocked using zen.spamhaus.org", "-"},
		{"a plain text that rejects nothing", "-"},
		{"550", "-"},
		{"", "-"},
	} {
		if got := row(readAll(t, test.line)); got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.line, got, test.want)
		}
	}
	sendmail := "Apr 30 10:31:02 mx1 sendmail[1]: ruleset=check_rcpt, arg1=<a>, relay=x [192.0.2.7], reject=550 no\n550 5.7.1 Your IP [192.0.2.25] is blacklisted\n"
	if got, want := row(readAll(t, sendmail)), "sendmail reject 192.0.2.7; sendmail outbound_block 192.0.2.25"; got != want {
		t.Errorf("a reply below a line of Sendmail: %s, want %s", got, want)
	}
}

// TestContainers reads lines as containers and shippers of logs write them.
func TestContainers(t *testing.T) {
	const reject = "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example; from=<a>"
	const want = "postfix dnsbl_reject 192.0.2.7 bl.example"
	at := time.Date(2026, 4, 30, 10, 31, 2, 0, time.UTC)
	for _, test := range []struct {
		line, want string
		at         time.Time
	}{
		{"Apr 30 10:31:02 mx mailserver[933]: Apr 30 08:31:02 mail postfix/smtpd[1]: " + reject, want, at},
		{"Apr 30 10:31:02 mx postfix[933]: postfix/smtpd[1]: " + reject, want, at},
		{"Apr 30 10:31:02 mx docker/smtp[933]: 2026-04-30T08:31:02.1+00:00 mail postfix/smtpd[1]: " + reject, want, at},
		{"Apr 30 10:31:02 mx mail/smtp[933]: Apr 30 08:31:02 mail postfix/smtpd[1]: " + reject, want, at},
		{"Apr 30 10:31:02 mx sendmail[933]: Apr 30 08:31:02 mail sm-mta[1]: ruleset=check_relay, arg1=x, arg2=127.0.0.2, relay=x [192.0.2.7], reject=550 5.7.1 no", "sendmail dnsbl_reject 192.0.2.7", at},
		{"<30>1 2026-04-30T10:31:02Z mx 5f2e1c9d8a7b 933 5f2e1c9d8a7b - Apr 30 08:31:02 mail postfix/smtpd[1]: " + reject, want, at},
		{"[pod/mail-0/postfix] Apr 30 10:31:02 mail postfix/smtpd[1]: " + reject, want, at},
		{`<22>1 2026-04-30T10:31:02Z mx postfix/smtpd 17 - [timeQuality tzKnown="1" isSynced="0"] ` + reject, want, at},
		{`<22>1 2026-04-30T10:31:02Z mx postfix/smtpd - ID47 [meta sequenceId="1" x="a \\\" ] \\] b"][origin] ` + "\xef\xbb\xbf" + reject, want, at},
		{"<22>1 2026-04-30T10:31:02Z mx postfix 17 - -  4A: host mx.b[203.0.113.5] said: 554 5.7.1 Client host [192.0.2.25] blocked using bl.example", "postfix outbound_block 192.0.2.25 bl.example", at},
		{"Apr 30 10:31:02 mx postfix/smtpd[17] " + reject, want, at},
		{"2026-04-30T10:31:02+00:00 mx sm-mta[17] u1: to=<a@b>, relay=mx.b. [203.0.113.5], dsn=5.7.1, reply=550 5.7.1 192.0.2.25 listed at bl.example, stat=Service unavailable", "sendmail outbound_block 192.0.2.25 bl.example", at},
		{"2026-04-30T10:31:02+00:00 mx postfix[17] 4A: host mx.b[203.0.113.5] said: 554 5.7.1 Client host [192.0.2.25] blocked using bl.example", "postfix outbound_block 192.0.2.25 bl.example", at},
		{"Apr 30 10:31:02 mx dovecot[17] postfix/smtpd[17] " + reject, "-", time.Time{}},
		{"<22>1 2026-04-30T10:31:02Z mx dovecot 17 - [origin] " + reject, "-", time.Time{}},
		{`mail-1  | {"log":"Apr 30 08:31:02 mail postfix/smtpd[1]: ` + reject + `\n","time":"2026-04-30T10:31:02Z"}`, want, at},
		{`2026-04-30T10:31:02Z stdout F {"program":"postfix/smtpd","message":"` + reject + `"}`, want, at},
		{`{"log":"{\"syslog_identifier\":\"postfix/smtpd\",\"msg\":\"` + reject + `\"}\n","time":"2026-04-30T10:31:02Z"}`, want, at},
		{`{"CONTAINER_NAME":"mail","SYSLOG_IDENTIFIER":"5f2e1c9d8a7b","__REALTIME_TIMESTAMP":"1777545062000000","MESSAGE":"Apr 30 08:31:02 mail postfix/smtpd[1]: ` + reject + `"}`, want, at},
		{`{"@timestamp":"2027-01-01T00:00:00Z","message":"2026-04-30T12:31:02+02:00 mx postfix/smtpd[1]: ` + reject + `"}`, want, at},
		{`{"@timestamp":"2027-01-01T00:00:00Z","message":"{\"log\":\"postfix/smtpd[1]: ` + reject + `\\n\",\"time\":\"2026-04-30T10:31:02Z\"}"}`, want, at},
		{`{"log":"{\"message\":\"Apr 30 08:31:02 mail postfix/smtpd[1]: ` + reject + `\"}\n","time":"2026-04-30T10:31:02Z"}`, want, at},
		{"2027-01-01T00:00:00.1Z stdout F 2026-04-30T12:31:02+02:00 mail postfix/smtpd[1]: " + reject, want, at},
		{"mail-1  | 2027-01-01T00:00:00.1Z 2026-04-30T12:31:02+02:00 mail postfix/smtpd[1]: " + reject, want, at},
		{`{"SYSLOG_IDENTIFIER":"sm-mta","MESSAGE":"u1: ruleset=check_rcpt, arg1=\u003ca@b\u003e, relay=x [192.0.2.7], reject=550 5.7.1 \u003ca@b\u003e... Relaying denied"}`, "sendmail reject 192.0.2.7", time.Time{}},
		{`time="2026-04-30T10:31:02Z" program=postfix/smtpd msg="` + reject + `"`, want, at},
		{`{"queue_id":"4A","recipients":[{"delay_reason":"connect to x: timed out"},{"delay_reason":"host mx.b[203.0.113.5] said: 554 5.7.1 Client host [192.0.2.25] blocked using bl.example (in reply to RCPT TO command)"}]}`,
			"postfix outbound_block 192.0.2.25 bl.example", time.Time{}},

		{"Apr 30 10:31:02 mx webapp[933]: GET /?q=postfix/smtpd[1]: " + reject, "-", time.Time{}},
		{"Apr 30 10:31:02 mx docker/webapp[933]: " + reject, "-", time.Time{}},
		{`{"SYSLOG_IDENTIFIER":"dovecot","MESSAGE":"` + reject + `"}`, "-", time.Time{}},
		{`{"app":"webmail","message":"550 5.7.1 Client host [192.0.2.25] blocked using bl.example"}`, "-", time.Time{}},
		{`level=info msg="550 5.7.1 Client host [192.0.2.25] blocked using bl.example"`, "-", time.Time{}},
		{`level=info reply="554 5.7.1 Client host [192.0.2.25] blocked using bl.example"`, "-", time.Time{}},
	} {
		events := readAll(t, test.line)
		if got := row(events); got != test.want || len(events) > 0 && !events[0].Time.Equal(test.at) {
			t.Errorf("%s\n got %s, %v\nwant %s, %v", test.line, got, events, test.want, test.at)
		}
	}
}

// TestRepeatedLines reads what rsyslog writes in place of a message that came again, with RepeatedMsgReduction on. However often
// it came, the line is one event.
func TestRepeatedLines(t *testing.T) {
	const reject = "NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example; from=<a> helo=<[x]>"
	for _, test := range []struct{ line, text, want string }{
		{"Apr 30 10:31:02 mx postfix/smtpd[1]: message repeated 2 times: [ " + reject + "]", reject, "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{"<22>1 2026-04-30T10:31:02Z mx postfix 1 - -  message repeated 12 times: [ " + reject + "]", reject, "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{`{"program":"postfix/smtpd","message":" message repeated 2 times: [ ` + reject + `]"}`, reject, "postfix dnsbl_reject 192.0.2.7 bl.example"},
		{"Apr 30 10:31:02 mx sm-mta[1]: message repeated 2 times: [ ruleset=check_relay, arg1=x, arg2=127.0.0.4, relay=x [192.0.2.7], reject=550 5.7.1 no]",
			"ruleset=check_relay, arg1=x, arg2=127.0.0.4, relay=x [192.0.2.7], reject=550 5.7.1 no", "sendmail dnsbl_reject 192.0.2.7"},
		{"Apr 30 10:31:02 mx postfix/qmgr[1]: message repeated 2 times: [ 4A: removed]", "", "-"},
	} {
		events := readAll(t, test.line)
		if got := row(events); got != test.want || len(events) > 0 && events[0].Text != test.text {
			t.Errorf("%s\n got %s, %v\nwant %s, %q", test.line, got, events, test.want, test.text)
		}
	}
}

// TestOfMTA tells logs of Sendmail and Postfix from others.
func TestOfMTA(t *testing.T) {
	for line, want := range map[string]bool{
		"Apr 30 10:31:02 mx1 postfix/qmgr[1]: 4A: removed":                            true,
		"Apr 30 10:31:02 mx1 postfix-out/smtp[1]: 4A: to=<a>, status=sent (250 Ok)":   true,
		"Apr 30 10:31:02 mx1 sm-mta[1]: u1: from=<a>, size=1":                         true,
		"Apr 30 10:31:02 mx1 mail[1]: Apr 30 10:31:02 x postfix/qmgr[1]: 4A: removed": true,
		`{"SYSLOG_IDENTIFIER":"postfix/anvil","MESSAGE":"statistics: max"}`:           true,
		"NOQUEUE: connect from x": true,
		"550 5.1.1 no such user":  true,
		"Apr 30 10:31:02 mx1 my-mta[1]: u1: to=<a@b.example>, stat=Sent":                    true,
		"4ABC: from=<a@b.example>, size=1":                                                  true,
		`<22>1 2026-04-30T10:31:02Z mx1 postfix/qmgr 1 - [meta sequenceId="1"] 4A: removed`: true,
		"<22>1 2026-04-30T10:31:02Z mx1 postfix 1 - -  4A: removed":                         true,
		`{"programname":"postfix","message":" 4A: removed"}`:                                true,
		"Apr 30 10:31:02 mx1 postfix/qmgr[1] 4A: removed":                                   true,

		"Apr 30 10:31:02 mx1 dovecot: imap-login: Login: user=<b>":                             false,
		"2026-04-30 10:31:02 1tABCD-0001Ab-CD <= a@example.org H=x [192.0.2.7] P=esmtp S=1":    false,
		`{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Accepted"}`:                                    false,
		"192.0.2.7 - - [30/Apr/2026:10:31:02 +0000] \"GET /postfix/smtpd HTTP/1.1\" 200 1":     false,
		`<22>1 2026-04-30T10:31:02Z mx1 sshd 1 - [meta sequenceId="1"] Accepted postfix/smtpd`: false,
		`<22>1 2026-04-30T10:31:02Z mx1 postfix/smtpd 1 - [meta sequenceId="1" connect from x`: false,
		"": false,
	} {
		got, err := Read(strings.NewReader(line+"\n"), "log", Options{Now: now}, func(Event) error { return nil })
		if got != want || err != nil {
			t.Errorf("%q: %v, %v", line, got, err)
		}
	}
}

// TestYears expects the latest year in which a stamp is at most a day in the future.
func TestYears(t *testing.T) {
	const message = " mx1 sendmail[1]: u1: <a@b>... User unknown\n"
	for _, test := range []struct{ now, stamps, want string }{
		{"2026-01-02T00:00:00Z", "Dec 31 23:59:59,Jan  1 00:00:01", "2025-12-31T23:59:59Z,2026-01-01T00:00:01Z"},
		{"2026-11-22T12:00:00Z", "Nov 22 12:00:00,Nov 22 12:00:01", "2026-11-22T12:00:00Z,2026-11-22T12:00:01Z"},
		{"2026-11-22T12:00:00Z", "Nov 23 11:00:00,Nov 23 13:00:00", "2026-11-23T11:00:00Z,2025-11-23T13:00:00Z"},
		{"2026-12-31T23:59:59Z", "Dec 31 23:59:58,Jan  1 00:00:01", "2026-12-31T23:59:58Z,2027-01-01T00:00:01Z"},
		{"2026-11-22T12:00:00Z", "Feb 29 00:00:00,Feb 28 00:00:00", "2024-02-29T00:00:00Z,2026-02-28T00:00:00Z"},
		{"2026-11-22T12:00:00Z", "Nov  9 12:00:00,Nov 09 12:00:00", "2026-11-09T12:00:00Z,2026-11-09T12:00:00Z"},
		{"2026-11-22T12:00:00Z", "Feb 31 00:00:00,Apr 30 25:00:00", "-,-"},
		{"2026-11-22T12:00:00Z", "1970-01-01T00:00:09Z,1971-01-01T00:00:00Z,1969-12-31T23:00:00-05:00", "-,1971-01-01T00:00:00Z,-"},
		{"2026-11-22T12:00:00Z", "0000-01-01T00:00:00+05:00,9999-12-31T23:59:59-05:00,0000000009.5,9998-12-31T23:59:59-05:00", "-,-,-,9998-12-31T23:59:59-05:00"},
	} {
		reference, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		log := strings.ReplaceAll(test.stamps, ",", message) + message
		_, err = Read(strings.NewReader(log), "log", Options{Now: reference}, func(e Event) error {
			if e.Time.IsZero() {
				got = append(got, "-")
			} else {
				got = append(got, e.Time.Format(time.RFC3339))
			}
			return nil
		})
		if strings.Join(got, ",") != test.want || err != nil {
			t.Errorf("%s at %s: %s, %v; want %s", test.stamps, test.now, got, err, test.want)
		}
	}
}

// TestFollowed reads a log to which a line is added each day. Who keeps events back hands each on before the next day.
func TestFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, into := io.Pipe()
		var kept, handedOn atomic.Int32
		go func() {
			defer into.Close()
			for day := range int32(3) {
				if handedOn.Load() != day {
					t.Errorf("%d of %d events were handed on", handedOn.Load(), day)
				}
				fmt.Fprintf(into, "%s mx1 sendmail[1]: u1: <a@b>... User unknown\n", time.Now().UTC().Format(time.Stamp))
				time.Sleep(24 * time.Hour)
			}
		}()
		waits := func() error {
			handedOn.Store(kept.Load())
			return nil
		}
		_, err := Read(log, "log", Options{Now: time.Now().UTC(), Waits: waits}, func(e Event) error {
			kept.Add(1)
			if !e.Time.Equal(time.Now()) {
				t.Errorf("%v at %v", e.Time, time.Now())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestKeysAreHidden expects no key in any text, and all the rest of the text.
func TestKeysAreHidden(t *testing.T) {
	const key = "AbCdEfGhIj0123456789aBcDeF"
	for _, name := range []string{".zen.dq.spamhaus.net", ".Zen.DQ.Spamhaus.Net", ".combined.mail.abusix.zone", ".dbl.dq.spamhaus.net"} {
		for _, text := range []string{"blocked using " + key + name + "; see " + key + name, "error for 7.2.0.192." + key + name + ": İ", "listed at" + name} {
			events := readAll(t, "Apr 30 10:31:02 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.7]: 554 5.7.1 "+text+"\n")
			if len(events) != 1 || strings.Contains(strings.ToLower(events[0].Text), strings.ToLower(key)) || strings.Contains(events[0].Zone, strings.ToLower(key)) {
				t.Errorf("%q: %+v", text, events)
			}
			if rest := strings.TrimPrefix(strings.ToLower(name), "."); !strings.Contains(strings.ToLower(events[0].Text), rest) {
				t.Errorf("%q lost the list: %q", text, events[0].Text)
			}
		}
	}
}

func TestUnpack(t *testing.T) {
	const line = "Apr 30 10:31:02 mx1 sendmail[1]: u1: <a@b>... User unknown\n"
	const lines = 1000
	log := []byte(strings.Repeat(line, lines))
	pack := func(open func(io.Writer) (io.WriteCloser, error)) []byte {
		var b bytes.Buffer
		w, err := open(&b)
		if err == nil {
			_, err = w.Write(log)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	packed := map[string][]byte{
		"plain": log,
		"gzip":  pack(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"zstd":  pack(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
		"xz":    pack(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
	}
	packed["two of gzip"] = append(bytes.Clone(packed["gzip"]), packed["gzip"]...)
	if program, err := exec.LookPath("bzip2"); err == nil {
		cmd := exec.Command(program, "-c")
		cmd.Stdin = bytes.NewReader(log)
		if packed["bzip2"], err = cmd.Output(); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range packed {
		want := lines
		if name == "two of gzip" {
			want *= 2
		}
		r, err := Unpack(bytes.NewReader(b))
		if err != nil {
			t.Fatal(name, err)
		}
		got := 0
		if _, err := Read(r, name, Options{}, func(Event) error { got++; return nil }); err != nil || got != want {
			t.Errorf("%s: %d events, %v; want %d", name, got, err, want)
		}
		if name == "plain" {
			continue
		}
		r, err = Unpack(bytes.NewReader(b[:len(b)-len(b)/4]))
		if err == nil {
			_, err = Read(r, name, Options{}, func(Event) error { return nil })
		}
		if err == nil {
			t.Errorf("%s, cut short: no error", name)
		}
	}
}

// TestUnpackBoundsMemory opens an xz file that needs more memory than maxWindow.
func TestUnpackBoundsMemory(t *testing.T) {
	var b bytes.Buffer
	w, err := xz.WriterConfig{DictCap: maxWindow * 2}.NewWriter(&b)
	if err == nil {
		_, err = w.Write([]byte("x\n"))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(&b); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("error %v", err)
	}
}

// repeated reads as start and a long line, without holding it in memory.
type repeated struct {
	start string
	left  int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.start != "" {
		n := copy(p, r.start)
		r.start = r.start[n:]
		return n, nil
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left)
	for i := range p[:n] {
		p[i] = 'j'
	}
	r.left -= n
	return n, nil
}

// TestLongLine reads a line of 100 MiB: it is one line, only its start is read, and it takes little memory.
func TestLongLine(t *testing.T) {
	const line = "Apr 30 10:31:02 mx1 sendmail[1]: ruleset=check_rcpt, arg1=<a>, relay=x [192.0.2.7], reject=550 5.7.1 no "
	log := io.MultiReader(&repeated{line, 100 << 20}, strings.NewReader("\n"+line+"\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var events []Event
	if _, err := Read(log, "log", Options{Now: now}, func(e Event) error { events = append(events, e); return nil }); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if row(events) != "sendmail reject 192.0.2.7; sendmail reject 192.0.2.7" || events[0].Line != 1 || events[1].Line != 2 || len(events[0].Text) > maxText {
		t.Errorf("%s", row(events))
	}
	const most = 4 << 20
	if used := after.TotalAlloc - before.TotalAlloc; used > most {
		t.Errorf("%d bytes allocated, want no more than %d", used, most)
	}
}

// TestErrors expects that an error ends Read with the place, after the whole lines before it and without the line that it cut.
func TestErrors(t *testing.T) {
	broken := errors.New("the disk is on fire")
	log := io.MultiReader(strings.NewReader("Apr 30 10:31:02 mx1 sendmail[1]: u1: <a@b>... User unknown\n"+
		"Apr 30 10:31:02 mx1 sendmail[1]: ruleset=check_relay, arg1=x, arg2=127.0.0.2, relay=x [192.0.2.7], reject=550 5.7.1 Rej"), failing{broken})
	events := 0
	_, err := Read(log, "maillog", Options{}, func(Event) error { events++; return nil })
	if !errors.Is(err, broken) || events != 1 || err.Error() != "maillog: after line 1: the disk is on fire" {
		t.Errorf("%d events, %v", events, err)
	}
	enough := errors.New("enough")
	log = strings.NewReader(strings.Repeat("Apr 30 10:31:02 mx1 sendmail[1]: u1: <a@b>... User unknown\n", 100_000))
	if _, err := Read(log, "maillog", Options{}, func(Event) error { return enough }); err != enough {
		t.Errorf("%v, want %v", err, enough)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// FuzzRead checks that events of any log are in order, bounded, printable, and valid JSON.
func FuzzRead(f *testing.F) {
	logs, err := filepath.Glob(fixtures.Path("logs", "*.log"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			f.Add(line)
		}
	}
	f.Add([]byte("2026-04-30T10:31:02Z stdout P NOQUEUE: rej\n2026-04-30T10:31:02Z stderr P 550\n2026-04-30T10:31:02Z stdout F ect: RCPT\n"))
	f.Add([]byte("status=bounced (host \x00[::] said: 550-5.7.1 \xff<<>[IPv6:::ffff:192.0.2.7]"))
	f.Fuzz(func(t *testing.T, log []byte) {
		lines := bytes.Count(log, []byte("\n")) + 1
		last := 0
		_, err := Read(bytes.NewReader(log), "log", Options{Now: now}, func(e Event) error {
			if e.Line <= last || e.Line > lines || e.Kind == "" || e.MTA == "" || len(e.Text) > maxText || strings.ContainsAny(e.Text, "\n\x00") || e.Time.After(now) && e.Time.Year() == 0 {
				t.Errorf("%+v", e)
			}
			if e.Zone != strings.ToLower(e.Zone) || strings.ContainsAny(e.Zone, " <>[]/\"") || e.IP.Is4In6() || e.IP.Zone() != "" {
				t.Errorf("%+v", e)
			}
			last = e.Line
			if text := e.AppendJSON(nil); !json.Valid(text) {
				t.Errorf("%s", text)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// BenchmarkRead reads a log in which one line in twelve is an event.
func BenchmarkRead(b *testing.B) {
	var log bytes.Buffer
	for _, name := range []string{"postfix-grok-patterns.log", "smtp-field-manual.log", "sendmail-sorbs.log"} {
		text, err := os.ReadFile(fixtures.Path("logs", name))
		if err != nil {
			b.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			log.Write(line)
			for range 3 {
				log.WriteString("Nov 20 10:00:00 mx1 postfix/smtpd[4711]: connect from mail.example.net[192.0.2.7]\n" +
					"Nov 20 10:00:00 mx1 postfix/smtp[4711]: 4ABC: to=<a@b.example>, relay=mx.b.example[203.0.113.5]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4DEF)\n")
			}
		}
	}
	text := log.Bytes()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(bytes.NewReader(text), "log", Options{Now: now}, func(Event) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
