package dnsbl

// reputation holds the lists that also recommend addresses, or only score them.
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
	bl := named(mailspike, "bl.mailspike.net", block, true)
	bl.domains, bl.words = []string{"mailspike.net", "mailspike.org", "mailspike.com"}, []string{"mailspike"}
	return append([]list{
		bl,
		named(mailspike, "rep.mailspike.net", block, false),
		named(mailspike, "wl.mailspike.net", welcome, false),
		{name: "score.senderscore.com", operator: "Validity", kind: score,
			answers: []answer{{from: "127.0.4.0", to: "127.0.4.100", sense: neutral, means: "a reputation score of SCORE out of 100, which is not a listing"}},
			lookup:  "https://senderscore.org/", terms: "registration, and a limit without one"},
		{name: "list.dnswl.org", operator: "DNSWL.org", kind: welcome, domains: []string{"dnswl.org"}, words: []string{"dnswl"},
			answers: []answer{
				{from: "127.0.0.255", to: "127.0.255.255", sense: refusal, means: "answered 127.0.x.255, not a statement: DNSWL.org does not answer this resolver, or it is over its limit"},
				{from: "127.0.10.0", to: "127.0.10.254", sense: doubtful, means: "answered 127.0.10.x, not a statement: DNSWL.org gives this answer for every address to resolvers over its limit"},
				{from: "127.0.0.0", to: "127.0.255.0", sense: good, means: "on this welcome list, trust: none"},
				{from: "127.0.0.1", to: "127.0.255.1", sense: good, means: "on this welcome list, trust: low"},
				{from: "127.0.0.2", to: "127.0.255.2", sense: good, means: "on this welcome list, trust: medium"},
				{from: "127.0.0.3", to: "127.0.255.3", sense: good, means: "on this welcome list, trust: high"},
			},
			lookup: "https://www.dnswl.org/s/?s=ADDRESS", terms: "free for non-commercial use, up to 100,000 queries a day"},
	}, recommending()...)
}

// recommending holds welcome lists whose codes no source explains. A name with a label such as "wl" or "whitelist" is one
// without an entry here.
func recommending() (all []list) {
	for _, l := range []list{
		{name: "swl.spamhaus.org", operator: "Spamhaus"}, {name: "dwl.spamhaus.org", operator: "Spamhaus", kind: names},
		{name: "wl.nordspam.com"}, {name: "whitelist.surriel.com", operator: "PSBL"},
		{name: "ips.whitelisted.org", domains: []string{"whitelisted.org"}, below: true},
		{name: "iadb.isipp.com", domains: []string{"isipp.com"}, below: true},
		{name: "query.bondedsender.org", domains: []string{"bondedsender.org"}, below: true},
		{name: "sa-accredit.habeas.com", domains: []string{"habeas.com"}, below: true},
		{name: "nobl.junkemailfilter.com", operator: "Junk Email Filter"},
		{name: "trusted.nether.net"}, {name: "wl.trusted-forwarder.org"}, {name: "resl.emailreg.org"},
		{name: "eswlrev.dnsbl.rediris.es"}, {name: "mtawlrev.dnsbl.rediris.es"},
	} {
		if l.kind == block {
			l.kind = welcome
		}
		all = append(all, l)
	}
	return all
}
