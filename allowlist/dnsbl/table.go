package dnsbl

// table holds all zones that the package knows (docs/facts.md 17 and 18). Most meanings are those that the operators
// publish. A code whose meaning no source confirms has none here, and reports show the code itself. A dead zone stays in
// the table, because it stays in configurations, and its name may come to answer with listings for everything.
func table() []list {
	return append(append(spamhaus(), living()...), dead()...)
}

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
	all := []list{{name: "zen.spamhaus.org", dqs: "zen", standard: true, filter: ofZen}, {name: "sbl.spamhaus.org", dqs: "sbl", filter: ofZen},
		{name: "xbl.spamhaus.org", dqs: "xbl", filter: ofZen}, {name: "pbl.spamhaus.org", dqs: "pbl", filter: ofZen},
		{name: "sbl-xbl.spamhaus.org", filter: ofZen}, {name: "authbl.dq.spamhaus.net", dqs: "authbl", filter: "127.0.0.20"},
		{name: "dbl.spamhaus.org", dqs: "dbl", kind: names, filter: "127.0.1.[2..99]"},
		{name: "zrd.dq.spamhaus.net", dqs: "zrd", kind: names, filter: "127.0.2.[2..24]"}}
	for i := range all {
		all[i].operator, all[i].lookup, all[i].terms = operator, lookup, terms
		all[i].answers = zen
	}
	return all
}

func living() []list {
	return append([]list{
		{name: "bl.spamcop.net", operator: "SpamCop (Cisco)", standard: true,
			answers: []answer{{from: "127.0.0.2", means: "reported for spam; the listing ends when the reports stop"}},
			lookup:  "https://www.spamcop.net/w3m?action=checkblock&ip=ADDRESS", terms: "free"},
		{name: "b.barracudacentral.org", operator: "Barracuda Networks",
			answers: []answer{{from: "127.0.0.2", means: "BRBL: a source of spam"}},
			lookup:  "https://www.barracudacentral.org/rbl/removal-request/ADDRESS",
			terms:   "free once the addresses of your resolvers are registered at barracudacentral.org; it does not answer others"},
		{name: "psbl.surriel.com", operator: "PSBL", standard: true,
			answers: []answer{{from: "127.0.0.2", means: "sent mail to a spam trap"}},
			lookup:  "https://psbl.org/listing?ip=ADDRESS", terms: "free"},
		uceprotect("dnsbl-1.uceprotect.net", listing, "level 1: the address itself was seen sending spam"),
		uceprotect("dnsbl-2.uceprotect.net", policy, "level 2, policy: neighbours in its allocation sent spam, not the address itself"),
		uceprotect("dnsbl-3.uceprotect.net", policy, "level 3, policy: hosts of its whole provider (ASN) sent spam, not the address itself"),
		{name: "hostkarma.junkemailfilter.com", operator: "Junk Email Filter",
			answers: []answer{
				{from: "127.0.0.1", sense: good, means: "on its white list"},
				{from: "127.0.0.2", means: "black: a source of spam"},
				{from: "127.0.0.3", sense: neutral, means: "yellow: sends spam and other mail, not listed"},
				{from: "127.0.0.5", sense: neutral, means: "not to be listed"},
			},
			lookup: "https://ipadmin.junkemailfilter.com/remove.php?ip=ADDRESS", terms: "free for moderate use"},
		{name: "spamrats.com", below: true, operator: "SpamRATS", // no source says which list has which code
			lookup: "https://www.spamrats.com/lookup.php?ip=ADDRESS", terms: "free for moderate use"},
		{name: "bl.score.senderscore.com", operator: "Validity", bits: []bit{}, filter: "127.0.[0..255].[0..255]", // no source explains the bits
			answers: []answer{{from: "127.255.255.255", sense: refusal,
				means: "answered 127.255.255.255, not a listing: this resolver is not registered with Validity, or over its limit"}},
			lookup: "https://senderscore.org/", terms: "registration, and a limit without one"},
		{name: "multi.surbl.org", operator: "SURBL", bits: []bit{{1, refusal, "answered bit 1, not a listing: SURBL does not answer this resolver"}},
			lookup: "https://surbl.org/surbl-analysis", terms: "free for small sites, and not through public resolvers"},
		{name: "multi.uribl.com", operator: "URIBL", bits: []bit{{1, refusal, "answered bit 1, not a listing: URIBL does not answer this resolver"}},
			lookup: "https://lookup.uribl.com/", terms: "free for low volume, and not through public resolvers"},
		{name: "combined." + abusixDomain, operator: "Abusix",
			answers: []answer{
				{from: "127.0.0.2", to: "127.0.0.3", means: "black: a source of spam"},
				{from: "127.0.0.200", means: "black: a source of spam"},
				{from: "127.0.0.4", means: "exploit: an infected or hijacked host"},
				{from: "127.0.0.11", to: "127.0.0.12", sense: policy, means: "policy, no evidence of spam: not an address that is to send mail by itself"},
				{from: "127.0.2.0", to: "127.0.2.255", sense: good, means: "on its white list"},
			},
			lookup: "https://lookup.abusix.com/search?q=ADDRESS", terms: "with a key, free for low volume: written in front of the zone, and not shown"},
	}, reputation()...)
}

func uceprotect(name string, s sense, means string) list {
	return list{name: name, operator: "UCEPROTECT", standard: s == listing,
		answers: []answer{{from: "127.0.0.2", sense: s, means: means}},
		lookup:  "https://www.uceprotect.net/en/rblcheck.php?ipr=ADDRESS", terms: "free"}
}

// reputation holds the lists that also recommend addresses.
func reputation() []list {
	scores := []answer{
		{from: "127.0.0.2", means: "a source of spam"},
		{from: "127.0.0.10", means: "worst reputation"},
		{from: "127.0.0.11", means: "very bad reputation"},
		{from: "127.0.0.12", means: "bad reputation"},
		{from: "127.0.0.13", to: "127.0.0.16", sense: neutral, means: "neutral reputation, not listed"},
		{from: "127.0.0.17", sense: good, means: "possibly a legitimate sender"},
		{from: "127.0.0.18", sense: good, means: "good reputation"},
		{from: "127.0.0.19", sense: good, means: "very good reputation"},
		{from: "127.0.0.20", sense: good, means: "excellent reputation"},
	}
	mailspike := list{operator: "Mailspike", answers: scores, lookup: "https://mailspike.io/ip_verify", terms: "free for moderate use"}
	named := func(l list, name string, k kind, standard bool) list {
		l.name, l.kind, l.standard = name, k, standard
		return l
	}
	return []list{
		named(mailspike, "bl.mailspike.net", block, true),
		named(mailspike, "rep.mailspike.net", block, false),
		named(mailspike, "wl.mailspike.net", welcome, false),
		{name: "list.dnswl.org", operator: "DNSWL.org", kind: welcome,
			answers: []answer{
				{from: "127.0.0.255", to: "127.0.255.255", sense: refusal, means: "answered 127.0.x.255, not a statement: DNSWL.org does not answer this resolver, or it is over its limit"},
				{from: "127.0.10.0", to: "127.0.10.254", sense: doubtful, means: "answered 127.0.10.x, not a statement: DNSWL.org gives this answer for every address to resolvers over its limit"},
				{from: "127.0.0.0", to: "127.0.255.0", sense: good, means: "on this welcome list, trust: none"},
				{from: "127.0.0.1", to: "127.0.255.1", sense: good, means: "on this welcome list, trust: low"},
				{from: "127.0.0.2", to: "127.0.255.2", sense: good, means: "on this welcome list, trust: medium"},
				{from: "127.0.0.3", to: "127.0.255.3", sense: good, means: "on this welcome list, trust: high"},
			},
			lookup: "https://www.dnswl.org/s/?s=ADDRESS", terms: "free for non-commercial use, up to 100,000 queries a day"},
	}
}

func dead() []list {
	var all []list
	for _, d := range []struct{ name, since string }{
		{"dnsbl.sorbs.net", "SORBS was shut down on 5 June 2024"},
		{"ix.dnsbl.manitu.net", "NiX Spam was shut down in January 2025"},
		{"wpbl.info", "WPBL was shut down"},
		{"virbl.bit.nl", "Virbl was shut down"},
		{"virbl.dnsbl.bit.nl", "Virbl was shut down"},
		{"dnsbl.cyberlogic.net", "it was shut down"},
		{"njabl.org", "NJABL was shut down in March 2013"},
		{"ahbl.org", "AHBL was shut down in January 2015, and answered with listings for everything"},
		{"cbl.abuseat.org", "the CBL is part of Spamhaus XBL now: zen.spamhaus.org has it"},
		{"dsbl.org", "DSBL was shut down in 2008"},
		{"ordb.org", "ORDB was shut down in December 2006, and answered with listings for everything"},
		{"rfc-ignorant.org", "RFC-Ignorant was shut down in 2012"},
		{"opm.blitzed.org", "OPM was shut down in 2006"},
		{"osirusoft.com", "it was shut down in 2003, and answered with listings for everything"},
		{"orbs.dorkslayers.com", "it was shut down"},
		{"relays.visi.com", "it was shut down"},
		{"bl.csma.biz", "it was shut down"},
		{"mail-abuse.org", "MAPS became Trend Micro's, for customers alone"},
		{"maps.vix.com", "MAPS became Trend Micro's, for customers alone"},
		{"blackholes.easynet.nl", "it was shut down in 2003"},
		{"spews.org", "SPEWS was shut down in 2006"},
		{"blackholes.five-ten-sg.com", "it was shut down"},
		{"orbz.gst-group.co.uk", "ORBZ was shut down in 2002"},
		{"dnsbl.inps.de", "it was shut down"},
	} {
		all = append(all, list{name: d.name, below: true, dead: d.since})
	}
	return all
}
