package reply

import (
	"slices"
	"strings"
)

// rule is a text or a code by which a service says what it blames.
type rule struct {
	zone    string   // a service, or a list; empty: that of the names in the reply
	phrases []string // one of them
	and     string   // and this one
	atEnd   bool     // the phrase ends the reply, because Sendmail logs the first line only
	numbers []span   // the phrase goes on with one of these numbers; with any other, the reply blames something else
	blames  Blame    // empty: the address
}

// span is a range of numbers.
type span struct{ from, to int }

// rules come from logs and from the services' own pages. The first that fits counts.
var rules = [...]rule{
	{zone: "proofpoint", phrases: []string{"dnsbl-lookup.cgi", "ipcheck.proofpoint.com", "prs.proofpoint.com"}},
	{zone: "cloudmark", phrases: []string{"csi.cloudmark.com", "cloudmark sender intelligence"}},
	{zone: "mimecast", phrases: []string{"zen.mimecast.org", "csi.mimecast.org"}},
	{zone: "mimecast", phrases: []string{"poor reputation sender"}, and: "mimecast"},
	{zone: "microsoft", phrases: []string{
		"is on our block list", "on our block list (s31", "banned sending ip", "access denied, banned sender[",
		"traffic not accepted from this ip", "delist@messaging.microsoft.com", "delist.messaging.microsoft.com", "server busy. please try again later from",
	}},
	{zone: "microsoft", phrases: []string{"due to ip reputation"}, and: "live.com"},
	{zone: "microsoft", phrases: []string{"weren't sent"}, and: "messages from"},
	{zone: "google", phrases: []string{
		"the ip you're using to send", "notauthorizederror", "unsolicitediperror", "reputation of the sending ip",
		"unusual rate of unsolicited mail originating from your ip",
	}},
	{zone: "google", phrases: []string{"has detected an unusual rate of"}, atEnd: true},
	{zone: "trendmicro", phrases: []string{
		"rejected: ers-", "trend micro rbl", "trend micro email reputation", "mail-abuse.com/cgi-bin/lookup", "ers.trendmicro.com",
	}},
	{zone: "symantec", phrases: []string{"ipremoval.sms.symantec.com", "connection rejected by policy [7."}},
	{zone: "att", phrases: []string{"attrbl", "abuse_rbl@abuse-att.net"}},
	{zone: "att", phrases: []string{"dnsbl:rbl"}, and: "_is_blocked"},
	{zone: "comcast", phrases: []string{"smtp-error-codes.php#bl", "comcast block for spam"}},
	{zone: "t-online", phrases: []string{"rx.t-online.de"}},
	{zone: "t-online", phrases: []string{"a problem occurred. (ask your postmaster"}, and: "(bl)"},
	{zone: "cisco", phrases: []string{"sending mta's poor reputation", "senderbase.org"}},
	{zone: "cisco", phrases: []string{"talosintelligence.com"}, and: "reputation"},
	{phrases: []string{"frequency limited"}, blames: Other},
	{zone: "yahoo", phrases: []string{"[tss", "[ts0", "[ipts0"}, and: "deferred"}, // some mail for a time, or all mail for good
	{zone: "yahoo", phrases: []string{"[bl21]", "[bl23]"}},
	{zone: "qq", phrases: []string{"suspected spam ip", "suspected bounce attacks"}},
	{zone: "aol", phrases: []string{"(rtr:bb", "(rtr:bl", "(rtr:du", "(rtr:sc", "(con:b1"}}, // "rtr:rd" is reverse DNS
	{zone: "sfr", phrases: []string{"gu_eib_0"}},
	{zone: "orange", phrases: []string{"ofr006_10"}},
	{zone: "orange", phrases: []string{"_102", "_103", "_510"}, and: "ofr0"},
	{zone: "laposte", phrases: []string{"_101", "_102", "_103", "_510"}, and: "lpn"},
	{zone: "free", phrases: []string{"too many spams from your ip"}},
	// Spectrum's and Charter's codes, as its page of e-mail error codes explains them: the others are of accounts and messages.
	{zone: "charter", phrases: []string{"aup#in-", "aup#i-"}, numbers: charterAddress},
	{zone: "charter", phrases: []string{" e1"}, and: "charter.net", numbers: charterAddress},
	{zone: "cox", phrases: []string{"cxbl", "cdrbl", "error code: ipbl", "aup#ipbl"}},
	{phrases: []string{"aup#cx"}, blames: Other},
	{zone: "netease", phrases: []string{"hl:rep", "hl:mep", "hl:ihu", "hl:ipb", "dt:rbl", "wm:bli"}},
	{zone: "gmx", phrases: []string{"&c=poli", "?c=poli"}},
	{zone: "apple", phrases: []string{"[hcm2]"}},
	{phrases: []string{
		"intrusion prevention active for", "new or untrusted ip", "because bad ip", "bad sender ip", "policy restrictions (ip based)",
	}},
}

var charterAddress = []span{{1000, 1000}, {1200, 1210}, {1220, 1250}}

// rule gives the rule for a reply; nil: there is none.
func (t *text) rule() *rule {
	if t.found < firstRule {
		return nil
	}
	for i := range rules {
		r := &rules[i]
		if !t.has(firstRule<<i) || !strings.Contains(t.string, r.and) || r.atEnd && !strings.HasSuffix(t.string, r.phrases[0]) {
			continue
		}
		if r.numbers != nil && !r.hasNumber(t.string) {
			return &rule{blames: Other}
		}
		return r
	}
	return nil
}

// hasNumber reports whether one of the phrases goes on with one of the numbers.
func (r *rule) hasNumber(text string) bool {
	for _, phrase := range r.phrases {
		start := strings.TrimRight(phrase, "0123456789") // digits of the phrase are of the number
		for rest, found := text, true; found; {
			if _, rest, found = strings.Cut(rest, start); !found || !strings.HasPrefix(rest, phrase[len(start):]) {
				continue
			}
			number := 0
			for i := 0; i < len(rest) && rest[i] >= '0' && rest[i] <= '9' && number < 1e6; i++ {
				number = number*10 + int(rest[i]-'0')
			}
			if slices.ContainsFunc(r.numbers, func(s span) bool { return number >= s.from && number <= s.to }) {
				return true
			}
		}
	}
	return false
}
