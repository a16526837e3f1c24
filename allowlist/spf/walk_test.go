package spf

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestWalk has a row for each rule, and lists the policy of a.test.
func TestWalk(t *testing.T) {
	for _, row := range []struct {
		name, zone, pass string
		err              Error
		kinds            string
	}{
		// Left to right, the first match decides.
		{"hole before", `a.test TXT "v=spf1 -ip4:192.0.2.0/31 ip4:192.0.2.0/30 -all"`, "192.0.2.2/31", OK, ""},
		{"hole after", `a.test TXT "v=spf1 ip4:192.0.2.0/30 -ip4:192.0.2.0/31 -all"`, "192.0.2.0/30", OK, ""},
		{"softfail and neutral are holes", `a.test TXT "v=spf1 ~ip4:192.0.2.0 ?ip4:192.0.2.1 ip4:192.0.2.0/30"`, "192.0.2.2/31", OK, ""},
		{"neighbours merge", `a.test TXT "v=spf1 ip4:192.0.3.0/24 ip4:192.0.2.0/24"`, "192.0.2.0/23", OK, ""},
		{"host bits are cleared", `a.test TXT "v=spf1 ip4:192.0.2.77/24 ip6:2001:db8::7/32"`, "192.0.2.0/24 2001:db8::/32", OK, ""},
		{"everything", `a.test TXT "v=spf1 +all"`, "0.0.0.0/0 ::/0", OK, ""},
		{"nothing", `a.test TXT "v=spf1"`, "", OK, ""},
		{"after all", `a.test TXT "v=spf1 ip4:192.0.2.1 -all ip4:192.0.2.2 include:gone.test a:gone.test ptr"`, "192.0.2.1/32", OK, ""},
		{"IPv4 in IPv6", `a.test TXT "v=spf1 ip6:64:ff9b::192.0.2.2"`, "64:ff9b::c000:202/128", OK, ""},

		// No IPv6 client has an IPv4-mapped address.
		{"mapped", `a.test TXT "v=spf1 ip6:::FFFF:192.0.2.1 ip4:192.0.2.2 ip6:::ffff:0:0/96 ip6:::ffff:c000:200/120"`, "192.0.2.2/32", OK, "mapped mapped"},
		{"mapped within a network", `a.test TXT "v=spf1 ip6:::fffe:0:0/95"`, "::fffe:0:0/96", OK, ""},
		{"mapped, and a hole", `a.test TXT "v=spf1 -ip6:::ffff:192.0.2.1 ip4:192.0.2.1"`, "192.0.2.1/32", OK, "mapped"},
		{"mapped in AAAA", "a.test TXT \"v=spf1 a mx a:b.test//95 -all\"\na.test AAAA ::ffff:192.0.2.1\na.test MX 0 a.test\nb.test AAAA ::ffff:192.0.2.1",
			"::fffe:0:0/96", OK, "mapped"},
		{"mapped, behind ptr", `a.test TXT "v=spf1 ptr ip6:::ffff:0:0/96 ip4:192.0.2.1 -all"`, "192.0.2.1/32", OK, "unlistable mapped"},
		{"mapped, gone before all", `a.test TXT "v=spf1 -ip6:::/1 all"`, "0.0.0.0/0 8000::/1", OK, ""},

		// include: the addresses that pass there get the include's own qualifier.
		{"include", "a.test TXT \"v=spf1 include:b.test ip4:192.0.2.1 -all\"\nb.test TXT \"v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/30 +all\"",
			"0.0.0.0/0 ::/0", OK, ""},
		{"include of fail all", "a.test TXT \"v=spf1 include:b.test ip4:192.0.2.9\"\nb.test TXT \"v=spf1 ip4:192.0.2.1 -all\"",
			"192.0.2.1/32 192.0.2.9/32", OK, ""},
		{"-include", "a.test TXT \"v=spf1 -include:b.test ip4:192.0.2.0/30\"\nb.test TXT \"v=spf1 ip4:192.0.2.1 ~all\"",
			"192.0.2.0/32 192.0.2.2/31", OK, ""},
		{"include of nothing", `a.test TXT "v=spf1 ip4:192.0.2.1 include:gone.test ip4:192.0.2.2 -all"`, "192.0.2.1/32", PermError, "none"},
		{"include of one label", `a.test TXT "v=spf1 ip4:192.0.2.1 include:%{d1} ip4:192.0.2.2 -all"`, "192.0.2.1/32", PermError, "none"},
		{"include of no name", `a.test TXT "v=spf1 ip4:192.0.2.1 include:b..test ip4:192.0.2.2 -all"`, "192.0.2.1/32", PermError, "bad-name"},
		{"include of a syntax error", "a.test TXT \"v=spf1 ip4:192.0.2.1 include:b.test ip4:192.0.2.2\"\nb.test TXT \"v=spf1 ip4:192.0.2.3 oops\"",
			"192.0.2.1/32", PermError, "syntax"},
		{"include of two records", "a.test TXT \"v=spf1 ip4:192.0.2.1 include:b.test\"\nb.test TXT \"v=spf1 +all\"\nb.test TXT \"v=spf1 +all\"",
			"192.0.2.1/32", PermError, "multiple"},
		{"broken after a match", "a.test TXT \"v=spf1 include:b.test -all\"\nb.test TXT \"v=spf1 ip4:192.0.2.3 include:gone.test\"",
			"192.0.2.3/32", PermError, "none"},
		{"include not known", "a.test TXT \"v=spf1 ip4:192.0.2.1 include:b.test ip4:192.0.2.2\"\nb.test FAIL TXT", "192.0.2.1/32", TempError, "temperror"},
		{"temperror beats permerror", "a.test TXT \"v=spf1 exists:b.test a:b.test include:gone.test\"\nb.test FAIL AAAA",
			"", TempError, "temperror none"},
		{"permerror for IPv4, pass for IPv6", `a.test TXT "v=spf1 -ip6:::/1 ip6:8000::/1 include:gone.test"`, "8000::/1", PermError, "none"},

		// redirect
		{"redirect", "a.test TXT \"v=spf1 redirect=b.test ip4:192.0.2.1\"\nb.test TXT \"v=spf1 ip4:192.0.2.2 a -all\"\nb.test A 192.0.2.7",
			"192.0.2.1/32 192.0.2.2/32 192.0.2.7/32", OK, ""},
		{"redirect beside all", `a.test TXT "v=spf1 ip4:192.0.2.1 redirect=gone.test ?all"`, "192.0.2.1/32", OK, ""},
		{"redirect beside an earlier all", `a.test TXT "v=spf1 ip4:192.0.2.1 ?all redirect=gone.test"`, "192.0.2.1/32", OK, ""},
		{"redirect to nothing", `a.test TXT "v=spf1 ip4:192.0.2.1 redirect=gone.test"`, "192.0.2.1/32", PermError, "none"},
		{"redirect keeps the domain asked", "a.test TXT \"v=spf1 redirect=b.test\"\nb.test TXT \"v=spf1 a:%{o} a:%{d} -all\"\na.test A 192.0.2.1\nb.test A 192.0.2.9",
			"192.0.2.1/32 192.0.2.9/32", OK, ""},

		// Terms that cannot be listed.
		{"+ptr", `a.test TXT "v=spf1 ptr ip4:192.0.2.1 -all"`, "192.0.2.1/32", OK, "unlistable"},
		{"+exists", `a.test TXT "v=spf1 exists:%{i}.x.test ip4:192.0.2.1 -all"`, "192.0.2.1/32", OK, "unlistable"},
		{"-exists", `a.test TXT "v=spf1 -exists:%{i}.x.test ip4:192.0.2.1 -all"`, "", OK, "unlistable uncertain"},
		{"?a", `a.test TXT "v=spf1 ip4:192.0.2.1 ?a:%{l}.x.test ip4:192.0.2.2 -all"`, "192.0.2.1/32", OK, "unlistable uncertain"},
		{"mx and helo", `a.test TXT "v=spf1 mx:%{H} ip4:192.0.2.2 -all"`, "192.0.2.2/32", OK, "unlistable"},
		{"include of a sender's record", `a.test TXT "v=spf1 include:%{ir}.x.test ip4:192.0.2.2 -all"`, "192.0.2.2/32", OK, "unlistable"},
		{"redirect to a sender's record", `a.test TXT "v=spf1 ip4:192.0.2.2 redirect=%{s}.x.test"`, "192.0.2.2/32", OK, "unlistable"},
		{"-include with ptr in it", "a.test TXT \"v=spf1 -include:b.test ip4:192.0.2.1\"\nb.test TXT \"v=spf1 ptr -all\"", "", OK, "unlistable uncertain"},
		{"include with -ptr in it", "a.test TXT \"v=spf1 include:b.test ip4:192.0.2.2\"\nb.test TXT \"v=spf1 -ptr ip4:192.0.2.1\"",
			"192.0.2.2/32", OK, "unlistable uncertain"},
		{"certain despite ptr", `a.test TXT "v=spf1 ptr +all"`, "0.0.0.0/0 ::/0", OK, "unlistable"},

		// a, mx, exists
		{"a", "a.test TXT \"v=spf1 a -all\"\na.test A 192.0.2.1\na.test AAAA 2001:db8::1", "192.0.2.1/32 2001:db8::1/128", OK, ""},
		{"a with lengths", "a.test TXT \"v=spf1 a:b.test/24//64 -all\"\nb.test A 192.0.2.1\nb.test AAAA 2001:db8::1", "192.0.2.0/24 2001:db8::/64", OK, ""},
		{"a/0 of nothing", `a.test TXT "v=spf1 a/0//0"`, "", OK, ""},
		{"A not known", "a.test TXT \"v=spf1 a ip6:2001:db8::2 ip4:192.0.2.3\"\na.test FAIL A\na.test AAAA 2001:db8::1",
			"2001:db8::1/128 2001:db8::2/128", TempError, "temperror"},
		{"A not known, but no IPv4 address left", "a.test TXT \"v=spf1 -ip4:0.0.0.0/0 a\"\na.test FAIL A\na.test AAAA 2001:db8::1", "2001:db8::1/128", OK, ""},
		{"mx", "a.test TXT \"v=spf1 mx/31 -all\"\na.test MX 0 m1.test\na.test MX 1 M2.test.\nm1.test A 192.0.2.1\nm2.test AAAA 2001:db8::1",
			"192.0.2.0/31 2001:db8::1/128", OK, ""},
		{"mx is not a", "a.test TXT \"v=spf1 mx -all\"\na.test A 192.0.2.1", "", OK, ""},
		{"null mx", "a.test TXT \"v=spf1 mx -all\"\na.test MX 0 .", "", OK, ""},
		{"second exchange not known", "a.test TXT \"v=spf1 mx:b.test ip4:192.0.2.2\"\nb.test MX 0 m1.test\nb.test MX 1 m2.test\nm1.test A 192.0.2.1\nm2.test FAIL A",
			"192.0.2.1/32", TempError, "temperror"},
		{"exists", "a.test TXT \"v=spf1 ip4:192.0.2.1 exists:%{d}._x.test -all\"\na.test._x.test A 127.0.0.2", "0.0.0.0/0 ::/0", OK, ""},
		{"exists asks no AAAA", "a.test TXT \"v=spf1 ip4:192.0.2.1 exists:b.test -all\"\nb.test AAAA ::1", "192.0.2.1/32", OK, ""},
		{"not a domain name", `a.test TXT "v=spf1 a:b..test exists:%{d}.` + strings.Repeat("x", 64) + `.test ip4:192.0.2.1"`, "192.0.2.1/32", OK, "bad-name bad-name"},
		{"%{v} differs by family", "a.test TXT \"v=spf1 exists:%{v}.x.test -all\"\nip6.x.test A 127.0.0.1", "::/0", OK, ""},
		{"include:%{v}", "a.test TXT \"v=spf1 include:%{v}.x.test -all\"\nip6.x.test TXT \"v=spf1 all\"\nin-addr.x.test TXT \"v=spf1 ip4:192.0.2.1 all\"",
			"0.0.0.0/0 ::/0", OK, ""},

		// Records
		{"syntax error anywhere", `a.test TXT "v=spf1 ip4:192.0.2.1 all oops"`, "", PermError, "syntax"},
		{"every syntax error", `a.test TXT "v=spf1 ip4:192.0.2.300 a:b ip5:1"`, "", PermError, "syntax syntax syntax"},
		{"two records", "a.test TXT \"v=spf1 all\"\na.test TXT \"V=SPF1 ip4:192.0.2.1\"", "", PermError, "multiple"},
		{"no record", `a.test TXT "v=spf10 all"`, "", None, "none"},
		{"nothing there", `a.test A 192.0.2.1`, "", None, "none"},
		{"not known", `a.test FAIL TXT`, "", TempError, "temperror"},
		{"strings are joined", `a.test TXT "v=spf1 ip4:192.0." "2.1 -all"`, "192.0.2.1/32", OK, ""},
		{"= for :", `a.test TXT "v=spf1 ip4=192.0.2.1 foo=bar -all"`, "", OK, "modifier"},
		{"exp is not fetched", `a.test TXT "v=spf1 ip4:192.0.2.1 -all exp=gone.test"`, "192.0.2.1/32", OK, ""},

		// Receivers' limits
		{"10 lookups", `a.test TXT "v=spf1 ` + strings.Repeat("ptr ", 10) + `-all"`, "", OK, "unlistable"},
		{"11 lookups", `a.test TXT "v=spf1 ` + strings.Repeat("ptr ", 11) + `-all"`, "", OK, "unlistable lookup-limit"},
		{"11 lookups, the last below", "a.test TXT \"v=spf1 " + strings.Repeat("a ", 9) + "redirect=b.test\"\nb.test TXT \"v=spf1 a -all\"\na.test A 192.0.2.1\nb.test A 192.0.2.2",
			"192.0.2.1/32 192.0.2.2/32", OK, "lookup-limit"},
		{"unreached lookups", `a.test TXT "v=spf1 all ` + strings.Repeat("a:gone.test ", 20) + `"`, "0.0.0.0/0 ::/0", OK, ""},
		{"2 voids", `a.test TXT "v=spf1 a exists:b.test -all"`, "", OK, ""},
		{"3 voids", `a.test TXT "v=spf1 a mx:b.test exists:b.test -all"`, "", OK, "void-limit"},
		{"IPv4 only is not void", "a.test TXT \"v=spf1 a a a a -all\"\na.test A 192.0.2.1", "192.0.2.1/32", OK, ""},
		{"10 exchanges", "a.test TXT \"v=spf1 mx -all\"" + strings.Repeat("\na.test MX 0 m.test", 10) + "\nm.test A 192.0.2.1", "192.0.2.1/32", OK, ""},
		{"11 exchanges", "a.test TXT \"v=spf1 mx -all\"" + strings.Repeat("\na.test MX 0 m.test", 11) + "\nm.test A 192.0.2.1", "192.0.2.1/32", OK, "mx-limit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := walk(t, newFakeDNS().read(t, row.zone), "a.test")
			if show(res) != row.pass || res.Error != row.err || kinds(res) != row.kinds {
				t.Errorf("%s %q %v\nwant %s %q %v", show(res), res.Error, res.Problems, row.pass, row.err, row.kinds)
			}
		})
	}
}

// TestDomain tries arguments that are domain names and arguments that are not.
func TestDomain(t *testing.T) {
	long := strings.Repeat("a.", 126)
	d := newFakeDNS().read(t, "a.test TXT \"v=spf1 all\"\n_spf.a-1.test TXT \"v=spf1 all\"\n"+long+"b TXT \"v=spf1 all\"")
	for domain, want := range map[string]string{
		"a.test": "", "A.Test": "", "a.test.": "", "_SPF.a-1.test": "", long + "b": "",
		"": "its labels", "test": "only one label", "test.": "only one label", ".": "a label has",
		"a..test": "a label has", "a.test..": "a label has", ".a.test": "a label has",
		strings.Repeat("a", 64) + ".test": "a label has", long + "bb": "a label has",
		"me@a.test": "only letters", "[192.0.2.1]": "only letters", "a.test ": "only letters", "a.te\x00st": "only letters",
		"b\u00fccher.test": "xn--", "\u212a.test": "xn--", "\xff.test": "xn--",
	} {
		res, tree := Draw(context.Background(), d, domain, Limits{})
		checkResult(t, res, tree)
		if want == "" {
			if show(res) != "0.0.0.0/0 ::/0" || res.Error != OK || res.Domain != strings.ToLower(strings.TrimSuffix(domain, ".")) {
				t.Errorf("%q: %s %q %v", domain, show(res), res.Error, res.Problems)
			}
			continue
		}
		if res.Error != None || kinds(res) != KindNone || res.Queries != 0 || res.Domain != domain ||
			domain != "" && !strings.Contains(res.Problems[0].Text, want) {
			t.Errorf("%q: %s %q %v, want %s", domain, show(res), res.Error, res.Problems, want)
		}
	}
}

// TestProblems compares whole texts of problems.
func TestProblems(t *testing.T) {
	d := newFakeDNS().read(t, `
		a.test TXT "v=spf1 ?exists:%{i}.x.test ip4:192.0.2.0/24 include:b.test include:c.test include:a.test a:d.test -all"
		b.test TXT "v=spf1 ptr"
		c.test TXT "v=spf1 mx -all"
		d.test FAIL A
		c.test MX 0 gone.test`)
	d.txt["e.test"] = []string{"v=spf1 ip4:192.0.2.1\n a:b\\.test\x80"}
	for domain, want := range map[string][]string{
		"a.test": {
			"unlistable a.test ?exists:%{i}.x.test: the addresses it stops depend on the sender and cannot be listed: addresses that later terms of its record pass are not certain",
			"unlistable b.test ptr: the addresses it passes depend on the sender and cannot be listed: they are left out",
			"loop a.test include:a.test: a.test leads back to itself: receivers answer permerror for addresses that no earlier term matches",
			"uncertain a.test ip4:192.0.2.0/24: 256 IPv4 addresses would pass from this term on, but an earlier term that cannot be listed may stop them: they are left out",
		},
		"e.test": {
			`syntax e.test ip4:192.0.2.1\x0a: not an IPv4 address: "192.0.2.1\x0a": receivers answer permerror for the whole record`,
			`syntax e.test a:b\x5c.test\x80: byte "\x80" is not visible ASCII: receivers answer permerror for the whole record`,
		},
	} {
		var got []string
		for _, p := range walk(t, d, domain).Problems {
			got = append(got, strings.Join([]string{p.Kind, p.Record, p.Term}, " ")+": "+p.Text)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", domain, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestTree(t *testing.T) {
	d := newFakeDNS().read(t, `
		a.test TXT "v=spf1 -ip4:192.0.2.7 ip4:192.0.2.0/24 include:b.test ?include:b.test exp=e.test redirect=c.test"
		b.test TXT "v=spf1 ip6:2001:db8::/32 ip6:2001:db9::/48 all ptr"
		c.test TXT "v=spf1 oops -all"`)
	var got strings.Builder
	_, tree := Draw(t.Context(), d, "a.test", DefaultLimits())
	if err := tree.Write(&got); err != nil {
		t.Fatal(err)
	}
	const want = `a.test
  -ip4:192.0.2.7                        fails 1 IPv4 address
  ip4:192.0.2.0/24                      passes 255 IPv4 addresses
  include:b.test                        passes 4,294,967,040 IPv4 addresses, 1 IPv6 prefix (/0)
    b.test
      ip6:2001:db8::/32                 passes 1 IPv6 prefix (/32)
      ip6:2001:db9::/48                 passes 1 IPv6 prefix (/48)
      all                               passes all that is left
      ptr                               not reached
  ?include:b.test                       not reached
  exp=e.test                            no effect on addresses
  redirect=c.test                       not reached
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// slowDNS takes a second for every answer.
type slowDNS struct{ *fakeDNS }

func (d slowDNS) TXT(ctx context.Context, name string) ([]string, error) {
	time.Sleep(time.Second)
	return d.fakeDNS.TXT(ctx, name)
}

func (d slowDNS) A(ctx context.Context, name string) ([]netip.Addr, error) {
	time.Sleep(time.Second)
	return d.fakeDNS.A(ctx, name)
}

func (d slowDNS) AAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	time.Sleep(time.Second)
	return d.fakeDNS.AAAA(ctx, name)
}

func (d slowDNS) MX(ctx context.Context, name string) ([]string, error) {
	time.Sleep(time.Second)
	return d.fakeDNS.MX(ctx, name)
}

// TestRounds counts the rounds of questions, in fake time.
func TestRounds(t *testing.T) {
	for _, row := range []struct {
		name, zone string
		rounds     int
	}{
		{"one record", `a.test TXT "v=spf1 ip4:192.0.2.1 -all"`, 1},
		{"a and mx", "a.test TXT \"v=spf1 a mx -all\"\na.test MX 0 m1.test\na.test MX 1 m2.test\nm1.test A 192.0.2.1", 3},
		{"wide", "a.test TXT \"v=spf1 include:b.test include:c.test include:d.test a:e.test -all\"\nb.test TXT \"v=spf1 -all\"\nc.test TXT \"v=spf1 -all\"\nd.test TXT \"v=spf1 -all\"", 2},
		{"nothing after all", "a.test TXT \"v=spf1 -all include:b.test\"", 1},
		{"chain", `a.test TXT "v=spf1 include:%{d}.b.test -all"
			a.test.b.test TXT "v=spf1 include:c.test -all"
			c.test TXT "v=spf1 redirect=d.test"
			d.test TXT "v=spf1 include:a.test include:c.test"`, 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				Walk(t.Context(), slowDNS{newFakeDNS().read(t, row.zone)}, "a.test", Limits{})
				if got := time.Since(start); got != time.Duration(row.rounds)*time.Second {
					t.Errorf("took %v, want %d rounds", got, row.rounds)
				}
			})
		})
	}
}

// stuckDNS does not answer A questions before its release, and ignores the context.
type stuckDNS struct {
	*fakeDNS
	release chan struct{}
}

func (d stuckDNS) A(context.Context, string) ([]netip.Addr, error) {
	<-d.release
	return nil, nil
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := stuckDNS{newFakeDNS().read(t, `a.test TXT "v=spf1 ip4:192.0.2.1 a:stuck.test ip4:192.0.2.2 -all"`), make(chan struct{})}
		defer close(d.release)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		res, tree := Draw(ctx, d, "a.test", Limits{})
		checkResult(t, res, tree)
		if show(res) != "192.0.2.1/32" || res.Error != TempError || kinds(res) != KindTempError || time.Since(start) != time.Second {
			t.Errorf("%s %q %v after %v", show(res), res.Error, res.Problems, time.Since(start))
		}
		if res = Walk(ctx, d, "a.test", Limits{}); show(res) != "" || res.Error != TempError {
			t.Errorf("begun too late: %s %q %v", show(res), res.Error, res.Problems)
		}
	})
}

// endingDNS ends the context with its TXT answer.
type endingDNS struct {
	*fakeDNS
	ended *atomic.Bool
}

func (d endingDNS) TXT(ctx context.Context, name string) ([]string, error) {
	defer d.ended.Store(true)
	return d.fakeDNS.TXT(ctx, name)
}

// endingContext ends between two rounds: Err reports the end, but Done does not.
type endingContext struct {
	context.Context
	ended *atomic.Bool
}

func (c endingContext) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return nil
}

// A question that the end of the context prevented has an unknown answer, not an empty one.
func TestEndBetweenRounds(t *testing.T) {
	for _, record := range []string{"v=spf1 a:b.test -all", "v=spf1 mx:b.test -all", "v=spf1 include:b.test -all", "v=spf1 exists:b.test -all"} {
		t.Run(record, func(t *testing.T) {
			d := endingDNS{newFakeDNS(), new(atomic.Bool)}
			d.txt["a.test"] = []string{record}
			res := Walk(endingContext{t.Context(), d.ended}, d, "a.test", Limits{})
			if res.Error != TempError || show(res) != "" {
				t.Errorf("error %q, pass %q, problems %v", res.Error, show(res), res.Problems)
			}
		})
	}
}

// TestLimitOfRanges: adjacent networks of two terms are two ranges, and what is left around a hole is several.
func TestLimitOfRanges(t *testing.T) {
	d := newFakeDNS().read(t, `a.test TXT "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/30 ip4:192.0.2.4/30 -all"`)
	for _, row := range []struct {
		most int
		want string
		err  Error
	}{
		{4, "192.0.2.0/32 192.0.2.2/31 192.0.2.4/30", OK},
		{3, "192.0.2.0/32 192.0.2.2/31 192.0.2.4/30", OK},
		{2, "", PermError},
	} {
		res, tree := Draw(t.Context(), d, "a.test", Limits{Ranges: row.most})
		if show(res) != row.want || res.Error != row.err {
			t.Errorf("%d: %q, error %q; want %q, %q", row.most, show(res), res.Error, row.want, row.err)
		}
		checkResult(t, res, tree)
	}
}
