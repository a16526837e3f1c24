//go:build linux

package accessmap_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures/host"
)

// zone is a zone of a real rbldnsd, which is asked as Postfix asks it.
type zone struct {
	t      *testing.T
	server *host.RbldnsdServer
	client *dnsq.Client
}

// serve starts the server with a file for each text, in their order. rbldnsd writes to stderr if it skips a line or cuts a
// text.
func serve(t *testing.T, data ...string) *zone {
	t.Helper()
	files := map[string]string{}
	var names []string
	for i, text := range data {
		name := fmt.Sprint("data", i)
		names = append(names, name)
		files[name] = text
	}
	z := &zone{t: t, server: host.Rbldnsd(t, files, "allow.test:combined:"+strings.Join(names, ","))}
	if warnings := z.server.Warnings(); warnings != "" {
		t.Errorf("rbldnsd: %s", warnings)
	}
	z.forget()
	return z
}

// forget makes a new client, without cached answers.
func (z *zone) forget() {
	z.t.Helper()
	var err error
	if z.client, err = dnsq.New(dnsq.Config{Resolvers: []string{z.server.Addr()}}); err != nil {
		z.t.Fatal(err)
	}
}

// name gives the name of an address in the zone (RFC 5782 sections 2.1 and 2.4).
func (z *zone) name(addr netip.Addr) string {
	var labels []string
	if addr.Is4() {
		for _, octet := range addr.As4() {
			labels = append(labels, fmt.Sprint(octet))
		}
	} else {
		for _, octet := range addr.As16() {
			labels = append(labels, fmt.Sprintf("%x", octet>>4), fmt.Sprintf("%x", octet&15))
		}
	}
	slices.Reverse(labels)
	return strings.Join(append(labels, "allow.test"), ".")
}

// answer gives the A record, or "" without one. More than one is a failure.
func (z *zone) answer(addr netip.Addr) string {
	z.t.Helper()
	records, err := z.client.A(z.t.Context(), z.name(addr))
	switch {
	case err != nil || len(records) > 1:
		z.t.Errorf("%s: %v, %v", addr, records, err)
	case len(records) == 1:
		return records[0].String()
	}
	return ""
}

// text gives the TXT records.
func (z *zone) text(addr netip.Addr) string {
	z.t.Helper()
	texts, err := z.client.TXT(z.t.Context(), z.name(addr))
	if err != nil {
		z.t.Errorf("%s: %v", addr, err)
	}
	return strings.Join(texts, "|")
}

// TestRbldnsdAnswers asks the real server about addresses in and near every range of a list.
func TestRbldnsdAnswers(t *testing.T) {
	t.Parallel()
	lists := append(realLists(t),
		list{name: "nothing", set: allowlist.Merge(nil)},
		list{name: "every address", set: allowlist.Merge([]allowlist.Labelled{
			networks("all", allowlist.OK, "0.0.0.0/0", "::/0"), networks("relay", allowlist.Relay, "128.0.0.0/1", "8000::/1"),
			// It is beside ::ffff:0:0/96, which becomes a network of its own.
			networks("hole", allowlist.Exclude, "::fffe:0:0/96", "255.255.255.255/32", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")})},
	)
	for seed := range 25 {
		l := rapid.Custom(drawList).Example(seed)
		l.name = fmt.Sprintf("random %d", seed)
		lists = append(lists, l)
	}
	answers := inTable["rbldnsd"].words
	for _, l := range lists {
		t.Run(l.name, func(t *testing.T) {
			z := serve(t, string(l.mustWrite(t, "rbldnsd")))
			for _, addr := range l.samples() {
				// rbldnsd looks up IPv4-mapped names as IPv4. Postfix asks for none.
				want := answers[l.action(addr.Unmap())]
				if got := z.answer(addr); got != want {
					t.Errorf("%s: %q; the list says %q", addr, got, l.action(addr))
				}
			}
		})
	}
}

// TestRbldnsdTexts expects the owners in the TXT record. Characters that are special to rbldnsd have no effect in a name,
// and no name makes a line of its own.
func TestRbldnsdTexts(t *testing.T) {
	network := netip.MustParsePrefix("192.0.2.0/24")
	for _, row := range []struct{ source, path, want string }{
		{"google", "_spf.google.com > ip4:192.0.2.0/24", "OK google: _spf.google.com > ip4:192.0.2.0/24"},
		{"=a", "$ $$ $1 $= # ; :2: !", `OK "=a": \x24 \x24\x24 \x241 \x24= # ; :2: !`},
		{"a\n$SOA 0 a b 0 1 1 1 1", "\n#$NS 0 a.example\n", `OK "a\n\x24SOA 0 a b 0 1 1 1 1": \x0a#\x24NS 0 a.example\x0a`},
		{"long", strings.Repeat("x", 500), "OK long: " + strings.Repeat("x", 254-9-3) + "..."},
	} {
		source := allowlist.Labelled{Source: row.source, Action: allowlist.OK}
		source.Ranges.Add(allowlist.Range{Prefix: network, Path: provenance.Of(row.path)})
		l := list{set: allowlist.Merge([]allowlist.Labelled{source})}
		z := serve(t, string(l.mustWrite(t, "rbldnsd")))
		if got := z.text(network.Addr()); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
	for _, name := range smuggled {
		l := list{set: hostileSources([]string{name, "b"}, []string{name})}
		z := serve(t, string(l.mustWrite(t, "rbldnsd")))
		for _, addr := range l.boundaries() {
			if got, want := z.answer(addr), inTable["rbldnsd"].words[l.action(addr)]; got != want {
				t.Errorf("%q: %s: %q, want %q", name, addr, got, want)
			}
		}
	}
}

// TestRbldnsdTestEntries has the test entry of RFC 5782 section 5: rbldnsd adds none of its own, the written one means
// neither OK nor RELAY, and a list that contains the address decides for it.
func TestRbldnsdTestEntries(t *testing.T) {
	entry, mapped, never := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::ffff:127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	const datasets = "$DATASET ip4trie @\n$DATASET ip6trie @\n"
	loopback := func(a allowlist.Action) string {
		return string(list{set: allowlist.Merge([]allowlist.Labelled{networks("lo", a, "127.0.0.2/32")})}.mustWrite(t, "rbldnsd"))
	}
	for _, row := range []struct{ data, want string }{
		{datasets, ""},
		{string(list{set: allowlist.Merge(nil)}.mustWrite(t, "rbldnsd")), "127.0.0.99"},
		{loopback(allowlist.Relay), "127.0.0.3"},
		{loopback(allowlist.Reject), "127.0.0.99"},
	} {
		z := serve(t, row.data)
		if a, m, n := z.answer(entry), z.answer(mapped), z.answer(never); a != row.want || m != row.want || n != "" {
			t.Errorf("%s: %q, %s: %q, %s: %q; want %q, the same, and nothing\n%s", entry, a, mapped, m, never, n, row.want, row.data)
		}
	}
}

// TestRbldnsdNests shows how rbldnsd reads nested lines, which mailallow does not write: the longest prefix decides, also if
// it is an exclusion, in any order.
func TestRbldnsdNests(t *testing.T) {
	z := serve(t, "$DATASET ip4trie @\n192.0.2.7\t:127.0.0.3:\n192.0.2.0/24\t:127.0.0.2:\n!192.0.2.0/28\n"+
		"$DATASET ip6trie @\n!2001:db8:1::/48\n2001:db8::/32\t:127.0.0.2:\n2001:db8:1:2::/64\t:127.0.0.3:\n")
	for addr, want := range map[string]string{
		"192.0.2.7": "127.0.0.3", "192.0.2.8": "", "192.0.2.16": "127.0.0.2",
		"2001:db8::1": "127.0.0.2", "2001:db8:1::1": "", "2001:db8:1:2::1": "127.0.0.3",
	} {
		if got := z.answer(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

// TestRbldnsdReloads renames a new file over the old one: rbldnsd reads it on SIGHUP, after a file with the zone's own
// records.
func TestRbldnsdReloads(t *testing.T) {
	data := func(action allowlist.Action) string {
		return string(list{set: allowlist.Merge([]allowlist.Labelled{networks("a", action, "192.0.2.0/24")})}.mustWrite(t, "rbldnsd"))
	}
	const names = "$SOA 0 ns.example hostmaster.example 0 1h 10m 1w 5m\n$NS 0 ns.example\n$TTL 10m\n"
	addr := netip.MustParseAddr("192.0.2.7")
	z := serve(t, names, data(allowlist.OK))
	if got := z.answer(addr); got != "127.0.0.2" {
		t.Errorf("%q", got)
	}
	z.server.Replace("data1", data(allowlist.Relay))
	z.forget()
	if got := z.answer(addr); got != "127.0.0.3" {
		t.Errorf("after the reload: %q", got)
	}
	if warnings := z.server.Warnings(); warnings != "" {
		t.Error(warnings)
	}
}

// TestRbldnsdSkips shows why networks and texts are written as they are: rbldnsd skips or cuts other forms, and warns.
func TestRbldnsdSkips(t *testing.T) {
	for _, row := range []struct{ data, warning string }{
		{"$DATASET ip4trie @\n192.0.2.7/24\t:127.0.0.2:x\n", "non-zero host part"},
		{"$DATASET ip6trie @\n::ffff:192.0.2.0/120\t:127.0.0.2:x\n", "invalid address"},
		{"$DATASET ip4trie @\n192.0.2.0/24\t:127.0.0.2:" + strings.Repeat("x", 256) + "\n", "truncated to 255 bytes"},
	} {
		server := host.Rbldnsd(t, map[string]string{"list": row.data}, "allow.test:combined:list")
		if !strings.Contains(server.Warnings(), row.warning) {
			t.Errorf("%q: %q, want %q", row.data, server.Warnings(), row.warning)
		}
	}
}
