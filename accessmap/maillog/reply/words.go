package reply

// class is a set of things that a word speaks of.
type class uint32

// What a statement is about.
const (
	subject    class = 1 << iota // the host that was refused, in words: "your IP", "client host", "a dynamic address"
	ownAddress                   // its address
	theirs                       // the address of the host that refuses
	connecting                   // its connection
	// What it says of that.
	listing // listed, or of bad reputation
	block   // blocked, banned
	refusal // rejected, denied, not accepted
	unready // not accepting, which a server says of itself too
	mail    // it is the message that is blocked or refused
	// What may be the reason instead.
	reverse // reverse DNS
	spf     // SPF, DKIM, DMARC
	greylisted
	rate
	content
	senderDomain // the domain or address of the sender, or the name in HELO
	bareDomain   // a domain of no matter whom
	mailbox      // the recipient
	relaying
	// What a word does to others.
	filler     // it may stand between the words of a phrase, as adverbs in -ly may
	negation   // in phrases it is "not"
	possessive // it comes before a noun for the host that was refused: host, or neighbour if it follows at once
	host
	neighbour
	opens // it may begin a phrase of two words

	verdicts    = listing | block | refusal | unready | spf // without one, nobody is blamed
	softReasons = mailbox | relaying                        // a list that is named counts more
	reasons     = softReasons | reverse | spf | greylisted | rate | content | senderDomain
)

// tableRow is a row of the tables of words.
type tableRow struct {
	class
	text string
}

// singles are words with a class of their own, in several languages, because large services answer in theirs.
var singles = [...]tableRow{
	{subject, "ip ips ipv4 ipv6 ip-address ip-addresses ip-adresse netblock subnet dynamic dialup dial-up dynip"},
	{connecting, "connect"},
	{listing, "blacklist blacklists blacklisted blacklisting black-list black-listed blocklist blocklists blocklisted " +
		"block-list denylist denylisted deny-list blackhole blackholed listed listing rbl rbls dnsbl dnsbls dnsrbl " +
		"dns_rbl reputation spammer spammers spambot untrusted infected compromised botnet gelistet"},
	{block, "blocked banned barred bloque bloquee bloqué bloquée bloqueado bloqueada gesperrt blockiert geblockt geblokkeerd " +
		"bloccato bloccata bloccati zablokowany blokovana заблокирован"},
	{refusal, "rejected reject rejects rejecting refused refuse refuses refusing denied deny denies forbidden prohibited " +
		"disallowed unwelcome abgelehnt verweigert refusee refusé refusée rejete rejeté rechazado rechazada rejeitado " +
		"rejeitada rifiutato rifiutata geweigerd odrzucony"},
	{reverse, "ptr rdns reverse fcrdns fqdn forward-confirmed"},
	{spf, "spf dkim dmarc openspf spf-check unauthenticated"},
	{greylisted, "greylist greylisted greylisting graylist graylisted graylisting grey-list grey-listed grey-listing postgrey"},
	{rate, "throttled throttling concurrent"},
	{content, "url urls uri uris surbl uribl hyperlink attachment attachments virus viruses"},
	{bareDomain, "domain domains"},
	{senderDomain, "helo ehlo mailfrom dbl"},
	{mailbox, "user mailbox mailboxes recipient recipients rcpt account addressee receiver quota overquota destinataire " +
		"empfanger empfänger destinatario"},
	{relaying, "relaying relayed"},
	{filler, "the a an is are was were be been being has have had will by now again also already still any some all of this that these " +
		"too very so we do does did it its wurde ist est"},
	{negation, "no never cannot can't don't doesn't won't isn't aren't wasn't weren't cant nicht"},
	{possessive, "your sending connecting client originating source ihr ihre votre su"},
	{host, "server servers host hosts mailserver mailservers mail-server remotehost network isp gateway mta smtp"},
	{neighbour, "address access system"},
}

// pairs are phrases of two words, with nothing but fillers between them. "not" stands for every negation.
var pairs = [...]tableRow{
	{subject, "client host, client address, host network, remote host"},
	{listing, "black list, black listed, block list, block listed, block lists, deny list, liste noire, lista nera, lista " +
		"negra, schwarzen liste, zwarte lijst, spam source, spam sources, much spam, many spam, many spams, sending spam, " +
		"sends spam, sent spam, spam from, unusual rate, intrusion prevention, unwanted messages, unwanted mail, unwanted " +
		"email, bad ip, spam database, spam trap, spam traps, open relay, open relays, open proxy, spam relay"},
	{refusal, "not accept, not accepted, not allow, not allowed, not permitted, not authorized, not authorised, not welcome, " +
		"not trusted, not sent, not exist, not found"},
	{unready, "not accepting"},
	{mail, "message blocked, message rejected, message refused, message denied, messages rejected, mail rejected, mail " +
		"refused, mail blocked, mail denied, service refused, service refuse, service denied, email rejected, email " +
		"blocked, email refused, e-mail rejected, e-mail blocked, message banned"},
	{reverse, "your hostname, valid hostname, name lookup, not resolve, reverse dns, inverse dns, host name"},
	{spf, "policy framework, sender id"},
	{greylisted, "grey list, grey listed"},
	{rate, "rate limit, rate limited, rate limiting, frequency limited, many connections, connection rate, many concurrent, " +
		"slow down, trop connexions"},
	{content, "message content, mail content, content rejected, spam content, contains link, links within, content filter, " +
		"banned content, from header"},
	{senderDomain, "your domain, sender domain, sending domain, from domain, domain listed, domain blacklisted, domain blocked, " +
		"domain banned, domain present, domain reputation, domain sender, envelope domain, header domain, email domain, " +
		"unregistered domains, sender address, from address, return path, your email, your e-mail, envelope sender"},
	{mailbox, "not such, over quota"},
	{relaying, "relay access, relay denied, relay not, not relay, to relay, relay mail, relay for"},
}

// lookupPages are parts of the URLs of pages about one address.
var lookupPages = []string{"/query/ip/", "query/bl?ip=", "?ip=", "&ip=", "/lookup", "/query/sbl", "/sbl/query", "bl.shtml", "/removal", "/returnc/", "w3m?action=checkblock"}
