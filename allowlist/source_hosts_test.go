package allowlist_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

func fetcherOf(t *testing.T, s *fixtures.DNSServer) allowlist.Fetcher {
	t.Helper()
	resolver, err := dnsq.New(dnsq.Config{Resolvers: []string{s.Addr()}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return allowlist.Fetcher{Resolver: resolver, Now: time.Unix(1, 0)}
}

// The ranges of host names are their addresses, each with the name that gave it. One name without an address is an error of
// the source.
func TestFetchHosts(t *testing.T) {
	s := fixtures.DNS(t, `
a.test A 81.2.0.1
a.test AAAA 2a01:4f8::1
b.test CNAME a.test
c.test A 81.2.0.3
x.test MX 10 c.test
x.test MX 20 a.test
`)
	s.Fault("silent.test", "", fixtures.ServFail)
	for _, row := range []struct {
		src       allowlist.Source
		want, err string
	}{
		{allowlist.Source{Hosts: []string{"a.test"}}, "81.2.0.1/32 of a.test, 2a01:4f8::1/128 of a.test", ""},
		{allowlist.Source{Hosts: []string{"mx:x.test", "b.test"}, NoIPv6: true},
			"81.2.0.1/32 of b.test, 81.2.0.3/32 of mx:x.test > c.test, 81.2.0.1/32 of mx:x.test > a.test", ""},
		{allowlist.Source{Hosts: []string{"a.test", "A.test."}, NoIPv4: true}, "2a01:4f8::1/128 of a.test", ""},
		{allowlist.Source{Hosts: []string{"a.test", "gone.test", "silent.test"}}, "",
			"gone.test has no address: no A and no AAAA\nA silent.test: SERVFAIL from ADDR"},
		{allowlist.Source{Hosts: []string{"a.test"}, Bounds: allowlist.Bounds{Ranges: 1}}, "", "it has 2 ranges, and a source may have 1"},
		{allowlist.Source{Hosts: gone(22)}, "", "g10.test has no address: no A and no AAAA ... and 2 more names without an address"},
	} {
		f := fetcherOf(t, s)
		got := f.Fetch(t.Context(), []allowlist.Source{row.src})[0]
		var all []string
		for r := range got.Ranges.All() {
			all = append(all, fmt.Sprintf("%s of %s", r.Prefix, r.PathString()))
		}
		first, last, cut := strings.Cut(strings.ReplaceAll(row.err, "ADDR", s.Addr()), " ... ")
		text := message(got.Err)
		if strings.Join(all, ", ") != row.want || !cut && text != first || cut && (!strings.HasPrefix(text, first) || !strings.HasSuffix(text, last)) {
			t.Errorf("%v: %s, %q; want %s, %q", row.src.Hosts, strings.Join(all, ", "), text, row.want, row.err)
		}
	}
}

func gone(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("g%d.test", 10+i))
	}
	return names
}

// The definition of host names is what is asked, however it is written.
func TestHostsDefinition(t *testing.T) {
	definition := func(hosts ...string) string { return allowlist.Source{Hosts: hosts}.Definition() }
	one := definition("a.test", "mx:b.test")
	if other := definition("MX:B.test.", "A.test", "a.test."); other != one {
		t.Error("two definitions of the same names")
	}
	for _, hosts := range [][]string{{"a.test"}, {"a.test", "b.test"}, {"mx:a.test", "b.test"}} {
		if definition(hosts...) == one {
			t.Errorf("%v has the definition of other names", hosts)
		}
	}
	if (allowlist.Source{SPF: []string{"a.test"}}).Definition() == definition("a.test") {
		t.Error("a host name has the definition of a policy")
	}
}

// With accept_permerror a policy with an error gives what it passes before the error, and says so in every run. An unknown
// answer, a missing policy and a limit of this program stay errors, and the definition is the same.
func TestAcceptPermError(t *testing.T) {
	s := fixtures.DNS(t, `
broken.test TXT "v=spf1 ip4:81.2.0.0/24 include:gone.test ip4:81.2.1.0/24 -all"
syntax.test TXT "v=spf1 ip4:81.2.0.0/24 ip4:81.2.0.300 -all"
good.test TXT "v=spf1 ip4:81.3.0.0/24 -all"
unknown.test TXT "v=spf1 ip4:81.2.0.0/24 include:silent.test -all"
deep.test TXT "v=spf1 ip4:81.2.0.0/24 include:broken.test -all"
`)
	s.Fault("silent.test", "", fixtures.ServFail)
	const told = ": its SPF policy has an error, and what it passes before that is taken: accept_permerror = true"
	for _, row := range []struct {
		names, want, told, err string
		depth                  int
	}{
		{"broken.test", "81.2.0.0/24", "broken.test" + told, "", 0},
		{"broken.test good.test", "81.2.0.0/24 81.3.0.0/24", "broken.test" + told, "", 0},
		{"good.test", "81.3.0.0/24", "", "", 0},
		{"syntax.test good.test", "81.3.0.0/24", "syntax.test" + told, "", 0},
		{"unknown.test", "", "", "the SPF policy of unknown.test cannot be listed: temperror", 0},
		{"gone.test", "", "", "the SPF policy of gone.test cannot be listed: none", 0},
		{"deep.test", "81.2.0.0/24", "deep.test" + told, "", 0},
		{"deep.test", "", "", "the SPF policy of deep.test cannot be listed: permerror: ", 1},
	} {
		src := allowlist.Source{SPF: strings.Fields(row.names), AcceptPermError: true}
		f := fetcherOf(t, s)
		f.SPF.Depth = row.depth
		for range 2 {
			got := f.Fetch(t.Context(), []allowlist.Source{src})[0]
			said := ""
			for _, p := range got.Problems {
				if p.Kind == "permerror" {
					said += p.Text
				}
			}
			if prefixes(got.Ranges) != row.want || said != row.told || !strings.HasPrefix(message(got.Err), row.err) || (got.Err == nil) != (row.err == "") {
				t.Errorf("%s: %s, %q, %v; want %s, %q, %s", row.names, prefixes(got.Ranges), said, got.Err, row.want, row.told, row.err)
			}
		}
		plain := src
		plain.AcceptPermError = false
		if plain.Definition() != src.Definition() {
			t.Error("accept_permerror changes the definition: the guard would have nothing to compare with")
		}
		if got := f.Fetch(t.Context(), []allowlist.Source{plain})[0]; (got.Err == nil) != (row.names == "good.test") {
			t.Errorf("%s without it: %v", row.names, got.Err)
		}
	}
}
