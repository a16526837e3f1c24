package lint

import (
	"regexp"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/allowlist/pattern"
)

// valueFault is what is wrong with a value.
type valueFault struct {
	rule, text string
	value      string // what it means without its comment; empty: nobody can tell
	comment    string // what stands behind it, from its # on
	likely     string // what its writer may have meant; empty: who knows
	advice     string
}

var (
	// commented is a value with what its writer takes for a comment behind it. A reply text may hold such signs.
	commented       = pattern.New(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|FRIEND|HATER|VERIFY|ENCR:\d+)\s*((?:#|//|;).*)$`)
	numberCommented = pattern.New(`^(\d+)\s*((?:#|//|;).*)$`)

	// addressValue is what check_relay and check_rcpt know (cf/README; matched without regard to case, tried): four
	// words, a reply with its code, in quotes or not, and what begins with ERROR: or QUARANTINE:.
	addressValue = pattern.New(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|"?[45]\d\d([^0-9].*)?|ERROR:.+|QUARANTINE:.+)$`)
	// nameValue are the words that stand elsewhere, beside any reply text.
	nameValue = pattern.New(`(?i)^(FRIEND|HATER|OKR|TEMP|PERM|SUBJECT)$`)
	oneWord   = pattern.New(`^[A-Za-z]+$`)
	// likelyValues are by what begins as a value that is right, or as the word of another program for it.
	likelyValues = [...]struct {
		value string
		form  func() *regexp.Regexp
	}{
		{"OK", pattern.New(`(?i)^["']?(OK|PERMIT|PERMITTED|ALLOW|ALLOWED|ACCEPT|ACCEPTED|PASS|WHITELIST|WHITELISTED|ALLOWLIST|YES|TRUE)\b`)},
		{"RELAY", pattern.New(`(?i)^["']?RELAY\b`)},
		{"REJECT", pattern.New(`(?i)^["']?(REJECT|REJECTED|DENY|DENIED|BLOCK|BLOCKED|DROP|BLACKLIST|BLACKLISTED|DENYLIST|REFUSE|NO|FALSE)\b`)},
	}
	number = pattern.New(`^\d+$`)
)

// skipping is what is known of the server's access_db.
type skipping int

const (
	skipUnknown skipping = iota
	skipKnown            // it was configured with `skip'
	skipError            // it was not: SKIP is an error reply (docs/facts.md 4)
)

// readValue says what is wrong with a value. onAddress tells that the key is an address, healthy or not.
func readValue(key key.Key, onAddress bool, value string, skip skipping) *valueFault {
	value = strings.Trim(value, " \t\r\v\f")
	if fault := commentFault(key, value); fault != nil {
		return fault
	}
	switch key.Tag {
	case "clientrate", "clientconn", "greetpause":
		if oneWord().MatchString(value) {
			return &valueFault{rule: "value", text: value + " is no number: " + strings.TrimSuffix(key.Written, ":") + " wants one",
				advice: "write a number; 0 is no limit, or no pause"}
		}
		return nil
	case "", "connect", "from", "to":
	default:
		return nil
	}
	clients := onAddress && key.ForClients()
	switch {
	case strings.EqualFold(value, "SKIP"):
		if skip == skipError || skip == skipUnknown && clients {
			text := "SKIP is an error reply, and refuses, unless FEATURE(`access_db') has the argument `skip'"
			if skip == skipError {
				text = "SKIP is an error reply here, and refuses: FEATURE(`access_db') lacks the argument `skip'"
			}
			return &valueFault{rule: "skip", text: text, advice: "add `skip' to FEATURE(`access_db', ...) in sendmail.mc, or " +
				"remove the line and write keys for what is around it"}
		}
	case addressValue().MatchString(value):
	case clients, oneWord().MatchString(value) && !nameValue().MatchString(value):
		return &valueFault{rule: "value", text: shown(value) + " is no value that Sendmail knows: it is sent as an error reply, and refuses",
			likely: likelyValue(value),
			advice: "OK: its mail is accepted; RELAY: it may also relay; REJECT: it is refused; ERROR:5.7.1:550 text: refused with that text"}
	}
	return nil
}

func likelyValue(value string) string {
	for _, likely := range likelyValues {
		if likely.form().MatchString(value) {
			return likely.value
		}
	}
	return ""
}

func commentFault(key key.Key, value string) *valueFault {
	form := commented
	switch key.Tag {
	case "clientrate", "clientconn", "greetpause":
		form = numberCommented
	case "", "connect", "from", "to", "spam", "tls_srv", "tls_clt", "tls_rcpt":
	default:
		return nil
	}
	if !strings.ContainsAny(value, "#/;") {
		return nil
	}
	match := form().FindStringSubmatch(value)
	if match == nil {
		return nil
	}
	comment := match[2]
	if comment[0] != '#' {
		comment = "# " + comment
	}
	text := "an access map has no comments behind a value: this is an error reply, and refuses"
	if number().MatchString(match[1]) || !key.ForClients() {
		text = "an access map has no comments behind a value: the comment is part of it"
	}
	return &valueFault{rule: "value-comment", text: text, value: match[1], comment: comment}
}
