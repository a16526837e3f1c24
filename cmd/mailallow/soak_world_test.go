package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go4.org/netipx"

	"mailallow/allowlist/notation"
	"mailallow/fixtures"
)

// publisher is a mail provider that publishes an SPF policy.
type publisher struct {
	name     string
	versions [][]netip.Prefix // the policies of the real provider, by date
	networks []netip.Prefix
	moves    int // how often the policy has gone to other names
	today    trickery
	left     int // days that it lasts
	waits    int // days until the administrators of hosts have looked at the new policy
}

// trickery is a day on which a policy is not the one that its provider wants.
type trickery struct {
	name    string
	fault   fixtures.Fault // of its first record
	terms   []string       // in place of the policy, by record
	besides string         // in front of it
	unknown bool           // it cannot be listed
	held    string         // or is held: the kind of the problem
}

func trickeries() []trickery {
	return []trickery{
		{name: "SERVFAIL", fault: fixtures.ServFail, unknown: true},
		{name: "REFUSED", fault: fixtures.Refused, unknown: true},
		{name: "NXDOMAIN", fault: fixtures.NXDomain, unknown: true},
		{name: "cut", fault: fixtures.Truncated, unknown: true},
		{name: "garbage", fault: fixtures.Garbage, unknown: true},
		{name: "an answer about others", fault: fixtures.Misnamed, unknown: true},
		{name: "a syntax error", terms: []string{"ip4:192.0.2.0/33"}, unknown: true},
		{name: "a loop", besides: "include:SELF", unknown: true},
		{name: "an include of nothing", besides: "include:nowhere.test", unknown: true},
		{name: "two records", terms: []string{"-all", "ip4:9.9.9.9"}, unknown: true},
		{name: "all of IPv4", terms: []string{"ip4:0.0.0.0/0"}, held: "wide"},
		{name: "all of IPv6", besides: "ip6:::/0", held: "wide"},
		{name: "everyone", terms: []string{"+all"}, held: "wide"},
		{name: "nobody", terms: []string{"-all"}, held: "empty"},
		{name: "one address", terms: []string{"ip4:9.9.9.9"}, held: "shrink"},
		{name: "huge growth", besides: hugeTerms(), held: "grow"},
		{name: "private space", besides: "ip4:10.1.0.0/16 ip4:192.168.7.0/24 ip6:fd00:1::/48"},
	}
}

// hugeTerms are networks as wide as the guard believes, none beside another.
func hugeTerms() string {
	var terms []string
	for i := range 16 {
		terms = append(terms, fmt.Sprintf("ip4:%d.%d.0.0/12", 84+i/8, i%8*32))
	}
	return strings.Join(terms, " ")
}

// newWorld makes the providers of fixtures/spf/snapshots.txt that publish networks.
func newWorld(t *testing.T) (world []*publisher) {
	data, err := os.ReadFile(fixtures.Path("spf", "snapshots.txt"))
	if err != nil {
		t.Fatal(err)
	}
	term := regexp.MustCompile(`ip[46]:(\S+)`)
	published := map[string][]netip.Prefix{} // by snapshot and owner
	label := ""
	for line := range strings.Lines(string(data)) {
		owner, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if owner == ";SNAPSHOT" {
			label = text
			continue
		}
		for _, m := range term.FindAllStringSubmatch(strings.NewReplacer(`" "`, "", `"`, " ").Replace(text), -1) {
			p, _, err := notation.ParseCIDR(m[1])
			if err != nil {
				t.Fatal(err)
			}
			if p.Addr().Is6() { // with other lengths a network takes up to 32768 keys, and a thousand days would take hours
				p = netip.PrefixFrom(p.Addr(), (p.Bits()+15)/16*16).Masked()
			}
			published[label+" "+owner] = append(published[label+" "+owner], p)
		}
	}
	for _, provider := range []struct {
		name     string
		versions [][]string
	}{
		{"proton.test", [][]string{{"proton-2025-09 _spf.protonmail.ch", "proton-2025-09 _spf2.protonmail.ch"}}},
		{"icloud.test", [][]string{{"icloud-2025 icloud.com"}}},
		{"sendgrid.test", [][]string{{"sendgrid-2018 sendgrid.net"}}},
		{"mailgun.test", [][]string{{"mailgun-2020 spf1.mailgun.org", "mailgun-2020 spf2.mailgun.org"}}},
		{"amazonses.test", [][]string{{"amazonses-versions v2021.amazonses.com"}, {"amazonses-versions v2024.amazonses.com"}, {"amazonses-versions v2025.amazonses.com"}}},
		{"google.test", [][]string{{"google-2019 _netblocks.google.com", "google-2019 _netblocks2.google.com", "google-2019 _netblocks3.google.com"},
			{"google-2026-flattened _spf.google.com"}}},
		{"microsoft.test", [][]string{{"microsoft-2024 spf.protection.outlook.com"}}},
	} {
		p := &publisher{name: provider.name}
		for _, version := range provider.versions {
			var networks []netip.Prefix
			for _, at := range version {
				if len(published[at]) == 0 {
					t.Fatalf("no networks of %s", at)
				}
				networks = append(networks, published[at]...)
			}
			p.versions = append(p.versions, networks)
		}
		p.networks = p.versions[0]
		world = append(world, p)
	}
	return world
}

// zone is the policy of today.
func (p *publisher) zone() (text string) {
	for _, terms := range p.today.terms {
		text += txt(p.name, "v=spf1 "+terms)
	}
	if text == "" {
		root := fmt.Sprintf("_spf%d.%s", p.moves, p.name)
		text = policyRecord(p.name, strings.ReplaceAll(p.today.besides, "SELF", p.name)+" include:"+root) + policyZone(root, p.networks)
	}
	return text
}

// truth is the policy that the provider wants.
func (p *publisher) truth(t *testing.T) *netipx.IPSet { return setOf(t, p.networks...) }

// patience counts the days until the administrator looks at a held source.
func (p *publisher) patience() int {
	p.waits = max(0, p.waits-1)
	return p.waits
}

// pass goes to the next day; after the last one no trickery is left.
func (p *publisher) pass(random *rand.Rand, last bool) {
	if p.left--; p.left > 0 && !last {
		return
	}
	p.today = trickery{}
	if last {
		return
	}
	switch n := random.IntN(1000); {
	case n < 25:
		all := trickeries()
		p.today, p.left = all[random.IntN(len(all))], 1+random.IntN(5)
	case n < 26: // seldom, since a run waits for it
		p.today, p.left = trickery{name: "silence", fault: fixtures.Drop, unknown: true}, 1
	default:
		p.change(random, n)
	}
}

// change changes the policy as providers do, by a number from 0 to 999.
func (p *publisher) change(random *rand.Rand, n int) {
	networks := slices.Clone(p.networks)
	at := random.IntN(len(networks))
	chosen := networks[at]
	const fewest, most = 5, 60
	switch {
	case n < 50 && len(networks) < most: // one more, of the same size
		networks = append(networks, elsewhere(random, chosen))
	case n < 70 && len(networks) > fewest: // one less
		networks = slices.Delete(networks, at, at+1)
	case n < 80 && chosen.Addr().Is4() && !chosen.IsSingleIP() && len(networks) < most: // one in two halves
		half := netip.PrefixFrom(chosen.Addr(), chosen.Bits()+1)
		networks[at] = half
		networks = append(networks, netip.PrefixFrom(netipx.RangeOfPrefix(half).To().Next(), half.Bits()))
	case n < 90: // the fewest with the same addresses
		var b netipx.IPSetBuilder
		for _, network := range networks {
			b.AddPrefix(network)
		}
		set, _ := b.IPSet()
		networks = set.Prefixes()
	case n < 100: // renumbered
		networks[at] = elsewhere(random, chosen)
	case n < 105: // the same, under other names
		p.moves++
	case n < 108: // the next one that the real provider published
		p.versions = append(p.versions[1:], p.versions[0])
		networks = p.versions[0]
	case n < 111: // half of it given up
		networks = networks[:(len(networks)+1)/2]
		p.waits = 1 + random.IntN(10)
	}
	p.networks = networks
}

// elsewhere gives a network of the same size in space that a sender could have.
func elsewhere(random *rand.Rand, like netip.Prefix) netip.Prefix {
	if like.Addr().Is6() {
		addr := [16]byte{0x2a, byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}
		return netip.PrefixFrom(netip.AddrFrom16(addr), like.Bits()).Masked()
	}
	addr := [4]byte{byte(12 + random.IntN(80)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}
	return netip.PrefixFrom(netip.AddrFrom4(addr), like.Bits()).Masked()
}
