package access

import (
	"regexp"
	"slices"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/pattern"
)

// entryValue is the value of an entry with its key.
type entryValue struct {
	key.Key
	onAddress bool         // the key means an address, even if it does not match
	text      string       // without blanks around it
	cf        *sendmail.CF // that reads the entry; nil: not known
}

// valueFault says why a value does not do what its writer meant.
type valueFault struct {
	rule.Fault
	value   string // the meant value; empty: not certain
	comment string // the comment after the value, from its # on
	likely  string // the probable value, if value is empty; empty: not known
}

var (
	// commented matches a value with a comment after it. It matches no reply text, which may hold #, // and ;.
	commented       = pattern.New(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|FRIEND|HATER|VERIFY|ENCR:\d+)\s*((?:#|//|;).*)$`)
	numberCommented = pattern.New(`^(\d+)\s*((?:#|//|;).*)$`)

	// addressValue matches the values that check_relay and check_rcpt know (cf/README; they ignore case, tried): five words,
	// a reply that begins with its code, with quotes or without, and ERROR: or QUARANTINE: with a text.
	addressValue = pattern.New(`(?i)^(OK|RELAY|REJECT|DISCARD|SKIP|"?[45]\d\d([^0-9].*)?|ERROR:.+|QUARANTINE:.+)$`)
	usualValues  = [...]string{"OK", "RELAY", "REJECT"}
	// nameValue matches the other words that the rulesets know, under keys that are no address.
	nameValue = pattern.New(`(?i)^(FRIEND|HATER|OKR|TEMP|PERM|SUBJECT)$`)
	// quoted matches a whole value in quotes. Around the text of a reply they are right.
	quoted  = pattern.New(`(?i)^"(OK|RELAY|REJECT|DISCARD|ERROR:[^"]+|QUARANTINE:[^"]+)"$`)
	oneWord = pattern.New(`^[A-Za-z]+$`)
	// likelyValues maps values that begin like a right one, or are the word of another program for it.
	likelyValues = [...]struct {
		value string
		form  func() *regexp.Regexp
	}{
		{"OK", pattern.New(`(?i)^["']?(OK|PERMIT|PERMITTED|ALLOW|ALLOWED|ACCEPT|ACCEPTED|PASS|WHITELIST|WHITELISTED|ALLOWLIST|YES|TRUE)\b`)},
		{"RELAY", pattern.New(`(?i)^["']?RELAY\b`)},
		{"REJECT", pattern.New(`(?i)^["']?(REJECT|REJECTED|DENY|DENIED|BLOCK|BLOCKED|DROP|BLACKLIST|BLACKLISTED|DENYLIST|REFUSE|NO|FALSE)\b`)},
	}
)

// ratesClients reports whether the tag needs a number as its value.
func (v entryValue) ratesClients() bool {
	return v.Tag == "clientrate" || v.Tag == "clientconn" || v.Tag == "greetpause"
}

// decides reports whether the value accepts or refuses mail.
func (v entryValue) decides() bool {
	return v.Tag == "" || v.Tag == "connect" || v.Tag == "from" || v.Tag == "to"
}

// ofClient reports whether check_relay uses the value for the address of a client.
func (v entryValue) ofClient() bool { return v.onAddress && v.ForClients() }

func valueComment(v entryValue) *valueFault {
	form := commented
	if v.ratesClients() {
		form = numberCommented
	} else if !v.decides() && !slices.Contains([]string{"spam", "tls_srv", "tls_clt", "tls_rcpt"}, v.Tag) {
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
	text := "an access map has no comments after a value: this is an error reply, and refuses"
	if number().MatchString(match[1]) || !v.ForClients() {
		text = "an access map has no comments after a value: the comment is part of it"
	}
	return &valueFault{Fault: rule.Fault{Text: text}, value: match[1], comment: comment}
}

// skipValue finds SKIP, unless access_db is known to have the argument `skip' (docs/facts.md 4).
func skipValue(v entryValue) *valueFault {
	if !v.decides() || !strings.EqualFold(v.text, "SKIP") {
		return nil
	}
	f := rule.Fault{Text: "SKIP is an error reply, and refuses, unless FEATURE(`access_db') has the argument `skip'",
		Advice: "add `skip' to FEATURE(`access_db', ...) in sendmail.mc, or remove the line and write keys for the addresses around it"}
	switch {
	case v.cf == nil && !v.ofClient(), v.cf != nil && v.cf.AccessSkip:
		return nil
	case v.cf != nil:
		f.Text = "SKIP is an error reply here, and refuses: FEATURE(`access_db') lacks the argument `skip'"
	}
	return &valueFault{Fault: f}
}

func unknownValue(v entryValue) *valueFault {
	if v.decides() && slices.ContainsFunc(usualValues[:], func(usual string) bool { return strings.EqualFold(v.text, usual) }) {
		return nil // most files have no others, and no expression has to be compiled for them
	}
	isWord := oneWord().MatchString(v.text)
	switch {
	case v.decides() && quoted().MatchString(v.text):
		return &valueFault{value: v.text[1 : len(v.text)-1], Fault: rule.Fault{Text: rule.Shown(v.text) + ": with quotes around all of it Sendmail knows no value: it is sent as an error reply"}}
	case v.ratesClients() && isWord:
		return &valueFault{Fault: rule.Fault{Text: v.text + " is no number: " + strings.TrimSuffix(v.Written, ":") + " needs one",
			Advice: "write a number; 0 is no limit, or no pause"}}
	case !v.decides() || addressValue().MatchString(v.text):
	case !isWord && v.Tag == "" && (v.Address == "ok" || v.Address == "relay" || v.Address == "reject" || v.Address == "discard"): // a host may have such a name
		return &valueFault{Fault: rule.Fault{Text: "the key and the value are in each other's place", Advice: "write\n" + v.text + "\t" + strings.ToUpper(v.Address)}}
	case v.ofClient(), isWord && !nameValue().MatchString(v.text):
		return &valueFault{likely: likelyValue(v.text), Fault: rule.Fault{
			Text:   rule.Shown(v.text) + " is no value that Sendmail knows: it is sent as an error reply, and refuses",
			Advice: "OK: its mail is accepted; RELAY: it may also relay; REJECT: it is refused; ERROR:5.7.1:550 text: refused with that text"}}
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
