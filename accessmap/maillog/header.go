package maillog

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"mailallow/accessmap/maillog/container"
	"mailallow/accessmap/maillog/token"
)

// header is a line of a log, split at the name of the program that wrote it.
type header struct {
	head    []byte // time stamp and host, if the line has them
	program *program
	message []byte
}

// splitHeader splits a line with "program[pid]: " or without it. A line of a container is split at the line within.
func splitHeader(line []byte) header {
	h, ok := splitTagged(line)
	if ok && h.program.mta && h.program != anyDaemon && !mayBeginStamp(h.message) && bytes.IndexByte(h.head, '{') < 0 { // nearly all lines
		return h
	}
	return splitOther(line, h, ok)
}

// splitOther splits a line that may be in a container, or that has no "program[pid]: ".
func splitOther(line []byte, h header, tagged bool) header {
	if !tagged || bytes.IndexByte(h.head, '{') >= 0 {
		if at, carried := container.Find(line); carried {
			return header{line[:at], carrier, line[at:]}
		}
		if !tagged {
			return splitUntagged(line)
		}
	}
	if within, ok := splitCarried(h.message); ok && h.program != otherProgram {
		within.head = h.head
		return within
	}
	return h
}

// splitCarried splits a message that is a line of a mail server, as the drivers of containers write it for syslog, with the
// container as the program: "program[pid]: " follows at once, or after a time stamp and a host.
func splitCarried(message []byte) (header, bool) {
	const words = 6 // before the program at most
	rest := message
	for n := range words {
		i := bytes.IndexByte(rest, ' ')
		if i <= 0 {
			break
		}
		word := rest[:i]
		rest = bytes.TrimLeft(rest[i:], " ")
		if name, ok := bytes.CutSuffix(word, []byte(":")); ok {
			if open := bytes.IndexByte(name, '['); open > 0 && name[len(name)-1] == ']' {
				name = name[:open]
			}
			if p := programOf(name); p.mta && isName(name) {
				return header{program: p, message: withoutID(rest)}, true
			}
			break
		}
		if n == 0 && !beginsStamp(word) {
			break
		}
	}
	return header{}, false
}

// isName reports whether a text may be the name of a program.
func isName(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return r > '~' || !token.IsWordByte(byte(r)) && !strings.ContainsRune("/-_.", r) })
}

// mayBeginStamp excludes nearly all messages, at little cost: a container may have the name of a mail server.
func mayBeginStamp(message []byte) bool {
	const month, year = len("Jan"), len("2006")
	return len(message) > year && (message[month] == ' ' && message[0] >= 'A' || message[year] == '-')
}

// beginsStamp reports whether a word may begin a time stamp: a month, or a date.
func beginsStamp(word []byte) bool {
	const month, date = len("Jan"), len("2006-01-02")
	return len(word) == month && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'a' || len(word) >= date && token.IsDigits(word[:4]) && word[4] == '-'
}

// maxHead bounds the place where the program's name ends, in bytes. A time stamp, a host name and a container's prefix are
// shorter together.
const maxHead = 400

// splitTagged splits a line at "program[pid]: ". Nearly every line of a log has it.
func splitTagged(line []byte) (header, bool) {
	within := line[:min(len(line), maxHead)]
	for from := 0; ; {
		i := bytes.IndexByte(within[from:], ']')
		if i < 0 {
			return header{}, false
		}
		end := from + i
		from = end + 1
		open := openOfPID(within[:end])
		if open < 0 || from >= len(line) || line[from] != ':' && line[from] != ' ' {
			continue
		}
		start := open
		for start > 0 && within[start-1] != ' ' && within[start-1] != '\t' && within[start-1] != '"' { // "tag":"postfix/smtpd[1]:"
			start--
		}
		p := programOf(within[start:open])
		if line[from] == ' ' && !p.mta && p != otherProgram { // rsyslog writes no colon behind the tag of a message that it got by RFC 5424
			continue
		}
		return header{line[:start], p, withoutID(line[from+1:])}, true
	}
}

// openOfPID gives the place of the bracket in a text that ends in "[pid", or -1.
func openOfPID(text []byte) int {
	i := len(text) - 1
	for i >= 0 && text[i] >= '0' && text[i] <= '9' {
		i--
	}
	if i < 0 || i == len(text)-1 || text[i] != '[' {
		return -1
	}
	return i
}

// withoutID removes the blanks before a message, the "[ID 801593 mail.info] " that Solaris writes there, and what rsyslog writes
// around one that came again: "message repeated 2 times: [ NOQUEUE: ...]".
func withoutID(message []byte) []byte {
	for len(message) > 0 && (message[0] == ' ' || message[0] == '\t') {
		message = message[1:]
	}
	if bytes.HasPrefix(message, []byte("[ID ")) {
		if i := bytes.Index(message, []byte("] ")); i > 0 {
			return message[i+2:]
		}
	}
	if repeated, ok := bytes.CutPrefix(message, []byte("message repeated ")); ok {
		if _, within, ok := bytes.Cut(repeated, []byte(" times: [ ")); ok {
			return bytes.TrimSuffix(within, []byte("]"))
		}
	}
	return message
}

// splitUntagged splits a line without "program[pid]: ". After a time stamp and a host, the program's name ends in a colon
// (RFC 3164) or its pid follows as a word of its own (RFC 5424). A line without them is the bare message of an MTA.
func splitUntagged(line []byte) header {
	const maxFields = 10 // of a header
	rest := line
	for range maxFields {
		rest = bytes.TrimLeft(rest, " \t")
		i := bytes.IndexByte(rest, ' ')
		if i <= 0 || len(line)-len(rest) > maxHead {
			break
		}
		word, colon := bytes.CutSuffix(rest[:i], []byte(":"))
		if p := programOf(word); p != unknownProgram {
			message := rest[i+1:]
			if !colon {
				message = afterStructuredData(message)
			}
			if colon || message != nil {
				return header{line[:len(line)-len(rest)], p, withoutID(message)}
			}
		}
		if isBareMessage(rest) || len(rest) == len(line) && isBareReply(rest) {
			return header{line[:len(line)-len(rest)], bareLine, rest}
		}
		rest = rest[i:]
	}
	return header{nil, bareLine, line}
}

// afterStructuredData gives the message after the PROCID, the MSGID and the structured data of RFC 5424; nil: the line has another
// form.
func afterStructuredData(rest []byte) []byte {
	fields := bytes.SplitN(rest, []byte(" "), 3)
	if len(fields) < 3 {
		return nil
	}
	data, absent := bytes.CutPrefix(fields[2], []byte("-"))
	if !absent {
		data = afterElements(data)
	}
	message, ok := bytes.CutPrefix(data, []byte(" "))
	if !ok {
		return nil
	}
	return bytes.TrimPrefix(message, []byte("\xef\xbb\xbf"))
}

// afterElements gives what follows [ID NAME="VALUE" ...] and more such elements. A value may have a bracket, and behind a backslash
// a quotation mark.
func afterElements(data []byte) []byte {
	quoted := false
	for i := 0; i < len(data) && data[0] == '['; i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ']' && !quoted && (i+1 == len(data) || data[i+1] != '['):
			return data[i+1:]
		}
	}
	return nil
}

// isBareMessage reports whether a text begins like a message of an MTA.
func isBareMessage(text []byte) bool {
	return bytes.HasPrefix(text, []byte("ruleset=")) || bytes.HasPrefix(text, []byte("NOQUEUE: ")) || bytes.HasPrefix(text, []byte("status="))
}

// isBareReply reports whether a line begins with a reply of a mail server. In the middle of a line it may be the reply of this
// host.
func isBareReply(line []byte) bool { return len(line) > 4 && token.IsReply(string(line[:4])) }

// program says how to read the messages of a program.
type program struct {
	// mayBeEvent excludes most messages that are no events, at little cost.
	mayBeEvent func(message []byte) bool
	read       func(message string) (Event, bool)
	mta        bool // it is a program of Sendmail or Postfix
}

var (
	otherProgram   = &program{never, nil, false}                      // it is no MTA
	containerTag   = &program{never, nil, false}                      // it is no program, but what one runs in
	otherDaemon    = &program{never, nil, true}                       // of Postfix, which refuses nothing
	anyDaemon      = &program{mayBeSendmailEvent, bareMessage, true}  // of Postfix: rsyslog ends a program's name before its slash
	unknownProgram = &program{mayBeSendmailEvent, bareMessage, false} // it may be an MTA with another name
	bareLine       = &program{mayBeBareEvent, bareMessage, false}     // the line names no program
	carrier        = &program{mayBeCarriedEvent, nil, false}          // the line holds that of another program: package container
	sendmailDaemon = &program{mayBeSendmailEvent, sendmail, true}
	smtpdDaemon    = &program{mayBeServerEvent, Postfix.server, true}
	smtpClient     = &program{mayBeClientEvent, postfixClient, true}
)

func never([]byte) bool { return false }

// daemons are the programs of Postfix by the last part of a name such as "postfix/smtpd", because an instance can have any name
// and a service can add a part in the middle. error and retry repeat the reason of a failed delivery.
var daemons = map[string]*program{
	"smtpd": smtpdDaemon, "cleanup": smtpdDaemon, "sendmail": sendmailDaemon,
	"smtp": smtpClient, "lmtp": smtpClient, "error": smtpClient, "retry": smtpClient,
	"postscreen": {mayBeServerEvent, Postscreen.server, true},
	"dnsblog":    {func([]byte) bool { return true }, dnsblog, true},

	"qmgr": otherDaemon, "pickup": otherDaemon, "bounce": otherDaemon, "trivial-rewrite": otherDaemon, "anvil": otherDaemon,
	"scache": otherDaemon, "local": otherDaemon, "virtual": otherDaemon, "pipe": otherDaemon, "discard": otherDaemon,
	"proxymap": otherDaemon, "tlsmgr": otherDaemon, "tlsproxy": otherDaemon, "verify": otherDaemon, "flush": otherDaemon,
	"master": otherDaemon, "postfix-script": otherDaemon, "postsuper": otherDaemon, "postqueue": otherDaemon, "postdrop": otherDaemon,
}

// otherPrograms write many lines into mail logs and are no MTA.
var otherPrograms = []string{
	"dovecot", "exim", "exim4", "amavis", "amavisd", "opendkim", "opendmarc", "spamd", "spamc", "rspamd", "postgrey",
	"milter-greylist", "mimedefang", "clamd", "clamav-milter", "fail2ban", "systemd", "kernel", "CRON", "cron", "crond",
	"sshd", "named", "policyd-spf", "policyd-weight", "imapd", "pop3d", "saslauthd", "spamass-milter", "rsyslogd", "courieresmtpd",
}

// programOf also knows Sendmail by its usual names.
func programOf(name []byte) *program {
	if i := bytes.LastIndexByte(name, '/'); i >= 0 {
		switch string(name[i+1:]) { // most lines, for which the table is slow
		case "smtpd":
			return smtpdDaemon
		case "smtp":
			return smtpClient
		case "qmgr":
			return otherDaemon
		}
		return cmp.Or(daemons[string(name[i+1:])], containerTag)
	}
	switch {
	case bytes.HasPrefix(name, []byte("sendmail")), bytes.HasPrefix(name, []byte("sm-")):
		return sendmailDaemon
	case string(name) == "postfix":
		return anyDaemon
	case slices.Contains(otherPrograms, string(name)):
		return otherProgram
	}
	return unknownProgram
}

// mayBeServerEvent knows that every message of an event has "reject", and that j is a rare letter.
func mayBeServerEvent(message []byte) bool {
	return bytes.IndexByte(message, 'j') >= 0 || bytes.HasPrefix(message, []byte("warning: "))
}

// mayBeClientEvent excludes deliveries that were sent. Their status comes before the first reply.
func mayBeClientEvent(message []byte) bool {
	i := bytes.IndexByte(message, '(')
	if i < 0 {
		return bytes.Contains(message, []byte("refused to talk")) || bytes.Contains(message, []byte(" said: "))
	}
	return !bytes.HasSuffix(message[:i], []byte("status=sent "))
}

// mayBeSendmailEvent excludes the two lines that Sendmail writes for every delivered mail.
func mayBeSendmailEvent(message []byte) bool {
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

// mayBeBareEvent reports whether bareMessage may find an event in a line without a program. Every such line has one of these
// parts or a reply code near its start.
func mayBeBareEvent(line []byte) bool {
	for _, part := range [...]string{"reject", " said: ", "refused to talk", "stat", "lookup", "listed by ", "exceeded", "<<< ", "ruleset=", "User unknown"} {
		if bytes.Contains(line, []byte(part)) {
			return true
		}
	}
	const start = 40 // bytes before a reply at most: blanks, a bullet, "Diagnostic-Code: smtp; "
	return bytes.ContainsAny(line[:min(len(line), start)], "45")
}

// mayBeCarriedEvent reports whether a line of a container may hold an event. Of a text that is not UTF-8, journalctl writes the
// bytes as numbers, in which no word can be found.
func mayBeCarriedEvent(line []byte) bool {
	return mayBeBareEvent(line) || bytes.Contains(line, []byte(`"MESSAGE":[`))
}

// bareMessage reads a message whose program is unknown: one without a header, as people paste it, or of an MTA with another
// name. Its beginning shows the MTA.
func bareMessage(message string) (Event, bool) {
	message = strings.TrimLeft(message, " \t-*>・·•\"'`(")
	if text, ok := strings.CutPrefix(message, "MESSAGE"); ok { // journalctl -o verbose, or json-pretty
		message = strings.TrimLeft(text, "=\": ")
	}
	text := withoutQueueID(message)
	switch {
	case strings.HasPrefix(text, "ruleset="), strings.HasPrefix(message, "<<< "), strings.Contains(message, ", stat="),
		strings.HasPrefix(text, "Milter: "), strings.HasPrefix(text, "rejecting "):
		return sendmail(message)
	case strings.HasPrefix(message, "addr "), strings.HasPrefix(message, "warning: dnsblog"):
		return dnsblog(message)
	case token.HasAnyPrefix(text, "reject: ", "milter-reject: ", "proxy-reject: ") || strings.HasPrefix(message, "warning: "):
		if strings.Contains(message, " from [") {
			return Postscreen.server(message)
		}
		return Postfix.server(message)
	case strings.HasPrefix(message, "status=") || strings.HasPrefix(text, "to=") || strings.HasPrefix(text, "host ") || strings.HasPrefix(message, "<"):
		return postfixClient(message)
	}
	reply, isDSN := strings.CutPrefix(message, "Diagnostic-Code:")
	if rest, isSMTP := strings.CutPrefix(strings.TrimLeft(reply, " "), "smtp;"); isSMTP || isDSN {
		reply = strings.TrimLeft(rest, " ")
	}
	if token.IsReply(reply) {
		return outbound(reply, "", "")
	}
	return Event{}, false
}
