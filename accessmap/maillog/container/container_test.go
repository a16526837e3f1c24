package container

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestOpen(t *testing.T) {
	for _, test := range []struct{ name, line, message, program, time string }{
		{"journalctl -o json", `{"__REALTIME_TIMESTAMP":"1789200672000000","SYSLOG_IDENTIFIER":"postfix/smtpd","MESSAGE":"NOQUEUE: x"}`, "NOQUEUE: x", "postfix/smtpd", "2026-09-12T08:11:12Z"},
		{"journalctl, bytes that are not UTF-8", `{"MESSAGE":[120,255,10],"SYSLOG_IDENTIFIER":"sm-mta"}`, "x\xff", "sm-mta", ""},
		{"Docker's JSON", `{"log":"a\n","stream":"stdout","time":"2026-09-12T08:11:12.5Z"}`, "a", "", "2026-09-12T08:11:12.5Z"},
		{"fluent-bit", `{"date":1789200672.25,"log":"a","kubernetes":{"labels":{"app":"x"},"pod_name":"mail-0"}}`, "a", "", "2026-09-12T08:11:12.25Z"},
		{"an object within", `{"@timestamp":"2026-09-12T08:11:12Z","log":{"file":{"path":"/var/log/mail.log"}},"process":{"name":"postfix/smtp","pid":7},"message":"a"}`, "a", "postfix/smtp", "2026-09-12T08:11:12Z"},
		{"the whole line in an object", `{"event":{"original":"a"},"ts":1789200672000}`, "a", "", "2026-09-12T08:11:12Z"},
		{"rsyslog's tag", `{"syslogtag":"postfix/smtpd[17]:","msg":" a","timereported":"2026-09-12T10:11:12+02:00"}`, " a", "postfix/smtpd", "2026-09-12T10:11:12+02:00"},
		{"the better key", `{"log":"b","message":"a","msg":"c"}`, "a", "", ""},
		{"escapes", `{"message":"\"\\\/\b\f\t\u00e9\ud83d\ude00\ud83dx\u00zz"}`, "\"\\/\b\f\té😀\ufffdx\ufffd00zz", "", ""},
		{"the sign for what is not UTF-8", `{"message":"a\ufffdb"}`, "a\ufffdb", "", ""},
		{"numbers before", `{"ports":[8080,25],"load":[0.5,1],"none":[],"message":"a"}`, "a", "", ""},
		{"cut", `{"program":"postfix/smtp","message":"a b`, "a b", "postfix/smtp", ""},
		{"not closed", `{"message":"a"`, "a", "", ""},
		{"no object", `{"message"`, "", "", ""},
		{"logfmt", `time="2026-09-12T10:11:12Z" level=info program=postfix/smtpd msg="a \"b\""`, `a "b"`, "postfix/smtpd", "2026-09-12T10:11:12Z"},
	} {
		l := Open([]byte(test.line))
		at := ""
		if !l.Time.IsZero() {
			if at = l.Time.Format(time.RFC3339Nano); l.Time.Location() != time.UTC && !strings.Contains(test.time, "+") {
				at = l.Time.UTC().Format(time.RFC3339Nano)
			}
		}
		if string(l.Message) != test.message || l.Program != test.program || at != test.time {
			t.Errorf("%s: %q by %q at %q; want %q by %q at %q", test.name, l.Message, l.Program, at, test.message, test.program, test.time)
		}
	}
}

func TestReasons(t *testing.T) {
	const line = `{"queue_name":"deferred","queue_id":"4ABC","arrival_time":1771977159,"recipients":[{"address":"b@example.net"},{"address":"c@example.net","delay_reason":"one"},{"delay_reason":"two"}]}`
	if l := Open([]byte(line)); len(l.Reasons) != 2 || string(l.Reasons[0]) != "one" || string(l.Reasons[1]) != "two" {
		t.Errorf("%q", l.Reasons)
	}
	if l := Open([]byte(`{"delay_reason":"one"}`)); l.Reasons != nil {
		t.Errorf("%q of something else than a queue", l.Reasons)
	}
}

func TestIs(t *testing.T) {
	for line, want := range map[string]int{
		`{"log":"a"}`: 0, `mail-1  | {"log":"a"}`: 10, `data: { "MESSAGE": "a" }`: 6, `a=b msg="c"`: 0, `msg="c"`: 0,
		`Sep 12 10:11:12 mx postfix/smtpd[1]: connect`: -1, `ruleset=check_relay, arg1=x`: -1, `{`: -1, `xmsg="c"`: -1, "": -1,
	} {
		if at, ok := Find([]byte(line)); ok != (want >= 0) || ok && at != want {
			t.Errorf("%q: %d, %v; want %d", line, at, ok, want)
		}
	}
}

// FuzzOpen holds the strings that members finds against those of the standard library, and opens any line.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"a":"b","c":{"d":"\u00e9\n"},"e":["x",{"f":1.5}],"g":[1,2],"h":null}`))
	f.Add([]byte(`time="x" msg="a \"b`))
	f.Fuzz(func(t *testing.T, line []byte) {
		Open(line)
		if !bytes.HasPrefix(line, []byte("{")) || bytes.Contains(line, []byte(`\u`)) || !utf8.Valid(line) {
			return // what cannot be text, the standard library replaces
		}
		var object map[string]string
		if json.Unmarshal(line, &object) != nil {
			return
		}
		got := map[string]string{}
		members(line, func(key string, value []byte) { got[key] = string(value) })
		for key, want := range object {
			if want != "" && got[key] != want {
				t.Errorf("%q: %q, want %q", key, got[key], want)
			}
		}
	})
}
