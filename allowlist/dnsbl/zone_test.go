package dnsbl_test

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

const secret = "abcdefghijklmnopqrstuvwx42"

// The names of RFC 5782 sections 2.1, 2.4 and 5.
func TestReverse(t *testing.T) {
	for _, row := range []struct{ addr, want string }{
		{"192.0.2.99", "99.2.0.192"},
		{"127.0.0.2", "2.0.0.127"},
		{"2001:db8:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"},
		{"::FFFF:7F00:2", "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"},
		{"::FFFF:7F00:1", "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"},
	} {
		if got := dnsbl.Reverse(netip.MustParseAddr(row.addr)); got != row.want {
			t.Errorf("%s: %s, want %s", row.addr, got, row.want)
		}
	}
}

func TestParseZone(t *testing.T) {
	long := strings.Repeat("x.", 95) + "example"
	for _, row := range []struct{ written, key, asked, shown, err string }{
		{"bl.example", "", "bl.example", "bl.example", ""},
		{"BL.Example.", secret, "bl.example", "BL.Example.", ""},
		{"zen.spamhaus.org", "", "zen.spamhaus.org", "zen.spamhaus.org", ""},
		{"Zen.Spamhaus.org", secret, secret + ".zen.dq.spamhaus.net", "Zen.Spamhaus.org", ""},
		{"sbl.spamhaus.org", secret, secret + ".sbl.dq.spamhaus.net", "sbl.spamhaus.org", ""},
		{"xbl.spamhaus.org", secret, secret + ".xbl.dq.spamhaus.net", "xbl.spamhaus.org", ""},
		{"pbl.spamhaus.org", secret, secret + ".pbl.dq.spamhaus.net", "pbl.spamhaus.org", ""},
		{"sbl-xbl.spamhaus.org", secret, "sbl-xbl.spamhaus.org", "sbl-xbl.spamhaus.org", ""},
		{"bl.spamcop.net", secret, "bl.spamcop.net", "bl.spamcop.net", ""},
		{"zen.dq.spamhaus.net", secret, secret + ".zen.dq.spamhaus.net", "zen.dq.spamhaus.net", ""},
		{"authbl.dq.spamhaus.net", secret, secret + ".authbl.dq.spamhaus.net", "authbl.dq.spamhaus.net", ""},
		{secret + ".Zen.dq.spamhaus.net", "", secret + ".zen.dq.spamhaus.net", "Zen.dq.spamhaus.net", ""},
		{secret + ".combined.mail.abusix.zone", "", secret + ".combined.mail.abusix.zone", "combined.mail.abusix.zone", ""},
		{"combined.mail.abusix.zone", "", "combined.mail.abusix.zone", "combined.mail.abusix.zone", ""},

		{"zen.dq.spamhaus.net", "", "", "", `zone "zen.dq.spamhaus.net" needs a key: write the key into a file and set key_file to its path`},
		{secret + "!.zen.dq.spamhaus.net", "", "", "", `zone "KEY.zen.dq.spamhaus.net": not a name: only letters, digits, hyphens and dots are allowed`},
		{"", "", "", "", `zone "": not a name: a label has 1 to 63 octets`},
		{"bl..example", "", "", "", `zone "bl..example": not a name: a label has 1 to 63 octets`},
		{"https://bl.example/", "", "", "", `zone "https://bl.example/": not a name: only letters, digits, hyphens and dots are allowed`},
		{"bücher.example", "", "", "", `zone "b\xc3\xbccher.example": not a name: for letters other than a to z use its xn-- form`},
		{"bl.example\x1b[31m", "", "", "", `zone "bl.example\x1b[31m": not a name: only letters, digits, hyphens and dots are allowed`},
		{"192.0.2.1", "", "", "", `zone "192.0.2.1": neither an address nor a name`},
		{long, "", "", "", `zone "` + long + `": longer than 189 octets`},
	} {
		z, err := dnsbl.ParseZone(row.written, row.key)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != row.err {
			t.Errorf("%q: error %q, want %q", row.written, text, row.err)
		}
		if err != nil {
			continue
		}
		s := fixtures.DNS(t, "x TXT x")
		dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, s, dnsq.Config{})}, []netip.Addr{netip.MustParseAddr("192.0.2.1")}, []dnsbl.Zone{z})
		if z.Written != row.shown || s.Asked()["udp A 1.2.0.192."+row.asked] != 1 {
			t.Errorf("%q: %q asked %v, want %q asked at %q", row.written, z.Written, s.Asked(), row.shown, row.asked)
		}
	}
}

func TestParseKey(t *testing.T) {
	for _, row := range []struct{ text, want, err string }{
		{secret, secret, ""},
		{secret + "\n", secret, ""},
		{" " + secret + "\r\n\n", secret, ""},
		{"", "", "there is no key in it"},
		{"\n \n", "", "there is no key in it"},
		{secret + "\n" + secret, "", "more than one line: write only the key into it"},
		{"k", "", "a key has between 6 and 63 characters, and this has 1"},
		{strings.Repeat("k", 64), "", "a key has between 6 and 63 characters, and this has 64"},
		{secret + ".zen", "", "a key has only letters, digits and hyphens"},
		{secret + "\x00", "", "a key has only letters, digits and hyphens"},
	} {
		got, err := dnsbl.ParseKey([]byte(row.text))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != row.want || text != row.err {
			t.Errorf("%q: %q, %q, want %q, %q", row.text, got, text, row.want, row.err)
		}
	}
}

// No part of a Result holds the key of its zone, or a piece of it: not the resolver's errors, which name the question, not
// the aliases, even if they are cut in the middle of the key, and not the list's reasons.
func TestKeyIsNeverShown(t *testing.T) {
	const asked = secret + ".zen.dq.spamhaus.net"
	loud := strings.ToUpper(secret)
	var text strings.Builder
	text.WriteString(healthy(asked))
	var addrs []netip.Addr
	faults := map[string]fixtures.Fault{}
	for i, fault := range []fixtures.Fault{fixtures.ServFail, fixtures.Refused, fixtures.Lame, fixtures.Garbage, fixtures.Truncated} {
		addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		faults[dnsbl.Reverse(addrs[i])+"."+asked] = fault
	}
	// An escape is one octet in a message and four in an error: after 50 of them, errors are cut in the key.
	for n := range 60 {
		address := netip.AddrFrom4([4]byte{198, 51, 100, byte(n)})
		addrs = append(addrs, address)
		alias := strings.Repeat(`\007`, 50) + strings.Repeat("x", n%10) + "." + strings.Repeat("y", n/10+1) + strings.Repeat("z", 20) + "." +
			[]string{secret, loud}[n%2] + ".example"
		owner := dnsbl.Reverse(address) + "." + asked
		switch n % 3 {
		case 0: // to a name without an answer
			text.WriteString(owner + " CNAME " + alias + "\n" + alias + " TXT x\n")
			faults[alias] = fixtures.ServFail
		case 1:
			text.WriteString(owner + " CNAME " + alias + "\n" + alias + " CNAME a.example\n" + alias + " CNAME b.example\n")
		case 2:
			text.WriteString(owner + " CNAME " + alias + "\n" + alias + " CNAME " + owner + "\n")
		}
	}
	listed := netip.MustParseAddr("203.0.113.1")
	addrs = append(addrs, listed)
	owner := dnsbl.Reverse(listed) + "." + asked
	text.WriteString(owner + " A 127.0.0.2\n" + owner + ` TXT "` + strings.Repeat("t", 220) + `" "` + strings.Repeat("t", 60) + loud + secret + "\"\n")
	s := fixtures.DNS(t, text.String())
	for name, fault := range faults {
		s.Fault(name, "A", fault)
	}
	keyed := zone(t, "zen.spamhaus.org", secret)
	masked := 0
	for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, s, dnsq.Config{})}, addrs, []dnsbl.Zone{keyed}) {
		if res.State == dnsbl.Clean {
			t.Errorf("%s is clean", res.Address)
		}
		shown := strings.ToLower(strings.Join(append(res.Text, res.Meaning, res.URL, res.Zone.Written), "\n"))
		for n := 3; n <= len(secret); n++ { // any three letters of it in a row
			if piece := secret[n-3 : n]; strings.Contains(shown, piece) {
				t.Fatalf("%s: %q of the key is in %q", res.Address, piece, shown)
			}
		}
		masked += strings.Count(shown, "key")
	}
	if masked < 40 { // in the errors that name the aliases
		t.Errorf("the key was hidden %d times: the texts are not the ones that this test needs", masked)
	}
}

func TestTakesKey(t *testing.T) {
	for written, want := range map[string]bool{
		"zen.spamhaus.org": true, "ZEN.spamhaus.org.": true, "zen.dq.spamhaus.net": true, "new.dq.spamhaus.net": true,
		"sbl-xbl.spamhaus.org": false, "bl.spamcop.net": false, secret + ".zen.dq.spamhaus.net": false, "": false,
	} {
		if got := dnsbl.TakesKey(written); got != want {
			t.Errorf("%q: %v", written, got)
		}
	}
}

// Every well-known zone has an operator and terms.
func TestTable(t *testing.T) {
	if got := strings.Join(dnsbl.StandardZones(), " "); got != "zen.spamhaus.org bl.spamcop.net psbl.surriel.com dnsbl-1.uceprotect.net bl.mailspike.net" {
		t.Error("standard zones:", got)
	}
	for _, name := range append(dnsbl.StandardZones(), "b.barracudacentral.org", "multi.uribl.com", "list.dnswl.org", "all.spamrats.com") {
		z := zone(t, name, "")
		if z.Operator() == "" || z.Terms() == "" {
			t.Errorf("%s: %q, %q", name, z.Operator(), z.Terms())
		}
	}
}

func TestFilter(t *testing.T) {
	for zone, want := range map[string]string{
		"zen.spamhaus.org": "127.0.0.[2..11]", "ZEN.spamhaus.org.": "127.0.0.[2..11]", "abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net": "127.0.0.[2..11]",
		"dbl.spamhaus.org": "127.0.1.[2..99]", "bl.spamcop.net": "", "unknown.example": "",
	} {
		if got := dnsbl.Filter(zone); got != want {
			t.Errorf("%s: %q, want %q", zone, got, want)
		}
	}
	if dnsbl.Dead("DUL.dnsbl.sorbs.net.") == "" || dnsbl.Dead("zen.spamhaus.org") != "" {
		t.Error("Dead")
	}
}
