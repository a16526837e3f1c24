package main

import (
	"fmt"
	"strings"
	"testing"

	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// TestFaults makes the network fail in every known way. The update does not touch the installed files, it reports the source
// and the cause, and the other sources are fresh.
func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		quick = "attempts = 1\ntimeout = \"1m\""
		hasty = "attempts = 1\ntimeout = \"3s\""
		stays = `source "provider" is stale: its last good ranges stay, of 20`
	)
	policy := func(name, text string) string { return name + ` TXT "` + text + `"` }
	broken := func(name, why string) []string {
		return []string{stays, `the SPF policy of mail.test cannot be listed: `, strings.TrimPrefix(strings.TrimPrefix(name, "mail.test"), ": "), why}
	}
	eachOf(t, []trouble{
		{name: "SERVFAIL", fault: fixtures.ServFail, at: "mail.test TXT", dns: quick, says: broken("mail.test", "TXT mail.test: SERVFAIL from DNS")},
		{name: "SERVFAIL of an include", fault: fixtures.ServFail, at: "_a.mail.test", dns: quick,
			says: broken("mail.test: include:_a.mail.test", "TXT _a.mail.test: SERVFAIL from DNS")},
		{name: "SERVFAIL of an address", fault: fixtures.ServFail, at: "out.mail.test A", dns: quick,
			says: broken("mail.test: a:out.mail.test", "A out.mail.test: SERVFAIL from DNS")},
		{name: "SERVFAIL of an IPv6 address", fault: fixtures.ServFail, at: "out.mail.test AAAA", dns: quick,
			says: broken("mail.test: a:out.mail.test", "AAAA out.mail.test: SERVFAIL from DNS")},
		{name: "SERVFAIL of MX", fault: fixtures.ServFail, at: "mail.test MX", dns: quick, says: broken("mail.test: mx:mail.test", "MX mail.test: SERVFAIL from DNS")},
		{name: "SERVFAIL of an exchange", fault: fixtures.ServFail, at: "in.mail.test", dns: quick,
			says: broken("mail.test: mx:mail.test", "A in.mail.test: SERVFAIL from DNS")},
		{name: "REFUSED", fault: fixtures.Refused, at: "mail.test", dns: quick, says: broken("mail.test", "TXT mail.test: REFUSED from DNS")},
		{name: "time-out", fault: fixtures.Drop, at: "mail.test", dns: hasty, says: broken("mail.test", "TXT mail.test: no answer in 3s from DNS")},
		{name: "time-out of an include", fault: fixtures.Drop, at: "_a.mail.test", dns: hasty,
			says: broken("mail.test: include:_a.mail.test", "TXT _a.mail.test: no answer in 3s from DNS")},
		{name: "lame", fault: fixtures.Lame, at: "_a.mail.test", dns: quick, says: broken("mail.test: include:_a.mail.test", "a referral, not an answer from DNS")},
		{name: "garbage", fault: fixtures.Garbage, at: "mail.test", dns: quick, says: broken("mail.test", "a malformed answer from DNS")},
		{name: "another id", fault: fixtures.WrongID | fixtures.Drop, at: "mail.test", dns: hasty,
			says: broken("mail.test", "no answer in 3s, 1 that did not fit the question from DNS")},
		{name: "another question", fault: fixtures.WrongQuestion | fixtures.Drop, at: "mail.test", dns: hasty,
			says: broken("mail.test", "no answer in 3s, 1 that did not fit the question from DNS")},
		{name: "from elsewhere", fault: fixtures.OtherPort | fixtures.Drop, at: "mail.test", dns: hasty, says: broken("mail.test", "no answer in 3s from DNS")},
		{name: "forgeries before the answer", fault: fixtures.WrongID | fixtures.WrongQuestion | fixtures.OtherPort, at: "mail.test"},
		{name: "no EDNS", fault: fixtures.NoEDNS, at: "mail.test"},
		{name: "cut, and whole over TCP", fault: fixtures.Truncated | fixtures.OnlyUDP, at: "mail.test"},
		{name: "cut over TCP too", fault: fixtures.Truncated, at: "mail.test", dns: quick, says: broken("mail.test", "an answer truncated over TCP from DNS")},
		{name: "validated", fault: fixtures.Validated, dns: "require_ad = true"},
		{name: "NXDOMAIN", fault: fixtures.NXDomain, at: "mail.test", dns: quick, says: broken("mail.test", "mail.test has no v=spf1 record, so there is nothing to list")},
		{name: "NXDOMAIN of an include", fault: fixtures.NXDomain, at: "_a.mail.test", dns: quick,
			says: broken("mail.test: include:_a.mail.test", "_a.mail.test has no v=spf1 record: ")},
		{name: "no data", zone: "x.mail.test A 192.0.2.1", says: broken("mail.test", "mail.test has no v=spf1 record, so there is nothing to list")},
		{name: "a CNAME loop", zone: "mail.test CNAME b.test\nb.test CNAME mail.test", dns: quick, says: broken("mail.test", "CNAME loop at ")},
		{name: "a syntax error", zone: policy("mail.test", "v=spf1 ip4:74.125.4.0/33 -all"), says: broken("mail.test: ip4:74.125.4.0/33", "0 to 32")},
		{name: "two records", zone: policy("mail.test", "v=spf1 ip4:74.125.4.0/23 -all") + "\n" + policy("mail.test", "v=spf1 -all"), says: broken("mail.test", "records")},
		{name: "a loop", zone: policy("mail.test", "v=spf1 ip4:74.125.4.0/23 include:mail.test -all"), says: broken("mail.test: include:mail.test", "mail.test leads back to itself")},
		{name: "a resolver that dies", dns: "resolvers = [\"DYING\"]\n" + hasty, says: broken("mail.test: include:_a.mail.test", "TXT _a.mail.test: ")},
		{name: "held by the guard", zone: policy("mail.test", "v=spf1 ip4:74.125.4.0/25 -all"), status: guard.Held,
			says: []string{`source "provider" is held: its last good ranges stay, of 20`, `IPv4: 386 of 514 addresses of the last good state are gone (76%), more than max_shrink = 30%`}},
	}, func(t *testing.T, row trouble) {
		row.source = "provider"
		if row.says == nil {
			row.status = guard.Fresh
		} else if row.status == "" {
			row.status = guard.Stale
		}
		newNetwork(t).hits(row)
	})
}

// TestNoResolver has no resolver that answers, or none that knows anything. Where none answers, that is one line, and the
// sources that it leaves stale are another.
func TestNoResolver(t *testing.T) {
	t.Parallel()
	const silence = "2 sources are stale: their last good ranges stay: no resolver answers: provider, partner\n"
	eachOf(t, []trouble{
		{name: "nobody there", dns: `resolvers = ["NOBODY"]`, says: []string{"the resolver 127.0.0.1:", "/c.toml:", ") does not answer: connection refused", silence}},
		{name: "two, and nobody there", dns: `resolvers = ["NOBODY", "tls://NOBODY"]`, says: []string{"the resolver 127.0.0.1:", ") does not answer: connection refused", "the resolver tls://127.0.0.1:", silence}},
		{name: "silence", fault: fixtures.Drop, dns: "attempts = 1\ntimeout = \"3s\"", says: []string{"the resolver DNS (", ") does not answer: no answer in 3s", silence}},
		{name: "silence until the deadline", fault: fixtures.Drop, dns: `deadline = "3s"`, says: []string{"the resolver DNS (", ") does not answer: no answer in ", silence}},
		{name: "one that knows nothing", fault: fixtures.NXDomain, says: []string{`source "provider" is stale`, "mail.test has no v=spf1 record", `source "partner" is stale`}},
		{name: "cut, and TCP is closed", dns: `resolvers = ["NOTCP"]`, says: []string{") does not answer: TCP: connection refused", silence}},
		{name: "a certificate nobody knows", dns: `resolvers = ["tls://BADTLS"]`,
			says: []string{"the resolver tls://127.0.0.1:", ") does not answer: tls: failed to verify certificate: x509: certificate signed by unknown authority: put its certificate right", silence}},
		{name: "no TLS there", dns: "resolvers = [\"tls://DNS\"]\nattempts = 1\ntimeout = \"3s\"", says: []string{"the resolver tls://DNS (", ") does not answer: ", silence}},
		{name: "nothing validated", dns: "require_ad = true", says: []string{`source "provider" is stale`, "TXT mail.test: an answer not validated by DNSSEC (no AD flag) from DNS", `source "partner" is stale`}},
	}, func(t *testing.T, row trouble) {
		row.source, row.status = "provider partner", guard.Stale
		newNetwork(t).hits(row)
	})
}

// TestWebFaults makes a document fail in every known way, except for those of TestHostileDocuments.
func TestWebFaults(t *testing.T) {
	t.Parallel()
	const (
		quick   = `deadline = "3s"` // ends a page without an end, and is time for the other sources
		retries = `deadline = "1m"` // is time for every try: within less the last one may be cut off
		unsaved = "17.41.0.0/16\n"
	)
	to := func(place string) fixtures.Page {
		return fixtures.Page{Status: 302, Header: map[string]string{"Location": place}}
	}
	eachOf(t, []trouble{
		{name: "500", page: fixtures.Page{Status: 500}, dns: retries, says: []string{"500 Internal Server Error"}},
		{name: "404", page: fixtures.Page{Status: 404}, says: []string{"404 Not Found"}},
		{name: "silent", page: fixtures.Page{Fault: fixtures.Silent}, dns: quick, says: []string{"not done within deadline = 3s"}},
		{name: "stalled", page: fixtures.Page{Fault: fixtures.Stalled, Body: unsaved}, dns: quick, says: []string{"not done within deadline = 3s"}},
		{name: "aborted", page: fixtures.Page{Fault: fixtures.Aborted}, dns: retries, says: []string{"EOF"}},
		{name: "cut short", page: fixtures.Page{Fault: fixtures.CutShort, Body: unsaved}, dns: retries, says: []string{"after 13 bytes: unexpected EOF"}},
		{name: "no gzip", page: fixtures.Page{Fault: fixtures.BrokenGzip, Body: unsaved}, dns: retries, says: []string{"gzip: invalid header"}},
		{name: "no HTTP", page: fixtures.Page{Fault: fixtures.NotHTTP}, dns: retries, says: []string{"malformed HTTP status code"}},
		{name: "endless header", page: fixtures.Page{Fault: fixtures.EndlessHead}, dns: retries, says: []string{"headers exceeded 262144 bytes"}},
		{name: "no text", page: fixtures.Page{Body: "%PDF-1.7\x00 17.41.0.0/16"}, says: []string{"it is not text"}},
		{name: "a page to log in at", page: fixtures.Page{Body: "<!DOCTYPE html><title>Log in</title>"}, status: guard.Held, says: []string{"not one address is left in it"}},
		{name: "half of the list", page: fixtures.Page{Body: "17.58.1.0/24\n"}, status: guard.Held, says: []string{"IPv4: 65,536 of 65,792 addresses of the last good state are gone (100%)"}},
		{name: "redirects in a circle", page: to("WEB/list"), says: []string{"more than 5 redirects, the last to WEB/list"}},
		{name: "redirect to another host in clear", page: to("http://0.0.0.0:1/list"), says: []string{"http is for loopback alone"}},
	}, func(t *testing.T, row trouble) {
		row.source = "web"
		if row.status == "" {
			row.status = guard.Stale
			row.says = append([]string{"WEB/list: "}, row.says...)
		}
		row.says = append([]string{fmt.Sprintf(`source "web" is %s: its last good ranges stay, of 20`, row.status)}, row.says...)
		newNetwork(t).hits(row)
	})
}

// TestSecureFaults has the faults that TLS is to find, on a system that trusts the server.
func TestSecureFaults(t *testing.T) {
	t.Parallel()
	secure := func(t *testing.T) *network {
		n := blankNetwork(t)
		n.list = "SECURE/list"
		n.env = []string{"SSL_CERT_FILE=" + trusted(t, n.tls)}
		return n.begin()
	}
	for _, row := range []trouble{
		{name: "DNS over TLS", dns: `resolvers = ["tls://BADTLS"]`, status: guard.Fresh}, // the system trusts it
		{name: "a resolver of another name", dns: `resolvers = ["tls://NAMEDTLS"]`, source: "provider partner",
			says: []string{"does not answer: tls: failed to verify certificate: x509: certificate is valid for example.com, "}},
		{name: "to a lower scheme", page: fixtures.Page{Status: 302, Header: map[string]string{"Location": "WEB/list"}},
			says: []string{`source "web" is stale`, `SECURE/list: redirected from https to WEB/list, which is not followed`}},
	} {
		if row.status == "" {
			row.status = guard.Stale
		}
		if row.source == "" {
			row.source = "web"
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			secure(t).hits(row)
		})
	}
	t.Run("a certificate nobody knows", func(t *testing.T) {
		t.Parallel()
		n := secure(t)
		n.env = []string{"SSL_CERT_FILE=/dev/null", "SSL_CERT_DIR=/nowhere"}
		if _, said := n.update(exit.Stale); !strings.Contains(said, n.placesSaid(`: SECURE/list: tls: failed to verify certificate: x509: `)) {
			t.Error(said)
		}
		n.unmoved("while the certificate is not known")
	})
}
