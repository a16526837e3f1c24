package dnsbl

import (
	"slices"
	"sync"
)

// table holds all zones that the package knows (docs/facts.md 17 and 18), with their names in logs. Most meanings are those
// that the operators publish. A code whose meaning no source confirms has none here, and reports show the code itself. A dead
// zone stays in the table, because it stays in configurations, and its name may come to answer with listings for everything.
var table = sync.OnceValue(func() []list {
	all := slices.Concat(spamhaus(), living(), others(), reputation(), dead())
	for _, l := range all {
		for i := range l.answers {
			l.answers[i].parse()
		}
	}
	return all
})

func spamhaus() []list {
	zen := []answer{
		{from: "127.0.0.2", means: "SBL: a source of spam, or a network that serves spammers"},
		{from: "127.0.0.3", means: "SBL CSS: sends mail as spammers do"},
		{from: "127.0.0.4", to: "127.0.0.7", means: "XBL: an infected or hijacked host, or an open proxy"},
		{from: "127.0.0.9", means: "SBL DROP: a network that belongs to criminals as a whole"},
		{from: "127.0.0.10", sense: policy, means: "PBL, policy, no evidence of spam: its provider says that the address is not to send mail by itself"},
		{from: "127.0.0.11", sense: policy, means: "PBL, policy, no evidence of spam: Spamhaus takes the address for end-user or dynamic space"},
		{from: "127.255.255.252", sense: refusal, means: "answered 127.255.255.252, not a listing: the name of the list is mistyped"},
		{from: "127.255.255.254", sense: refusal, means: "answered 127.255.255.254, not a listing: Spamhaus does not answer public resolvers; ask through one of your own (--resolver), or with a key (key_file)"},
		{from: "127.255.255.255", sense: refusal, means: "answered 127.255.255.255, not a listing: too many queries come from this resolver"},
	}
	const (
		operator = "Spamhaus"
		lookup   = "https://www.spamhaus.org/query/ip/ADDRESS"
		terms    = "free for low-volume, non-commercial use, and not through public resolvers; otherwise with a key (key_file)"
	)
	const ofZen = "127.0.0.[2..11]"
	all := []list{{name: "zen.spamhaus.org", dqs: "zen", standard: true, filter: ofZen,
		domains: []string{"spamhaus.org", "spamhaus.com"}, words: []string{"spamhaus", "spamhause"}},
		{name: "zen.dq.spamhaus.net", filter: ofZen, domains: []string{"dq.spamhaus.net", "spamhaus.net"}},
		{name: "sbl.spamhaus.org", dqs: "sbl", filter: ofZen},
		{name: "xbl.spamhaus.org", dqs: "xbl", filter: ofZen}, {name: "pbl.spamhaus.org", dqs: "pbl", filter: ofZen},
		{name: "sbl-xbl.spamhaus.org", filter: ofZen}, {name: "authbl.dq.spamhaus.net", dqs: "authbl", filter: "127.0.0.20"},
		{name: "dbl.spamhaus.org", dqs: "dbl", kind: names, filter: "127.0.1.[2..99]", words: []string{"spamhaus dbl"}},
		{name: "zrd.dq.spamhaus.net", dqs: "zrd", kind: names, filter: "127.0.2.[2..24]"}}
	for i := range all {
		all[i].operator, all[i].lookup, all[i].terms = operator, lookup, terms
		all[i].answers = zen
		if code := map[string]string{"dbl.spamhaus.org": "127.0.1.255", "zrd.dq.spamhaus.net": "127.0.2.255"}[all[i].name]; code != "" {
			all[i].answers = append([]answer{{from: code, sense: refusal, means: "answered " + code + ", an error: the list is asked for names and not for addresses"}}, zen...)
		}
	}
	return all
}

func living() []list {
	return []list{
		{name: "bl.spamcop.net", operator: "SpamCop (Cisco)", standard: true,
			domains: []string{"spamcop.net", "spamcop.com"}, words: []string{"spamcop"}, single: true,
			answers: []answer{{from: "127.0.0.2", means: "reported for spam; the listing ends when the reports stop"}},
			lookup:  "https://www.spamcop.net/w3m?action=checkblock&ip=ADDRESS", terms: "free"},
		{name: "b.barracudacentral.org", operator: "Barracuda Networks",
			domains: []string{"barracudacentral.org", "barracudacentral.com", "barracudanetworks.com"}, words: []string{"barracuda reputation", "barracuda rbl", "brbl", "barracudacentral"}, single: true,
			answers: []answer{{from: "127.0.0.2", means: "BRBL: a source of spam"}},
			lookup:  "https://www.barracudacentral.org/rbl/removal-request/ADDRESS",
			terms:   "free once the addresses of your resolvers are registered at barracudacentral.org; it does not answer others"},
		{name: "psbl.surriel.com", operator: "PSBL", standard: true, domains: []string{"surriel.com", "psbl.org"}, words: []string{"psbl"},
			answers: []answer{{from: "127.0.0.2", means: "sent mail to a spam trap"}},
			lookup:  "https://psbl.org/listing?ip=ADDRESS", terms: "free"},
		uceprotect("1", listing, "level 1: the address itself was seen sending spam"),
		uceprotect("2", policy, "level 2, policy: neighbours in its allocation sent spam, not the address itself"),
		uceprotect("3", policy, "level 3, policy: hosts of its whole provider (ASN) sent spam, not the address itself"),
		{name: "hostkarma.junkemailfilter.com", operator: "Junk Email Filter", domains: []string{"junkemailfilter.com"}, words: []string{"hostkarma", "junkemailfilter"},
			answers: []answer{
				{from: "127.0.0.1", sense: good, means: "on its white list"},
				{from: "127.0.0.2", means: "black: a source of spam"},
				{from: "127.0.0.3", sense: neutral, means: "yellow: sends spam and other mail, not listed"},
				{from: "127.0.0.5", sense: neutral, means: "not to be listed"},
			},
			lookup: "https://ipadmin.junkemailfilter.com/remove.php?ip=ADDRESS", terms: "free for moderate use"},
		{name: "all.spamrats.com", below: true, domains: []string{"spamrats.com"}, words: []string{"spamrats"}, operator: "SpamRATS", // no source says which list has which code
			lookup: "https://www.spamrats.com/lookup.php?ip=ADDRESS", terms: "free for moderate use"},
		{name: "bl.score.senderscore.com", operator: "Validity",
			domains: []string{"senderscore.com", "senderscore.org", "senderscore.net", "returnpath.net", "returnpath.com"}, words: []string{"senderscore", "sender score", "returnpath"}, bits: []bit{}, filter: "127.0.[0..255].[0..255]", // no source explains the bits
			answers: []answer{{from: "127.255.255.255", sense: refusal,
				means: "answered 127.255.255.255, not a listing: this resolver is not registered with Validity, or over its limit"}},
			lookup: "https://senderscore.org/", terms: "registration, and a limit without one"},
		{name: "multi.surbl.org", ofNames: true, operator: "SURBL", domains: []string{"surbl.org"}, words: []string{"surbl"}, bits: []bit{{1, refusal, "answered bit 1, not a listing: SURBL does not answer this resolver"}},
			lookup: "https://surbl.org/surbl-analysis", terms: "free for small sites, and not through public resolvers"},
		{name: "multi.uribl.com", ofNames: true, operator: "URIBL", domains: []string{"uribl.com"}, words: []string{"uribl"}, bits: []bit{{1, refusal, "answered bit 1, not a listing: URIBL does not answer this resolver"}},
			lookup: "https://lookup.uribl.com/", terms: "free for low volume, and not through public resolvers"},
		{name: "combined." + abusixDomain, operator: "Abusix",
			domains: []string{abusixDomain, "abusix.zone", "abusix.com", "abusix.ai", "abusix.org"}, words: []string{"abusix"},
			answers: []answer{
				{from: "127.0.0.2", to: "127.0.0.3", means: "black: a source of spam"},
				{from: "127.0.0.200", means: "black: a source of spam"},
				{from: "127.0.0.4", means: "exploit: an infected or hijacked host"},
				{from: "127.0.0.11", to: "127.0.0.12", sense: policy, means: "policy, no evidence of spam: not an address that is to send mail by itself"},
				{from: "127.0.2.0", to: "127.0.2.255", sense: good, means: "on its white list"},
			},
			lookup: "https://lookup.abusix.com/search?q=ADDRESS", terms: "with a key, free for low volume: written in front of the zone, and not shown"},
	}
}

func uceprotect(level string, s sense, means string) list {
	l := list{name: "dnsbl-" + level + ".uceprotect.net", operator: "UCEPROTECT", standard: s == listing, words: []string{"uceprotect-level" + level},
		answers: []answer{{from: "127.0.0.2", sense: s, means: means}},
		lookup:  "https://www.uceprotect.net/en/rblcheck.php?ipr=ADDRESS", terms: "free"}
	if level == "1" {
		l.domains, l.words = []string{"uceprotect.net"}, append(l.words, "uceprotect")
	}
	return l
}

// others holds lists of which the package knows the names alone.
func others() []list {
	return []list{
		{name: "ivmsip.invaluement.com", domains: []string{"invaluement.com"}, words: []string{"invaluement", "ivmsip"}},
		{name: "bl.spameatingmonkey.net", domains: []string{"spameatingmonkey.net", "spameatingmonkey.com"}, words: []string{"spameatingmonkey", "spam eating monkey"}},
		{name: "truncate.gbudb.net", domains: []string{"gbudb.net", "gbudb.com"}, words: []string{"gbudb"}},
		{name: "ips.backscatterer.org", domains: []string{"backscatterer.org"}, words: []string{"backscatterer"}},
		{name: "bl.blocklist.de", domains: []string{"blocklist.de"}},
		{name: "all.s5h.net", domains: []string{"s5h.net"}},
		{name: "bl.0spam.org", domains: []string{"0spam.org", "0spam.fusionzero.com"}},
		{name: "bl.nordspam.com", domains: []string{"nordspam.com"}},
		{name: "dnsbl.dronebl.org", domains: []string{"dronebl.org"}, words: []string{"dronebl"}},
		{name: "rbl.efnetrbl.org", domains: []string{"efnetrbl.org", "efnet.org"}},
		{name: "rbl.interserver.net", domains: []string{"sigs.interserver.net"}},
		{name: "ubl.unsubscore.com", domains: []string{"unsubscore.com", "lashback.com"}, words: []string{"lashback"}},
		{name: "korea.services.net"},
		{name: "bl.suomispam.net", domains: []string{"suomispam.net"}},
		{name: "dnsrbl.swinog.ch", domains: []string{"swinog.ch", "antispam.imp.ch"}},
		{name: "bl.drmx.org", domains: []string{"drmx.org"}},
		{name: "bad.psky.me", domains: []string{"psky.me"}},
	}
}
