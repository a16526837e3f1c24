package maillog

import (
	"strings"
	"sync"
)

// list is a DNS list, or a private list of a service, with its names in logs.
type list struct {
	// zone is the Zone of events: a DNS zone, or a name without a dot for a private service.
	zone string
	// domains are the domains of the operator. A name below one is a zone of its own, unless it looks like a web page; a page
	// or the domain itself means zone.
	domains   []string
	words     []string // names of the list in texts without a domain
	single    bool     // the operator has no other zone: every name below the domains means zone
	welcome   bool     // it lists good senders
	ofDomains bool     // it lists domain names and not addresses
	refusal   string   // the answer by which it refuses to answer, as a pattern of path.Match; empty: 127.255.255.x alone
}

// group is the group of the words; 0: a reply that names the list names no blocklist.
func (l *list) group() group {
	switch {
	case l.welcome:
		return 0
	case Private(l.zone):
		return serviceName
	}
	return listName
}

// zoneFor gives the zone for a name that is one of the domains or below it.
func (l *list) zoneFor(name string) string {
	if Private(l.zone) || l.single {
		return l.zone
	}
	for _, d := range l.domains {
		if name == d {
			return l.zone
		}
	}
	switch first, _, _ := strings.Cut(name, "."); first {
	case "www", "www2", "check", "query", "lookup", "support", "portal", "my", "bbl", "app", "docs", "wiki", "help", "removal", "ipadmin", "ipcheck", "search", "admin", "blocklist", "postmaster", "mail":
		return l.zone
	}
	if _, top, _ := strings.Cut(l.zone, "."); !strings.HasSuffix(name, top[strings.LastIndexByte(top, '.')+1:]) {
		return l.zone // a page, because the zone is in another top-level domain
	}
	return hideKeys(name)
}

// lists are tried in this order. Dead lists stay in it, because old logs name them and servers still ask them (docs/facts.md
// 18). The zones are those that the operators publish.
var lists = [...]list{
	{zone: "dbl.spamhaus.org", words: []string{"spamhaus dbl"}, ofDomains: true, refusal: "127.0.1.255"},
	{zone: "dbl.dq.spamhaus.net", ofDomains: true},
	{zone: "zrd.dq.spamhaus.net", ofDomains: true, refusal: "127.0.2.255"},
	{zone: "zen.dq.spamhaus.net", domains: []string{"dq.spamhaus.net", "spamhaus.net"}},
	{zone: "zen.spamhaus.org", domains: []string{"spamhaus.org", "spamhaus.com"}, words: []string{"spamhaus", "spamhause"}},
	{zone: "bl.spamcop.net", domains: []string{"spamcop.net", "spamcop.com"}, words: []string{"spamcop"}, single: true},
	{zone: "b.barracudacentral.org", domains: []string{"barracudacentral.org", "barracudacentral.com", "barracudanetworks.com"}, words: []string{"barracuda", "barracudacentral"}, single: true},
	{zone: "dnsbl-1.uceprotect.net", domains: []string{"uceprotect.net"}, words: []string{"uceprotect", "uceprotect-level1"}},
	{zone: "dnsbl-2.uceprotect.net", words: []string{"uceprotect-level2"}},
	{zone: "dnsbl-3.uceprotect.net", words: []string{"uceprotect-level3"}},
	{zone: "psbl.surriel.com", domains: []string{"surriel.com", "psbl.org"}, words: []string{"psbl"}},
	{zone: "bl.mailspike.net", domains: []string{"mailspike.net", "mailspike.org", "mailspike.com"}, words: []string{"mailspike"}},
	{zone: "combined.mail.abusix.zone", domains: []string{"mail.abusix.zone", "abusix.zone", "abusix.com", "abusix.ai", "abusix.org"}, words: []string{"abusix"}},
	{zone: "ivmsip.invaluement.com", domains: []string{"invaluement.com"}, words: []string{"invaluement", "ivmsip"}},
	{zone: "all.spamrats.com", domains: []string{"spamrats.com"}, words: []string{"spamrats"}},
	{zone: "bl.score.senderscore.com", domains: []string{"senderscore.com", "senderscore.org", "senderscore.net", "returnpath.net", "returnpath.com"}, words: []string{"senderscore", "sender score", "returnpath"}},
	{zone: "hostkarma.junkemailfilter.com", domains: []string{"junkemailfilter.com"}, words: []string{"hostkarma", "junkemailfilter"}},
	{zone: "bl.spameatingmonkey.net", domains: []string{"spameatingmonkey.net", "spameatingmonkey.com"}, words: []string{"spameatingmonkey", "spam eating monkey"}},
	{zone: "truncate.gbudb.net", domains: []string{"gbudb.net", "gbudb.com"}, words: []string{"gbudb"}},
	{zone: "ips.backscatterer.org", domains: []string{"backscatterer.org"}, words: []string{"backscatterer"}},
	{zone: "bl.blocklist.de", domains: []string{"blocklist.de"}},
	{zone: "all.s5h.net", domains: []string{"s5h.net"}},
	{zone: "bl.0spam.org", domains: []string{"0spam.org", "0spam.fusionzero.com"}},
	{zone: "bl.nordspam.com", domains: []string{"nordspam.com"}},
	{zone: "dnsbl.dronebl.org", domains: []string{"dronebl.org"}, words: []string{"dronebl"}},
	{zone: "rbl.efnetrbl.org", domains: []string{"efnetrbl.org", "efnet.org"}},
	{zone: "rbl.interserver.net", domains: []string{"rbl.interserver.net", "sigs.interserver.net"}},
	{zone: "spam.spamrats.com", domains: []string{"spam.spamrats.com"}},
	{zone: "spam.dnsbl.anonmails.de", domains: []string{"anonmails.de"}},
	{zone: "ubl.unsubscore.com", domains: []string{"unsubscore.com", "lashback.com"}, words: []string{"lashback"}},
	{zone: "korea.services.net", domains: []string{"korea.services.net"}},
	{zone: "bl.suomispam.net", domains: []string{"suomispam.net"}},
	{zone: "dnsrbl.swinog.ch", domains: []string{"swinog.ch", "antispam.imp.ch"}},
	{zone: "bl.drmx.org", domains: []string{"drmx.org"}},
	{zone: "bad.psky.me", domains: []string{"psky.me"}},
	{zone: "cblless.anti-spam.org.cn", domains: []string{"anti-spam.org.cn"}},
	{zone: "multi.surbl.org", domains: []string{"surbl.org"}, words: []string{"surbl"}, ofDomains: true, refusal: "127.0.0.1"},
	{zone: "multi.uribl.com", domains: []string{"uribl.com"}, words: []string{"uribl"}, ofDomains: true, refusal: "127.0.0.1"},

	{zone: "dnsbl.sorbs.net", domains: []string{"sorbs.net"}, words: []string{"sorbs"}},
	{zone: "ix.dnsbl.manitu.net", domains: []string{"manitu.net", "nixspam.org"}, words: []string{"manitu", "nixspam", "nix spam", "ix-dnsbl"}},
	{zone: "cbl.abuseat.org", domains: []string{"abuseat.org"}, words: []string{"abuseat", "cbl", "composite blocking list"}},
	{zone: "dnsbl.njabl.org", domains: []string{"njabl.org"}, words: []string{"njabl"}},
	{zone: "dnsbl.ahbl.org", domains: []string{"ahbl.org"}, words: []string{"ahbl"}},
	{zone: "list.dsbl.org", domains: []string{"dsbl.org"}, words: []string{"dsbl"}},
	{zone: "relays.ordb.org", domains: []string{"ordb.org"}, words: []string{"ordb"}},
	{zone: "ipwhois.rfc-ignorant.org", domains: []string{"rfc-ignorant.org"}, words: []string{"rfc-ignorant"}},
	{zone: "dnsbl.wpbl.info", domains: []string{"wpbl.info"}, words: []string{"wpbl"}},
	{zone: "virbl.bit.nl", domains: []string{"virbl.bit.nl", "virbl.dnsbl.bit.nl"}, words: []string{"virbl"}},
	{zone: "dnsbl.cyberlogic.net", domains: []string{"dnsbl.cyberlogic.net"}},
	{zone: "opm.blitzed.org", domains: []string{"blitzed.org"}, words: []string{"blitzed"}},
	{zone: "relays.osirusoft.com", domains: []string{"osirusoft.com"}, words: []string{"osirusoft"}},
	{zone: "orbs.dorkslayers.com", domains: []string{"dorkslayers.com"}},
	{zone: "relays.visi.com", domains: []string{"relays.visi.com"}},
	{zone: "bl.csma.biz", domains: []string{"csma.biz"}},
	{zone: "blackholes.mail-abuse.org", domains: []string{"mail-abuse.org"}},
	{zone: "rbl.maps.vix.com", domains: []string{"maps.vix.com"}},
	{zone: "blackholes.easynet.nl", domains: []string{"easynet.nl", "wirehub.net"}},
	{zone: "spews.org", domains: []string{"spews.org"}, words: []string{"spews"}},
	{zone: "blackholes.five-ten-sg.com", domains: []string{"five-ten-sg.com"}},
	{zone: "orbz.gst-group.co.uk", domains: []string{"gst-group.co.uk", "orbz.org"}},
	{zone: "dnsbl.inps.de", domains: []string{"inps.de"}},

	{zone: "list.dnswl.org", domains: []string{"dnswl.org"}, words: []string{"dnswl"}, welcome: true, refusal: "127.0.*.255"},
	{zone: "wl.mailspike.net", domains: []string{"wl.mailspike.net"}, welcome: true},
	{zone: "swl.spamhaus.org", domains: []string{"swl.spamhaus.org"}, welcome: true},
	{zone: "iadb.isipp.com", domains: []string{"isipp.com"}, welcome: true},
	{zone: "query.bondedsender.org", domains: []string{"bondedsender.org"}, welcome: true},
	{zone: "wl.nordspam.com", domains: []string{"wl.nordspam.com"}, welcome: true},
	{zone: "sa-accredit.habeas.com", domains: []string{"habeas.com"}, welcome: true},

	{zone: "proofpoint", domains: []string{"proofpoint.com", "pphosted.com"}, words: []string{"proofpoint"}},
	{zone: "mimecast", domains: []string{"mimecast.org", "mimecast.com"}, words: []string{"mimecast"}},
	{zone: "cloudmark", domains: []string{"cloudmark.com"}, words: []string{"cloudmark"}},
	{zone: "microsoft", domains: []string{"outlook.com", "microsoft.com", "office.com", "live.com", "msn.com", "hotmail.com"}, words: []string{"microsoft", "hotmail", "fblw15"}},
	{zone: "google", domains: []string{"google.com", "gmail.com"}, words: []string{"gsmtp"}},
	{zone: "trendmicro", domains: []string{"trendmicro.com", "mail-abuse.com"}, words: []string{"trend micro", "trendmicro"}},
	{zone: "symantec", domains: []string{"symantec.com", "messagelabs.com", "symanteccloud.com", "broadcom.com"}, words: []string{"symantec", "messagelabs"}},
	{zone: "sophos", domains: []string{"sophos.com", "sophosxl.net"}, words: []string{"sophos"}},
	{zone: "att", domains: []string{"abuse-att.net", "att.net", "att.com", "prodigy.net"}, words: []string{"attrbl"}},
	{zone: "comcast", domains: []string{"comcast.net", "comcast.com"}, words: []string{"comcast"}},
	{zone: "t-online", domains: []string{"t-online.de"}},
	{zone: "cisco", domains: []string{"senderbase.org", "talosintelligence.com", "iphmx.com", "ironport.com", "cisco.com"}, words: []string{"senderbase", "ironport"}},
	{zone: "yahoo", domains: []string{"yahoo.com", "yahooinc.com", "yahoodns.net"}},
	{zone: "aol", domains: []string{"aol.com"}},
	{zone: "orange", domains: []string{"orange.fr"}},
	{zone: "free", domains: []string{"free.fr"}},
	{zone: "sfr", domains: []string{"sfr.fr"}},
	{zone: "earthlink", domains: []string{"earthlink.net"}, words: []string{"earthlink"}},
	{zone: "mailru", domains: []string{"mail.ru"}},
	{zone: "qq", domains: []string{"qq.com"}},
	{zone: "netease", domains: []string{"163.com", "126.com", "netease.com"}},
	{zone: "charter", domains: []string{"charter.net", "spectrum.net", "rr.com"}},
	{zone: "cox", domains: []string{"cox.net", "cox.com"}},
	{zone: "ionos", domains: []string{"1and1.com", "kundenserver.de", "ionos.com"}, words: []string{"kundenserver.de"}},
	{zone: "gmx", domains: []string{"gmx.net", "gmx.com", "web.de"}},
	{zone: "kpn", domains: []string{"kpn.com", "kpnmail.nl"}},
	{zone: "fortinet", domains: []string{"fortiguard.com", "fortinet.com", "fortiguard.net"}, words: []string{"fortiguard", "fortinet"}},
	{zone: "apple", domains: []string{"apple.com", "icloud.com"}},
	{zone: "mailchannels", domains: []string{"mailchannels.net", "mailchannels.com"}, words: []string{"mailchannels"}},
	{zone: "hornetsecurity", domains: []string{"hornetsecurity.com", "antispameurope.com"}, words: []string{"hornetsecurity"}},
	{zone: "vadesecure", domains: []string{"vadesecure.com", "vade-retro.com"}, words: []string{"vade secure"}},
}

// byDomain gives the list of each domain and zone.
var byDomain = sync.OnceValue(func() map[string]*list {
	domains := map[string]*list{}
	for i := range lists {
		l := &lists[i]
		for _, d := range l.domains {
			domains[d] = l
		}
		if !Private(l.zone) {
			domains[l.zone] = l
		}
	}
	return domains
})

// listOf finds the list of a domain name, by the longest domain that the name ends in; nil: there is none.
func listOf(name string) *list {
	domains := byDomain()
	for name != "" {
		if l := domains[name]; l != nil {
			return l
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return nil
}

// zoneOf gives the zone or the service of a domain name; empty: no list has the name, or it is a welcome list.
func zoneOf(name string) string {
	l := listOf(name)
	if l == nil || l.welcome {
		return ""
	}
	return l.zoneFor(name)
}

// Private reports whether the Zone of an event is a private service, which nobody can ask over DNS.
func Private(zone string) bool { return zone != "" && !strings.Contains(zone, ".") }
