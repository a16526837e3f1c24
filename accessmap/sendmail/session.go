package sendmail

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/pattern"
)

// The rulesets that a session comes to. With delay_checks the rules of check_relay are in checkrelay, which check_rcpt calls.
const (
	checkRelay = "check_relay"
	checkMail  = "check_mail"
	checkRcpt  = "check_rcpt"
)

// SessionRules are rulesets to add to a sendmail.cf, so that `sendmail -bt` can be asked SessionQuestions: one turns a typed $|
// into the mark between two arguments, which cannot be typed there (docs/facts.md 7), one makes a recipient of this server.
const SessionRules = "\nSMailallowPair\nR$* $$| $*\t$: $1 $| $2\nSMailallowOwn\nR$*\t$: < $1 @ $j >\n"

// foreignRecipient is a recipient of another server. The top-level domain never exists (RFC 2606).
const foreignRecipient = "<someone@elsewhere.invalid>"

// heloName is a name that no ruleset takes for a bad one.
const heloName = "client.invalid"

// sessionRulesets are the rulesets in the order of SessionQuestions. The last is check_rcpt for a recipient of another server.
func sessionRulesets() []string { return []string{checkRelay, checkMail, checkRcpt, checkRcpt} }

// SessionQuestions gives the input of `sendmail -bt` that plays a session of a client with an empty sender: a line for each of
// sessionRulesets, after lines that set what they read.
func SessionQuestions(c Client) []string {
	addr, name, resolve := c.Macros()
	return []string{
		".D{client_addr}" + addr, ".D{client_name}" + name, ".D{client_ptr}" + name, ".D{client_resolve}" + resolve,
		".D{mail_from}<>", // check_rcpt reads the sender with delay_checks, in Debian's sendmail.mc from there
		".Ds" + heloName,  // and the name after HELO with block_bad_helo
		"-d60.1",          // every lookup in a map
		"MailallowPair," + checkRelay + " " + name + " $| " + addr,
		checkMail + " <>",
		"MailallowOwn," + checkRcpt + " someone",
		checkRcpt + " " + foreignRecipient,
	}
}

// MapLookup is a question of a ruleset to a map. Its text has no account keys.
type MapLookup struct {
	Map    string // access, dnsbl, ednsbl, ...
	Key    string
	Value  string // with Found
	Found  bool
	Failed bool // there was no answer
}

// Zone is the zone of a lookup that asks a list in the DNS about an address; empty: it asks something else.
func (l MapLookup) Zone(addr netip.Addr) string {
	zone, _ := strings.CutPrefix(l.Key, dnsbl.Reverse(addr.Unmap())+".")
	if zone == l.Key {
		return ""
	}
	return strings.TrimSuffix(zone, ".")
}

// RulesetRun is one ruleset with its lookups, in their order, and its result.
type RulesetRun struct {
	Ruleset string
	Lookups []MapLookup
	Outcome Outcome // Undecided: it lets the session go on
	Reply   string  // with Refused the SMTP reply, with Quarantined the reason
}

// Session is what the rulesets answer a client.
type Session struct {
	Runs []RulesetRun // those of check_relay, check_mail and check_rcpt that sendmail.cf has and the session reaches
	// Outcome is Accepted, Refused, Discarded or Quarantined, for a recipient of this server; At and Reply are of the ruleset that
	// decides.
	Outcome Outcome
	At      string
	Reply   string
	Relays  bool   // a recipient of another server is accepted, too
	Foreign string // the reply for such a recipient if it is refused
}

// Last is the last lookup of the ruleset that decides about this server's own recipients, in a map that says something about the
// client: rulesets refuse right after it.
func (s Session) Last() (last MapLookup) {
	for _, run := range s.Runs {
		for _, l := range run.Lookups {
			if run.Ruleset == s.At && (l.Found || l.Failed) && l.Map != "host" && l.Map != "macro" {
				last = l
			}
		}
	}
	return last
}

var (
	mapLookup     = pattern.New(`^map_lookup\(([^,]+), (.*?)(?:, %\d+=.*)?\) => (.*) \((\d+)\)(?:, ad=\d+)?$`)
	rulesetResult = pattern.New(`^(\S+)\s+returns: (.*)$`)
)

// ReadSession reads the replies of `sendmail -bt` to SessionQuestions. ok is false if one is missing.
func ReadSession(replies []string) (s Session, ok bool) {
	rulesets := sessionRulesets()
	if len(replies) < len(SessionQuestions(Client{Addr: netip.IPv4Unspecified()})) {
		return s, false
	}
	replies = replies[len(SessionQuestions(Client{Addr: netip.IPv4Unspecified()}))-len(rulesets):]
	s.Outcome = Accepted
	for i, ruleset := range rulesets {
		run, found := readRun(ruleset, replies[i])
		switch {
		case !found && strings.Contains(replies[i], "Undefined ruleset"):
			continue // with delay_checks, or without anything that uses it
		case !found:
			return s, false
		case i == len(rulesets)-1:
			if s.Foreign = run.Reply; s.Outcome == Refused && s.At != ruleset {
				s.Foreign = s.Reply // the session does not come so far
			}
			s.Relays = s.Foreign == ""
			return s, true
		case s.Outcome != Accepted:
			continue
		}
		s.Runs = append(s.Runs, run)
		if run.Outcome != Undecided {
			s.Outcome, s.At, s.Reply = run.Outcome, ruleset, run.Reply
		}
	}
	return s, true
}

// readRun reads the trace of a ruleset: lines for each lookup, and for the end of each ruleset that it calls. Its own is the last.
func readRun(ruleset, trace string) (run RulesetRun, ok bool) {
	run.Ruleset = ruleset
	for line := range strings.Lines(dnsbl.HideKeys(trace)) {
		line = strings.TrimRight(line, "\r\n")
		if m := mapLookup().FindStringSubmatch(line); m != nil {
			l := MapLookup{Map: m[1], Key: m[2], Value: m[3], Found: m[3] != "NOT FOUND"}
			if !l.Found {
				l.Value, l.Failed = "", m[4] != "0" && m[4] != "68" // EX_NOHOST: no such name
			}
			run.Lookups = append(run.Lookups, l)
		}
		if m := rulesetResult().FindStringSubmatch(line); m != nil && m[1] == ruleset {
			run.Outcome, run.Reply = readResult(m[2])
			ok = true
		}
	}
	return run, ok
}

// readResult reads the workspace that a ruleset returns: `$# error $@ 5 . 7 . 1 $: "550 Access denied"`.
func readResult(workspace string) (Outcome, string) {
	rest, isMailer := strings.CutPrefix(workspace, "$#")
	mailer, rest, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if !isMailer || mailer != "error" && mailer != "discard" {
		return Undecided, ""
	}
	if mailer == "discard" {
		return Discarded, ""
	}
	host, user, hasUser := strings.Cut(rest, "$:")
	status, hasStatus := strings.CutPrefix(host, "$@")
	if !hasUser {
		user = rest
	}
	status, text := join(status), join(user)
	if hasStatus && status == "quarantine" {
		return Quarantined, text
	}
	return Refused, smtpReply(status, text)
}

// smtpReply is the reply of Sendmail for an error mailer's host and user.
func smtpReply(status, text string) string {
	code, rest, _ := strings.Cut(text, " ")
	if len(code) != 3 || strings.Trim(code, "0123456789") != "" {
		return fmt.Sprintf("553 5.3.0 %s", text)
	}
	if given, after, _ := strings.Cut(rest, " "); isEnhancedCode(given) {
		return code + " " + given + " " + after
	}
	if !isEnhancedCode(status) {
		status = code[:1] + ".0.0"
	}
	return code + " " + status + " " + rest
}

// join joins tokens as Sendmail does in a text: words with a blank between them, everything else without (cataddr in parseaddr.c).
func join(tokens string) string {
	var b strings.Builder
	wasWord := false
	for tokens = strings.Trim(tokens, " "); tokens != ""; tokens = strings.TrimLeft(tokens, " ") {
		token, isWord := "", false
		if tokens[0] == '"' {
			end := 1
			for end < len(tokens) && tokens[end] != '"' {
				if tokens[end] == '\\' { // the quote behind it ends nothing
					end++
				}
				end++
			}
			token, tokens = tokens[1:min(end, len(tokens))], tokens[min(end+1, len(tokens)):]
		} else {
			token, tokens, _ = strings.Cut(tokens, " ")
			isWord = !strings.ContainsAny(token[:1], ".:@[]()<>,;%!$+*=/?&|{}^'")
		}
		if wasWord && isWord {
			b.WriteByte(' ')
		}
		b.WriteString(token)
		wasWord = isWord
	}
	return b.String()
}
