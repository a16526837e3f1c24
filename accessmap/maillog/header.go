package maillog

import (
	"bytes"
	"strings"
)

// header is a line taken apart: what stands before the program, the program, and what
// it says.
type header struct {
	head    []byte // stamp and host, as far as there are any
	program program
	message []byte
	tagged  bool // "program[pid]: " stands there: some program wrote it
}

// takeApart finds the program of a line by either of the ways there are.
func takeApart(line []byte) header {
	if h, ok := tag(line); ok {
		return h
	}
	return untagged(line)
}

// maxHead is where the program's name ends at the latest: a stamp, a host name and a
// container's prefix are shorter together.
const maxHead = 400

// tag finds "program[pid]: ", which nearly every line of a log has.
func tag(line []byte) (header, bool) {
	within := line[:min(len(line), maxHead)]
	for from := 0; ; {
		i := bytes.IndexByte(within[from:], ']')
		if i < 0 {
			return header{}, false
		}
		end := from + i
		from = end + 1
		open := end
		for open > 0 && within[open-1] >= '0' && within[open-1] <= '9' {
			open--
		}
		if open == end || open == 0 || within[open-1] != '[' || from >= len(line) || line[from] != ':' {
			continue
		}
		start := open - 1
		for start > 0 && within[start-1] != ' ' && within[start-1] != '\t' {
			start--
		}
		return header{line[:start], programOf(within[start : open-1]), withoutID(line[from+1:]), true}, true
	}
}

// withoutID takes off the blanks before a message, and the "[ID 801593 mail.info] "
// that Solaris writes there.
func withoutID(message []byte) []byte {
	for len(message) > 0 && (message[0] == ' ' || message[0] == '\t') {
		message = message[1:]
	}
	if bytes.HasPrefix(message, []byte("[ID ")) {
		if i := bytes.Index(message, []byte("] ")); i > 0 {
			return message[i+2:]
		}
	}
	return message
}

// untagged takes a line apart that has no "program[pid]: ": with a stamp, the program
// comes behind the host and ends in a colon (RFC 3164 without a pid), or stands before
// its pid (RFC 5424); without a stamp, the line is what an MTA said and no more.
func untagged(line []byte) header {
	const most = 10 // fields of a header
	rest := line
	for range most {
		rest = bytes.TrimLeft(rest, " \t")
		i := bytes.IndexByte(rest, ' ')
		if i <= 0 || len(line)-len(rest) > maxHead {
			break
		}
		word, colon := bytes.CutSuffix(rest[:i], []byte(":"))
		if p := programOf(word); p != unknownProgram {
			message := rest[i+1:]
			if !colon {
				message = structured(message)
			}
			if colon || message != nil {
				return header{line[:len(line)-len(rest)], p, withoutID(message), false}
			}
		}
		if bare(rest) {
			return header{line[:len(line)-len(rest)], unknownProgram, rest, false}
		}
		rest = rest[i:]
	}
	return header{nil, unknownProgram, line, false}
}

// structured gives the message behind the PROCID, the MSGID and the absent structured
// data of RFC 5424, or nil.
func structured(rest []byte) []byte {
	fields := bytes.SplitN(rest, []byte(" "), 4)
	if len(fields) == 4 && string(fields[2]) == "-" {
		return bytes.TrimPrefix(fields[3], []byte("\xef\xbb\xbf"))
	}
	return nil
}

// bare tells whether a text is what an MTA says, seen from its first word.
func bare(text []byte) bool {
	switch {
	case len(text) > 4 && text[0] >= '4' && text[0] <= '5' && isDigits(text[:3]):
		return text[3] == ' ' || text[3] == '-'
	case bytes.HasPrefix(text, []byte("ruleset=")), bytes.HasPrefix(text, []byte("NOQUEUE: ")), bytes.HasPrefix(text, []byte("status=")):
		return true
	}
	return false
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// program is what wrote a line.
type program uint8

const (
	unknownProgram program = iota // could be an MTA under another name
	foreign                       // a program that is none of ours
	sendmailDaemon
	smtpdDaemon
	postscreenDaemon
	dnsblogDaemon
	cleanupDaemon
	smtpClient // and lmtp, and error, which says again why a destination is given up
)

// programOf knows Postfix's daemons by the last part of "postfix/smtpd" (an instance
// may have any name, and a service a name of its own between), and Sendmail by its name
// and its customary ones.
func programOf(name []byte) program {
	if i := bytes.LastIndexByte(name, '/'); i >= 0 {
		switch string(name[i+1:]) {
		case "smtpd":
			return smtpdDaemon
		case "postscreen":
			return postscreenDaemon
		case "dnsblog":
			return dnsblogDaemon
		case "cleanup":
			return cleanupDaemon
		case "smtp", "lmtp", "error", "retry":
			return smtpClient
		case "sendmail":
			return sendmailDaemon
		}
		return foreign
	}
	switch {
	case bytes.HasPrefix(name, []byte("sendmail")), bytes.HasPrefix(name, []byte("sm-")):
		return sendmailDaemon
	case isForeign(name):
		return foreign
	}
	return unknownProgram
}

// isForeign knows what fills mail logs besides an MTA, so that it is let go at once.
func isForeign(name []byte) bool {
	switch string(name) {
	case "dovecot", "exim", "exim4", "amavis", "amavisd", "opendkim", "opendmarc", "spamd", "spamc", "rspamd", "postgrey",
		"milter-greylist", "mimedefang", "clamd", "clamav-milter", "fail2ban", "systemd", "kernel", "CRON", "cron", "crond",
		"sshd", "named", "policyd-spf", "policyd-weight", "imapd", "pop3d", "saslauthd", "spamass-milter", "rsyslogd", "courieresmtpd":
		return true
	}
	return false
}

// wanted tells, at little cost, whether a message may be one of those that read knows.
func (p program) wanted(message []byte) bool {
	switch p {
	case foreign:
		return false
	case smtpdDaemon, cleanupDaemon, postscreenDaemon:
		// "reject" is in all of them, and j is a rare letter.
		return bytes.IndexByte(message, 'j') >= 0 || bytes.HasPrefix(message, []byte("warning: "))
	case dnsblogDaemon:
		return true
	case smtpClient:
		return wantedFromClient(message)
	}
	return wantedFromSendmail(message)
}

// wantedFromClient lets go of what was sent: its status is before the first reply.
func wantedFromClient(message []byte) bool {
	i := bytes.IndexByte(message, '(')
	if i < 0 {
		return bytes.Contains(message, []byte("refused to talk")) || bytes.Contains(message, []byte(" said: "))
	}
	return !bytes.HasSuffix(message[:i], []byte("status=sent "))
}

// wantedFromSendmail lets go of the two lines that every delivered mail has.
func wantedFromSendmail(message []byte) bool {
	i := bytes.IndexByte(message, ':')
	if i < 0 {
		return bytes.HasPrefix(message, []byte("ruleset="))
	}
	rest := bytes.TrimPrefix(message[i+1:], []byte(" "))
	if bytes.HasPrefix(rest, []byte("from=")) {
		return false
	}
	if bytes.HasPrefix(rest, []byte("to=")) {
		return !bytes.Contains(rest, []byte("stat=Sent"))
	}
	return true
}

// read looks at a message for what its program says of refusals.
func (p program) read(message string) (finding, bool) {
	switch p {
	case smtpdDaemon, cleanupDaemon:
		return postfixServer(message, Postfix)
	case postscreenDaemon:
		return postfixServer(message, Postscreen)
	case dnsblogDaemon:
		return dnsblog(message)
	case smtpClient:
		return postfixClient(message)
	case sendmailDaemon:
		return sendmail(message)
	case unknownProgram:
		return byItself(message)
	}
	return finding{}, false
}

// mayBeBare lets go of lines without a program that no MTA can have written: what is
// looked for is in all that byItself knows.
func mayBeBare(line []byte) bool {
	for _, part := range [...]string{"reject", " said: ", "refused to talk", "stat", "lookup", "listed by ", "exceeded", "<<< "} {
		if bytes.Contains(line, []byte(part)) {
			return true
		}
	}
	const start = 40 // where a reply begins: behind blanks, a bullet, "Diagnostic-Code: smtp; "
	return bytes.ContainsAny(line[:min(len(line), start)], "45")
}

// byItself reads a text without a header, as it is pasted into a mail or a page: what
// it begins with tells who says it. A program under a name of its own writes the same.
func byItself(message string) (finding, bool) {
	message = strings.TrimLeft(message, " \t-*>・·•\"'`(")
	_, said := withoutQueueID(message)
	switch {
	case strings.HasPrefix(said, "ruleset="), strings.HasPrefix(message, "<<< "), strings.Contains(message, ", stat="),
		strings.HasPrefix(said, "Milter: "), strings.HasPrefix(said, "rejecting "):
		return sendmail(message)
	case strings.HasPrefix(message, "addr "), strings.HasPrefix(message, "warning: dnsblog"):
		return dnsblog(message)
	case hasAny(said, "reject: ", "milter-reject: ", "proxy-reject: ") || strings.HasPrefix(message, "warning: "):
		if strings.Contains(message, " from [") {
			return postfixServer(message, Postscreen)
		}
		return postfixServer(message, Postfix)
	case strings.HasPrefix(message, "status=") || strings.HasPrefix(said, "to=") || strings.HasPrefix(said, "host ") || strings.HasPrefix(message, "<"):
		return postfixClient(message)
	}
	text, isDSN := strings.CutPrefix(message, "Diagnostic-Code:")
	if t, isSMTP := strings.CutPrefix(strings.TrimLeft(text, " "), "smtp;"); isSMTP || isDSN {
		text = strings.TrimLeft(t, " ")
	}
	if _, ok := replyCode(text); ok {
		return outbound(text, "", "")
	}
	return finding{}, false
}

func hasAny(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
