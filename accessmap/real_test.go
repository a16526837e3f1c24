package accessmap_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go4.org/netipx"

	"mailallow/accessmap/format"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/fixtures"
)

// list is a merged list and a target's selection of it.
type list struct {
	name string
	set  *allowlist.Set
	want format.Selection
}

// action gives the action that a target of the list has for an address.
func (l list) action(addr netip.Addr) allowlist.Action {
	e := l.set.Lookup(addr)
	switch {
	case e == nil,
		l.want.Only != nil && !slices.Contains(l.want.Only, e.Action),
		l.want.NoIPv4 && addr.Is4(), l.want.NoIPv6 && addr.Is6():
		return allowlist.None
	}
	return e.Action
}

// boundaries gives the first and the last address of every span and of every excluded network, and their neighbours.
func (l list) boundaries() []netip.Addr {
	var addrs []netip.Addr
	add := func(from, to netip.Addr) {
		for _, addr := range []netip.Addr{from.Prev(), from, to, to.Next()} {
			if addr.IsValid() {
				addrs = append(addrs, addr)
			}
		}
	}
	for s := range l.set.Spans() {
		add(s.From, s.To)
	}
	for p := range l.set.Excluded.All() {
		add(p.Addr(), netipx.PrefixLastIP(p))
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}

// write writes the list in a format.
func (l list) write(form string) ([]byte, format.Written, error) {
	f, err := format.ByName(form)
	if err != nil {
		return nil, format.Written{}, err
	}
	var text bytes.Buffer
	written, err := f.Write(&text, l.set.Spans(), l.want)
	return text.Bytes(), written, err
}

// mustWrite is write for lists that fit.
func (l list) mustWrite(t *testing.T, format string) []byte {
	t.Helper()
	text, _, err := l.write(format)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// provider gives a provider's networks from the snapshot in the program.
func provider(tb testing.TB, name string, action allowlist.Action) allowlist.Labelled {
	tb.Helper()
	embedded, err := snapshot.Embedded()
	if err != nil {
		tb.Fatal(err)
	}
	src, ok := embedded.Find(name)
	if !ok {
		tb.Fatalf("the embedded snapshot has no %s", name)
	}
	return allowlist.Labelled{Source: name, Action: action, Ranges: src.Ranges}
}

// networks makes a source with a path for each network.
func networks(name string, action allowlist.Action, prefixes ...string) allowlist.Labelled {
	src := allowlist.Labelled{Source: name, Action: action}
	for _, p := range prefixes {
		src.Ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(p), Path: provenance.Of(p)})
	}
	return src
}

// realLists gives Google's and Microsoft's networks under every action, then with an administrator's own sources.
func realLists(tb testing.TB) []list {
	tb.Helper()
	var lists []list
	for _, a := range []allowlist.Action{allowlist.OK, allowlist.Relay, allowlist.Reject} {
		lists = append(lists, list{name: "both " + a.String(),
			set: allowlist.Merge([]allowlist.Labelled{provider(tb, "google", a), provider(tb, "microsoft", a)})})
	}
	mixed := allowlist.Merge([]allowlist.Labelled{
		provider(tb, "google", allowlist.Relay),
		provider(tb, "microsoft", allowlist.OK),
		// An address, a network that ends inside an octet, a whole group, and half of a group.
		networks("never", allowlist.Exclude, "209.85.128.7/32", "40.92.3.64/26", "2001:4860:4864:3::/64", "2404:6800:4864:7:8000::/65"),
		networks("abuse", allowlist.Reject, "40.93.7.0/24", "52.100.64.0/19", "74.125.1.9/32", "2a01:111:f400:7e00::/55", "2a01:111:f403:1:2::/80"),
		networks("branch", allowlist.Relay, "52.101.33.5/32", "52.102.128.0/17", "2a01:111:f400:ffff::/64"),
		// A network around a provider's, and a hole in the provider's.
		networks("around", allowlist.OK, "104.40.0.0/13"),
		networks("around, never", allowlist.Exclude, "104.47.128.0/24"),
	})
	for name, want := range map[string]format.Selection{
		"everything":          {},
		"IPv4":                {NoIPv6: true},
		"IPv6":                {NoIPv4: true},
		"OK":                  {Only: []allowlist.Action{allowlist.OK}},
		"RELAY and REJECT":    {Only: []allowlist.Action{allowlist.Relay, allowlist.Reject}},
		"RELAY in IPv4 alone": {Only: []allowlist.Action{allowlist.Relay}, NoIPv6: true},
	} {
		lists = append(lists, list{"mixed, " + name, mixed, want})
	}
	return lists
}

// TestSendmailAnswers asks the real rulesets about the boundaries of every range of a list.
func TestSendmailAnswers(t *testing.T) {
	t.Parallel()
	for n, l := range realLists(t) {
		t.Run(l.name, func(t *testing.T) {
			path := filepath.Join(fixtures.SafeDir(t), "access")
			text := l.mustWrite(t, "sendmail-access")
			fixtures.MakeAccess(t, path, strings.TrimSuffix(string(text), "\n"))
			addrs := l.boundaries()
			for i, o := range []fixtures.RulesOptions{
				{Access: path},
				{Access: path, Skip: true},
				{Access: path, DelayChecks: true},
				{Access: path, Skip: true, DelayChecks: true},
			} {
				t.Run(fmt.Sprintf("skip %v, delay_checks %v", o.Skip, o.DelayChecks), func(t *testing.T) {
					if i != n%4 { // make test asks each list with one of the four
						fixtures.All(t)
					}
					for i, v := range fixtures.NewRules(t, o).Ask(addrs) {
						want := l.action(addrs[i])
						if v.Relay != want.String() || v.Relays != (want == allowlist.Relay) {
							t.Errorf("%s: %q, relays %v; the list says %q (%s; %s)", addrs[i], v.Relay, v.Relays, want, v.RelayText, v.RcptText)
						}
						if !v.Relays && !strings.HasSuffix(v.RcptText, `"550 Relaying denied"`) {
							t.Errorf("%s: at RCPT %s", addrs[i], v.RcptText)
						}
					}
				})
			}
		})
	}
}

// TestKeysOfRealLists fixes the number of keys of the real lists, so that a map does not grow unnoticed.
func TestKeysOfRealLists(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		providers []string
		want      format.Selection
		keys      int
	}{
		{[]string{"google"}, format.Selection{}, 1 + 128 + 6*256},
		{[]string{"microsoft"}, format.Selection{}, 6 + 2*128 + 1 + 32768 + 2*8192 + 4096},
		{[]string{"google", "microsoft"}, format.Selection{}, 55176},
		{[]string{"google", "microsoft"}, format.Selection{NoIPv6: true}, 391},
	} {
		var sources []allowlist.Labelled
		for _, name := range row.providers {
			sources = append(sources, provider(t, name, allowlist.OK))
		}
		l := list{set: allowlist.Merge(sources), want: row.want}
		// The list needs exactly MaxKeys keys, then one more than MaxKeys.
		l.want.MaxKeys = row.keys
		_, written, err := l.write("sendmail-access")
		if err != nil || written.Entries != row.keys {
			t.Errorf("%v without IPv6 %v: %d keys, want %d (%v)", row.providers, row.want.NoIPv6, written.Entries, row.keys, err)
		}
		l.want.MaxKeys--
		if text, _, err := l.write("sendmail-access"); err == nil || len(text) > 0 {
			t.Errorf("%v: %d keys and %d bytes are written where %d keys are too many", row.providers, row.keys, len(text), row.keys)
		}
	}
}
