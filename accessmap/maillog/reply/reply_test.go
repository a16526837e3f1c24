package reply

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

var relay = netip.MustParseAddr("198.51.100.7")

// TestStructure writes what is blamed, and what is said of it, with any words around: neither an adverb nor the order of
// statements decides.
func TestStructure(t *testing.T) {
	around := []string{"%", "Sorry, %", "mailbox unavailable. %", "Service unavailable; %", "Requested action not taken: %", "<user@example.net>: Recipient address rejected: %",
		"Relaying denied - %", "Message rejected. %", "%. Please contact postmaster@example.net", "%; check your domain, and your SPF record", "(%) - mx.example.net", "%! See http://www.example.net/policy"}
	adverbs := []string{"", "temporarily ", "currently ", "permanently ", "now ", "again ", "has been ", "was recently "}
	for want, said := range map[Blame][]string{
		Address: {"your IP address 203.0.113.9 is ~blacklisted", "203.0.113.9 is ~blocked", "Client host [203.0.113.9] ~blocked using bl.example", "the sending server is ~on our blocklist",
			"your mail server is ~banned", "connections from your network are ~blocked", "IP 203.0.113.9 has a ~poor reputation", "203.0.113.9 ~listed at zen.spamhaus.org",
			"your IP is ~identified as a spammer", "we ~received too much spam from this IP"},
		Domain: {"your domain example.org is ~blacklisted", "the MailFrom domain is ~listed in Spamhaus", "the sender domain example.org is ~blocked", "Helo command [mail.example.org] ~blocked using dbl.spamhaus.org",
			"the reputation of the sending domain is ~banned"},
		Other: {"the recipient's mailbox is ~disabled", "203.0.113.9 is ~greylisted", "your IP 203.0.113.9 has ~no PTR record", "this message is ~blocked because of its content", "user is ~over quota",
			"203.0.113.9 is ~not listed anywhere"},
	} {
		for _, core := range said {
			for _, frame := range around {
				if want != Address && frame != "%" && frame != "Sorry, %" {
					continue // another statement may give another reason
				}
				for _, adverb := range adverbs {
					text := "550 5.7.1 " + strings.ReplaceAll(strings.Replace(frame, "%", core, 1), "~", adverb)
					if got := Host(text, relay).Blames; got != want {
						t.Errorf("%s: %s, want %s", text, got, want)
					}
				}
			}
		}
	}
}

func TestHost(t *testing.T) {
	for _, test := range []struct{ reply, want string }{
		{"550 Sorry! Your IP address 203.0.113.9 is currently blocked by RBL", "address"},
		{"550 sorry, your remotehost looks suspiciously like spammer", "address"},
		{"550 dynamic/zombied/spam IPs blocked. Write admin@example.com", "address"},
		{"450 4.7.0 not currently accepting mail from your ip: [203.0.113.9]", "address"},
		{"550 5.7.1 Ihre IP-Adresse 203.0.113.9 ist gesperrt", "address"},
		{"550 5.7.1 La direccion IP 203.0.113.9 esta en lista negra", "address"},
		{"550 5.7.1 Votre adresse IP 203.0.113.9 est temporairement bloquée", "address"},
		{"550 5.7.1 Connection denied [AbCd IP: 203.0.113.9]. https://service.mail.qq.com/detail/122/170", "address qq"},
		{"550 5.7.1 local CT IP reputation - (reject) - https://community.mimecast.com/docs/DOC-1369#550", "address mimecast"},
		{"421 4.7.0 Access from ip address 203.0.113.9 temporarily blocked. Visit http://help.mail.ru/notspam-support/", "address mailru"},
		{"554 Connection from 203.0.113.9 rejected for policy reasons. Host found in DNS blacklist at dnsbl.sorbs.net", "address dnsbl.sorbs.net"},
		{"550 5.7.1 Client host [203.0.113.9] rejected: listed by UCEPROTECT-Level2", "address dnsbl-2.uceprotect.net"},
		{"553 5.3.0 Open spam relay - see http://www.mail-abuse.org/rss/", "address blackholes.mail-abuse.org"},
		{"550 Mail from open relays not accepted, see http://www.ordb.org/", "address relays.ordb.org"},
		{"553 5.3.0 Spam blocked - see: http://spamcop.net/bl.shtml?203.0.113.9", "address bl.spamcop.net"},
		{"550 5.7.1 Rejected 203.0.113.9 found in http://www.unknown.example", "address"},
		{"550 The sending IP (203.0.113.9) is listed on https://list.example/", "address list.example"},
		{"554-gmx.net (mxgmx104) Nemesis ESMTP Service not available 554-No SMTP service 554-IP address is block listed. 554 See https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=203.0.113.9", "address gmx"},
		{"refused to talk to me: 554 5.7.1 Access denied", "address"},
		{"554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org; Error: open resolver", "other zen.spamhaus.org silent"},

		{"550 5.7.1 Message contains a URL listed by SURBL", "domain multi.surbl.org"},
		{"550 5.7.1 Email rejected: Sender domain found in URIBL", "domain multi.uribl.com"},
		{"421 4.7.28 Gmail has detected an unusual rate of mail originating from your DKIM domain [example.org 36].", "domain"},
		{"553 5.1.8 <a@example.org>... Domain of sender address a@example.org does not exist", "domain"},
		{"550 5.7.1 Message rejected due to SPF failure, IP 203.0.113.9 is not authorized", "domain"},

		{"550 5.1.1 The email account does not exist. Try double-checking the recipient's email address for typos", "other"},
		{"550 relay not permitted for 203.0.113.9", "other"},
		{"550 203.0.113.9 is not permitted to relay through this server", "other"},
		{"554 5.7.1 Unable to relay for user@example.net", "other"},
		{"421 4.7.0 mx.example Error: too many connections from 203.0.113.9", "other"},
		{"554 5.7.1 Your server 203.0.113.9 is not on our whitelist", "other"},
		{"550 5.4.316 Message expired, connection refused", "other"},
		{"554 mx.example ESMTP not accepting connections", "other"},
		{"refused to talk to me: 421 Service refused, please try later", "other"},
		{"refused to talk to me: 450 4.3.2 try again later", "other"},
		{"550-5.7.1 [2001:db8::9 13] Messages with multiple addresses in From: header are not accepted", "other"},
		{"The recipient server did not accept our requests to connect. [mx.example.net 203.0.113.9: timed out]", "other"},
		{"554 5.7.1 Client host [198.51.100.7] blocked using zen.spamhaus.org", "other"},
		{"554 Blocked - see https://ipcheck.proofpoint.com/?ip=198.51.100.7", "other"},
		{"550-Verification failed for <a@example.org> 550-Called: 203.0.113.1 550-Response: 554 5.7.1 Client host [203.0.113.9] blocked using zen.spamhaus.org 550 Sender verify failed", "other"},
		{"552 5.2.0 message rejected, too large. See https://www.spectrum.net/support AUP#In-1530", "other"},
		{"554 charter.net 203.0.113.9 rejected: CSI. AUP#In-1205", "address charter"},
		{"554 charter.net 203.0.113.9 rejected. AUP#In-1211", "other"},
		{"554 charter.net connection refused from [203.0.113.9] E1220", "address charter"},
		{"554 coxmail.com cox 203.0.113.9 rejected - no rDNS. AUP#CXDNS", "other"},
		{"550 5.1.0 <a@example.org> sender rejected. AUP#CDRBL", "address cox"},
	} {
		j := Host(test.reply, relay)
		got := strings.TrimSpace(string(j.Blames) + " " + j.Zone)
		if j.Silent {
			got += " silent"
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.reply, got, test.want)
		}
	}
}

func TestClient(t *testing.T) {
	for _, test := range []struct{ reply, want string }{
		{": 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", "address zen.spamhaus.org listed"},
		{": 554 5.7.1 Service unavailable; Client host [mail.example.org] blocked using rhsbl.example.org", "domain rhsbl.example.org listed"},
		{": 554 5.7.1 Service unavailable; Sender address [a@example.org] blocked using bl.example", "domain bl.example listed"},
		{": 554 5.7.1 Service unavailable; Helo command [x] blocked using dbl.spamhaus.org", "domain dbl.spamhaus.org listed"},
		{": 554 5.7.1 <x[192.0.2.7]>: Client host rejected: Access denied", "address"},
		{": 450 4.1.8 <a@b>: Sender address rejected: Domain not found", "domain"},
		{": 550 5.7.1 <a@b>: Sender address rejected: Message rejected due to: SPF fail - not authorized", "domain"},
		{": 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.7]", "other"},
		{": 554 5.7.1 <b@c>: Relay access denied", "other"},
		{": 550 5.1.1 <b@c>: Recipient address rejected: User unknown in local recipient table", "other"},
		{": 450 4.1.7 <a@b>: Sender address rejected: unverified address: host mx[203.0.113.5] refused to talk to me: 554 Client host [192.0.2.25] blocked using zen.spamhaus.org", "other"},
		{"554 5.7.1 <b@c>... Rejected 192.0.2.7 found in http://www.unknown.example", "address listed"},
		{"554 5.7.1 Rejected - see http://www.unknown.example/policy", "other"},
	} {
		j := Client(test.reply)
		got := strings.TrimSpace(string(j.Blames) + " " + j.Zone)
		if j.Listed {
			got += " listed"
		}
		if got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.reply, got, test.want)
		}
	}
}

// TestMemory expects of a reply the same judgement at any time, from whichever host, and though others are kept in its place.
func TestMemory(t *testing.T) {
	relays := []netip.Addr{{}, netip.MustParseAddr("192.0.2.25"), netip.MustParseAddr("198.51.100.7")}
	replies := []string{"", strings.Repeat("550 no ", maxKeptLen)}
	for i := range 3 * maxKept {
		replies = append(replies, fmt.Sprintf("550 5.7.1 Service unavailable; client [192.0.2.25] blocked using bl%d.example.net", i))
	}
	for range 2 {
		for _, reply := range replies {
			for _, relay := range relays {
				if got, want := Host(reply, relay), judgeHost(reply, relay); got != want {
					t.Fatalf("%s\nfrom %v: %+v, want %+v", reply, relay, got, want)
				}
			}
			if got, want := Client(reply), judgeClient(reply, netip.Addr{}); got != want {
				t.Fatalf("%s\nto a client: %+v, want %+v", reply, got, want)
			}
		}
	}
}
