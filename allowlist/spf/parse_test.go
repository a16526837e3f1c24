package spf

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
)

// TestParseTerm has a row for each form of a term, good and bad.
func TestParseTerm(t *testing.T) {
	prefix := netip.MustParsePrefix
	both := [2]int{32, 128}
	for _, row := range []struct {
		text string
		want Term   // without Text and Target
		name string // Target, expanded for a.b.test, asked.test and IPv4
		err  string
	}{
		{"all", Term{Qualifier: '+', Mechanism: All}, "", ""},
		{"-ALL", Term{Qualifier: '-', Mechanism: All}, "", ""},
		{"all.", Term{}, "", "no such mechanism"},
		{"all/8", Term{}, "", "nothing may follow all"},
		{"--all", Term{}, "", "no such mechanism"},
		{"all=1", Term{Qualifier: '+', Mechanism: Unknown}, "", ""},
		{"ip4:192.0.2.1", Term{Qualifier: '+', Mechanism: IP4, Prefix: prefix("192.0.2.1/32")}, "", ""},
		{"?IP4:192.0.2.1/24", Term{Qualifier: '?', Mechanism: IP4, Prefix: prefix("192.0.2.0/24")}, "", ""},
		{"ip4:192.0.2.1/0", Term{Qualifier: '+', Mechanism: IP4, Prefix: prefix("0.0.0.0/0")}, "", ""},
		{"ip4", Term{}, "", "ip4 needs a colon and a network"},
		{"ip4:", Term{}, "", `not an IPv4 address: ""`},
		{"ip4:192.0.2", Term{}, "", `not an IPv4 address: "192.0.2"`},
		{"ip4:192.0.2.01", Term{}, "", `not an IPv4 address: "192.0.2.01"`},
		{"ip4:2001:db8::1", Term{}, "", `not an IPv4 address: "2001:db8::1"`},
		{"ip4:192.0.2.1/", Term{}, "", `not a prefix length from 0 to 32: ""`},
		{"ip4:192.0.2.1/33", Term{}, "", `not a prefix length from 0 to 32: "33"`},
		{"ip4:192.0.2.1/024", Term{}, "", `not a prefix length from 0 to 32: "024"`},
		{"ip4:192.0.2.1/+8", Term{}, "", `not a prefix length from 0 to 32: "+8"`},
		{"ip4:192.0.2.1//24", Term{}, "", `not a prefix length from 0 to 32: "/24"`},
		{"ip6:2001:DB8::1/32", Term{Qualifier: '+', Mechanism: IP6, Prefix: prefix("2001:db8::/32")}, "", ""},
		{"ip6:::192.0.2.1", Term{Qualifier: '+', Mechanism: IP6, Prefix: prefix("::192.0.2.1/128")}, "", ""},
		{"ip6:fe80::1%eth0", Term{}, "", `not an IPv6 address: "fe80::1%eth0"`},
		{"ip6:192.0.2.1", Term{}, "", `not an IPv6 address: "192.0.2.1"`},
		{"ip6:[2001:db8::1]", Term{}, "", `not an IPv6 address: "[2001:db8::1]"`},
		{"ip6:2001:db8::/129", Term{}, "", `not a prefix length from 0 to 128: "129"`},
		{"a", Term{Qualifier: '+', Mechanism: A, Bits: both}, "", ""},
		{"~a/24", Term{Qualifier: '~', Mechanism: A, Bits: [2]int{24, 128}}, "", ""},
		{"mx//64", Term{Qualifier: '+', Mechanism: MX, Bits: [2]int{32, 64}}, "", ""},
		{"a:c.test/24//64", Term{Qualifier: '+', Mechanism: A, Bits: [2]int{24, 64}}, "c.test", ""},
		{"mx:%{d}/0//0", Term{Qualifier: '+', Mechanism: MX}, "a.b.test", ""},
		{"a:x:y/z.c.test", Term{Qualifier: '+', Mechanism: A, Bits: both}, "x:y/z.c.test", ""},
		{"a:x/24.test", Term{Qualifier: '+', Mechanism: A, Bits: both}, "x/24.test", ""},
		{"a/24/16", Term{}, "", `unexpected "/24" after the mechanism's name`},
		{"a/33", Term{}, "", `not a prefix length from 0 to 32: "33"`},
		{"a//064", Term{}, "", `not a prefix length from 0 to 128: "064"`},
		{"a/", Term{}, "", `unexpected "/" after the mechanism's name`},
		{"a:", Term{}, "", "a domain is missing"},
		{"a:/24", Term{}, "", "a domain is missing"},
		{"a:c", Term{}, "", `a domain needs two labels: "c"`},
		{"a:c.", Term{}, "", `a domain needs two labels: "c."`},
		{"a:192.0.2.1", Term{}, "", `not a top-level domain: "1"`},
		{"a:c.test..", Term{}, "", `not a top-level domain: ""`},
		{"a:c.-test", Term{}, "", `not a top-level domain: "-test"`},
		{"a:c.test:25", Term{}, "", `not a top-level domain: "test:25"`},
		{"a:c.xn--zckzah", Term{Qualifier: '+', Mechanism: A, Bits: both}, "c.xn--zckzah", ""},
		{"a:c.1-1.", Term{Qualifier: '+', Mechanism: A, Bits: both}, "c.1-1", ""},
		{"include:C.Test", Term{Qualifier: '+', Mechanism: Include}, "c.test", ""},
		{"include", Term{}, "", "include needs a colon and a domain"},
		{"include:c.test/24", Term{}, "", `not a top-level domain: "test/24"`},
		{"exists:%{d}", Term{Qualifier: '+', Mechanism: Exists}, "a.b.test", ""},
		{"exists", Term{}, "", "exists needs a colon and a domain"},
		{"ptr", Term{Qualifier: '+', Mechanism: PTR}, "", ""},
		{"ptr:c.test", Term{Qualifier: '+', Mechanism: PTR}, "c.test", ""},
		{"ptr/24", Term{}, "", `unexpected "/24" after the mechanism's name`},
		{"redirect=c.test", Term{Qualifier: '+', Mechanism: Redirect}, "c.test", ""},
		{"REDIRECT=%{o}", Term{Qualifier: '+', Mechanism: Redirect}, "asked.test", ""},
		{"redirect:c.test", Term{}, "", "no such mechanism"},
		{"redirect=", Term{}, "", "a domain is missing"},
		{"+redirect=c.test", Term{}, "", "no such mechanism"},
		{"exp=c.test", Term{Qualifier: '+', Mechanism: Exp}, "c.test", ""},
		{"exp=%{r}.test", Term{}, "", `bad macro "%{r}"`},
		{"x-y_z.0=%{d}/=:", Term{Qualifier: '+', Mechanism: Unknown}, "", ""},
		{"x=", Term{Qualifier: '+', Mechanism: Unknown}, "", ""},
		{"x=%", Term{}, "", `% must be followed by {, %, _ or -: "%"`},
		{"1x=y", Term{}, "", "no such mechanism"},
		{"=y", Term{}, "", "no such mechanism"},
		{"oops", Term{}, "", "no such mechanism"},
		{"a:\x7f.test", Term{}, "", "byte \"\x7f\" is not visible ASCII"},
		{"ip4:192.0.2.1\t", Term{}, "", "not an IPv4 address: \"192.0.2.1\t\""},
	} {
		rec, err := Parse("v=spf1 " + row.text)
		if row.err != "" {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Term != row.text || syntax.Text != row.err {
				t.Errorf("%s: error %+v, want %s", row.text, syntax, row.err)
			}
			continue
		}
		if err != nil || len(rec.Terms) != 1 {
			t.Errorf("%s: %v, %v", row.text, rec, err)
			continue
		}
		got := rec.Terms[0]
		name := got.Target.expand("a.b.test", "asked.test", v4)
		if got.Text != row.text || got.Qualifier != row.want.Qualifier || got.Mechanism != row.want.Mechanism ||
			got.Prefix != row.want.Prefix || got.Bits != row.want.Bits || name != row.name {
			t.Errorf("%s: %+v, %s", row.text, got, name)
		}
	}
}

func TestParseRecord(t *testing.T) {
	for _, row := range []struct {
		text, terms, errs string
	}{
		{"v=spf1", "", ""},
		{"V=SPF1   a  mx ", "a mx", ""},
		{"v=spf1\ta", "", ": not an SPF record"},
		{"v=spf10", "", ": not an SPF record"},
		{" v=spf1", "", ": not an SPF record"},
		{"v=spf1 a exp=a.test redirect=b.test exp=c.test redirect=d.test", "", "exp=c.test: exp= may appear only once|redirect=d.test: redirect= may"},
		{"v=spf1 a b c -all", "", "b: no such mechanism|c: no such mechanism"},
		{"v=spf1 x=1 x=1 -all a", "x=1 x=1 -all a", ""},
	} {
		rec, err := Parse(row.text)
		var terms []string
		for _, t := range rec.Terms {
			terms = append(terms, t.Text)
		}
		if got := strings.Join(terms, " "); got != row.terms || (err == nil) != (row.errs == "") {
			t.Errorf("%q: %q, %v", row.text, got, err)
		}
		if err != nil {
			for i, line := range strings.Split(err.Error(), "\n") {
				if want := strings.Split(row.errs, "|"); len(want) <= i || !strings.HasPrefix(line, want[i]) {
					t.Errorf("%q: error %q, want %q", row.text, line, row.errs)
				}
			}
		}
	}
}

// TestExpand has the examples of RFC 7208 section 7.4 that need no sender, and the corners of section 7.3.
func TestExpand(t *testing.T) {
	const domain, asked = "email.example.com", "strong-bad.example.net"
	long := strings.Repeat("a23456789.", 20)
	for spec, want := range map[string]string{
		"%{d}": "email.example.com", "%{d4}": "email.example.com", "%{d3}": "email.example.com", "%{d2}": "example.com",
		"%{d1}": "com", "%{dr}": "com.example.email", "%{d2r}": "example.email", "%{D2R}": "example.email",
		"%{o}": "strong-bad.example.net", "%{o-}": "strong.bad.example.net", "%{o2-}": "strong.bad.example.net", "%{or-.}": "net.example.bad.strong",
		"%{o1r-}": "strong", "%{o1-}": "bad.example.net", "%{v}": "in-addr", "%{V1r-}": "in", "_spf.%{v}.%{d2}": "_spf.in-addr.example.com",
		"a%%b%_c%-d.%{d1}": "a%b c%20d.com", "%{d}.": "", "x.%{d}.y.test.": "x.email.example.com.y.test",
		"%{d99999999999999999999}": "email.example.com", "%{d002}": "example.com",
		"%{d0}": "", "%{d00}": "", "%{dx}": "", "%{}": "", "%{d": "", "%{d}}": "", "%d": "", "%{x}": "", "%{d-r}": "", "%{C}": "",
		"%%": "%", "%{d}%-": "email.example.com%20", "A.B.%{d1}": "a.b.com", "{a}.test": "{a}.test",
		long + "%{d}":                           long + "email.example.com",
		long + long + "%{d}":                    strings.Repeat("a23456789.", 23) + "email.example.com",
		strings.Repeat("%{d}.", 5000) + "%{d1}": "example.com." + strings.Repeat("email.example.com.", 13) + "com",
	} {
		s, err := parseDomainSpec(spec)
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", ascii.Cut(spec, 80), err)
			}
			continue
		}
		if got := s.expand(domain, asked, v4); got != want || len(got) > maxName {
			t.Errorf("%s: %q, want %q", ascii.Cut(spec, 80), got, want)
		}
	}
	s, err := parseDomainSpec("%{D}.test")
	if got := s.expand("a/b=c.test", asked, v6); err != nil || got != "a%2fb%3dc.test.test" {
		t.Errorf("escaped: %q, %v", got, err)
	}
}

// FuzzParse and FuzzExpand start from testdata/fuzz.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, txt string) {
		rec, err := Parse(txt)
		if err != nil {
			if len(rec.Terms) > 0 || ascii.Printable(err.Error(), len(err.Error())*4) == "" {
				t.Errorf("%v with %v", err, rec)
			}
			return
		}
		var words []string
		for _, term := range rec.Terms {
			words = append(words, term.Text)
			if term.Prefix != term.Prefix.Masked() {
				t.Errorf("host bits in %v", term.Prefix)
			}
			for family := range 2 {
				if name := term.Target.expand("a.test", "b.test", family); term.Listable() && isName(name) && strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%q expands to %q", term.Text, name)
				}
			}
		}
		again, err := Parse("v=spf1 " + strings.Join(words, " "))
		if err != nil || !slices.Equal(again.order, rec.order) {
			t.Errorf("%q: again %v, %v", txt, again, err)
		}
		d := newFakeDNS()
		d.txt["a.test"] = []string{txt}
		walk(t, d, "a.test")
	})
}

func FuzzExpand(f *testing.F) {
	f.Fuzz(func(t *testing.T, spec, domain string) {
		s, err := parseDomainSpec(spec)
		if err != nil || s.needsSender() {
			return
		}
		name := s.expand(domain, "asked.test", v6)
		if len(name) > maxName && strings.Contains(name, ".") {
			t.Errorf("%q in %q: %d bytes", spec, domain, len(name))
		}
		// Text on the left of a long name must not matter.
		if again, err := parseDomainSpec(strings.Repeat("x.", 200) + spec); err == nil && len(name) == maxName && isName(name) {
			if got := again.expand(domain, "asked.test", v6); got != name {
				t.Errorf("%q in %q: %q, with more on its left %q", spec, domain, name, got)
			}
		}
	})
}
