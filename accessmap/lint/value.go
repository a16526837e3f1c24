package lint

import (
	"regexp"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
)

// entryValue is a value as the checks of values see it.
type entryValue struct {
	key.Key
	onAddress bool         // the key is an address, healthy or not
	text      string       // without blanks around it
	cf        *sendmail.CF // that reads it; nil: not known
}

// valueFault is what is wrong with a value.
type valueFault struct {
	partFault
	value   string // what it means without its comment; empty: nobody can tell
	comment string // what stands behind it, from its # on
	likely  string // what its writer may have meant; empty: who knows
}

var (
	// commented is a value with what its writer takes for a comment behind it. A reply text may hold such signs.
	commented       = ascii.Pattern(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|FRIEND|HATER|VERIFY|ENCR:\d+)\s*((?:#|//|;).*)$`)
	numberCommented = ascii.Pattern(`^(\d+)\s*((?:#|//|;).*)$`)

	// addressValue is what check_relay and check_rcpt know (cf/README; matched without regard to case, tried): four
	// words, a reply with its code, in quotes or not, and what begins with ERROR: or QUARANTINE:.
	addressValue = ascii.Pattern(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|"?[45]\d\d([^0-9].*)?|ERROR:.+|QUARANTINE:.+)$`)
	// nameValue are the words that stand elsewhere, beside any reply text.
	nameValue = ascii.Pattern(`(?i)^(FRIEND|HATER|OKR|TEMP|PERM|SUBJECT)$`)
	oneWord   = ascii.Pattern(`^[A-Za-z]+$`)
	// likelyValues are by what begins as a value that is right, or as the word of another program for it.
	likelyValues = [...]struct {
		value string
		form  func() *regexp.Regexp
	}{
		{"OK", ascii.Pattern(`(?i)^["']?(OK|PERMIT|PERMITTED|ALLOW|ALLOWED|ACCEPT|ACCEPTED|PASS|WHITELIST|WHITELISTED|ALLOWLIST|YES|TRUE)\b`)},
		{"RELAY", ascii.Pattern(`(?i)^["']?RELAY\b`)},
		{"REJECT", ascii.Pattern(`(?i)^["']?(REJECT|REJECTED|DENY|DENIED|BLOCK|BLOCKED|DROP|BLACKLIST|BLACKLISTED|DENYLIST|REFUSE|NO|FALSE)\b`)},
	}
)

// ratesClients reports whether the value under a tag is a number.
func (v entryValue) ratesClients() bool {
	return v.Tag == "clientrate" || v.Tag == "clientconn" || v.Tag == "greetpause"
}

// decides reports whether the value decides about mail.
func (v entryValue) decides() bool {
	return v.Tag == "" || v.Tag == "connect" || v.Tag == "from" || v.Tag == "to"
}

// ofClient reports whether check_relay gets the value for a client's address.
func (v entryValue) ofClient() bool { return v.onAddress && v.ForClients() }

func valueComment(v entryValue) *valueFault {
	form := commented
	switch v.Tag {
	case "clientrate", "clientconn", "greetpause":
		form = numberCommented
	case "", "connect", "from", "to", "spam", "tls_srv", "tls_clt", "tls_rcpt":
	default:
		return nil
	}
	if !strings.ContainsAny(v.text, "#/;") {
		return nil
	}
	match := form().FindStringSubmatch(v.text)
	if match == nil {
		return nil
	}
	comment := match[2]
	if comment[0] != '#' {
		comment = "# " + comment
	}
	text := "an access map has no comments behind a value: this is an error reply, and refuses"
	if number().MatchString(match[1]) || !v.ForClients() {
		text = "an access map has no comments behind a value: the comment is part of it"
	}
	return &valueFault{partFault: partFault{text: text}, value: match[1], comment: comment}
}

// skipValue finds SKIP where it is not known to mean undecided (docs/facts.md 4).
func skipValue(v entryValue) *valueFault {
	if !v.decides() || !strings.EqualFold(v.text, "SKIP") {
		return nil
	}
	f := partFault{"SKIP is an error reply, and refuses, unless FEATURE(`access_db') has the argument `skip'",
		"add `skip' to FEATURE(`access_db', ...) in sendmail.mc, or remove the line and write keys for what is around it"}
	switch {
	case v.cf == nil && !v.ofClient(), v.cf != nil && v.cf.AccessSkip:
		return nil
	case v.cf != nil:
		f.text = "SKIP is an error reply here, and refuses: FEATURE(`access_db') lacks the argument `skip'"
	}
	return &valueFault{partFault: f}
}

func unknownValue(v entryValue) *valueFault {
	isWord := oneWord().MatchString(v.text)
	switch {
	case v.ratesClients() && isWord:
		return &valueFault{partFault: partFault{v.text + " is no number: " + strings.TrimSuffix(v.Written, ":") + " wants one",
			"write a number; 0 is no limit, or no pause"}}
	case !v.decides() || addressValue().MatchString(v.text):
	case v.ofClient(), isWord && !nameValue().MatchString(v.text):
		return &valueFault{likely: likelyValue(v.text), partFault: partFault{
			shown(v.text) + " is no value that Sendmail knows: it is sent as an error reply, and refuses",
			"OK: its mail is accepted; RELAY: it may also relay; REJECT: it is refused; ERROR:5.7.1:550 text: refused with that text"}}
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
