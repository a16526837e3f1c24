package plan

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/fixtures"
)

// TestHandWritten writes a list into a file with hand-written keys, and checks the generated keys and the problems.
func TestHandWritten(t *testing.T) {
	for _, row := range []struct {
		name     string
		list     map[string]string // network: action
		hand     string
		keys     []string // the first generated ones
		problems []string // a part of each problem
	}{
		{"equal length, tagged", map[string]string{"192.0.2.0/24": "OK"}, "Connect:192.0.2\tREJECT", nil,
			[]string{"connect:192.0.2 REJECT is hand-written and stays; our key with OK is not written"}},
		{"equal length, not tagged", map[string]string{"192.0.2.0/24": "OK"}, "192.0.2\tRELAY", nil,
			[]string{"192.0.2 RELAY is hand-written and stays"}},
		{"the same value is reported, too", map[string]string{"192.0.2.0/24": "OK"}, "Connect:192.0.2\tOK", nil, []string{"our key with OK is not written"}},
		{"longer", map[string]string{"192.0.2.0/24": "OK"}, "Connect:192.0.2.7\tREJECT", []string{"192.0.2 OK"},
			[]string{"connect:192.0.2.7 REJECT is hand-written and wins over OK of 192.0.2.0/24 (ok)"}},
		{"shorter", map[string]string{"192.0.2.0/24": "OK"}, "Connect:192\tREJECT", []string{"192.0.2 OK"},
			[]string{"connect:192 REJECT is hand-written and shorter than our keys with OK of 192.0.2.0/24 (ok): the longer keys win"}},
		{"shorter than the keys around a hole", map[string]string{"192.0.2.0/31": "OK", "192.0.2.3/32": "OK", "192.0.2.2/32": "EXCLUDE"}, "Connect:192.0.2\tREJECT",
			[]string{"192.0.2.0 OK", "192.0.2.1 OK", "192.0.2.3 OK"},
			[]string{"shorter than our keys with OK of 192.0.2.0/31 (ok) and 1 more: the longer keys win"}},
		{"equal length, and a hole in the list", map[string]string{"192.0.2.0/24": "OK", "192.0.2.9/32": "EXCLUDE"}, "Connect:192.0.2\tREJECT", nil,
			[]string{"connect:192.0.2 REJECT is hand-written and stays; our key with OK is not written"}},
		{"longer than a key of the list, and a hole in it", map[string]string{"192.0.0.0/16": "OK", "192.0.2.9/32": "EXCLUDE"}, "Connect:192.0.2\tREJECT", []string{"192.0.0 OK", "192.0.1 OK", "192.0.3 OK"},
			[]string{"connect:192.0.2 REJECT is hand-written and stays"}},
		{"a tag of another ruleset", map[string]string{"192.0.2.0/24": "OK"}, "GreetPause:192.0.2\t5000", []string{"192.0.2 OK"}, nil},
		{"a wider RELAY over an excluded address comes first", map[string]string{"192.0.2.0/24": "OK", "198.51.100.9/32": "EXCLUDE"}, "Connect:192.0.2\tOK\n198\tRELAY", nil,
			[]string{"198 RELAY covers 198.51.100.9/32, which is excluded", "connect:192.0.2 OK is hand-written and stays"}},
		{"the name of a client without a name", map[string]string{"192.0.2.0/24": "OK", "192.0.3.9/32": "EXCLUDE"}, "Connect:[192.0.2.7]\tREJECT\n[192.0.3.9]\tRELAY",
			[]string{"192.0.2 OK"}, []string{"[192.0.3.9] RELAY covers 192.0.3.9/32, which is excluded from the list", "connect:[192.0.2.7] REJECT is hand-written and wins over OK of 192.0.2.0/24 (ok)"}},
		{"a network of such names", map[string]string{"192.0.2.0/24": "OK", "192.0.2.64/26": "REJECT", "192.0.3.9/32": "EXCLUDE", "2001:db8::9/128": "EXCLUDE"}, "Connect:[192.0.3]\tRELAY\n[IPv6:2001:db8]\tOK\nConnect:[192.0]\tREJECT\n[192.0.3.9\tOK",
			[]string{"192.0.2 OK"}, []string{"connect:[192.0.3] RELAY covers 192.0.3.9/32, which is excluded", "[ipv6:2001:db8] OK covers 2001:db8::9/128, which is excluded",
				"connect:[192.0] REJECT is hand-written and wins over OK of 192.0.2.0/24 (ok)"}},
		{"such a name beside a key of the list", map[string]string{"192.0.2.7/32": "OK", "2001:db8::9/128": "EXCLUDE"}, "[192.0.2.7]\tREJECT\nConnect:[IPv6:2001:db8:0:0:0:0:0:9]\tOK",
			[]string{"192.0.2.7 OK"}, []string{"connect:[ipv6:2001:db8:0:0:0:0:0:9] OK covers 2001:db8::9/128", "[192.0.2.7] REJECT is hand-written and wins over OK of 192.0.2.7/32"}},
		{"the family alone is a key, too", map[string]string{"2001:db8::/48": "OK", "2001:db9::1/128": "EXCLUDE"}, "Connect:IPv6\tRELAY", []string{"IPv6:2001:db8:0 OK"},
			[]string{"connect:ipv6 RELAY covers 2001:db9::1/128, which is excluded", "shorter than our keys with OK of 2001:db8::/48"}},

		// A hand-written key between two generated ones overrides the shorter of them, so the longer one is needed although
		// both have the same action.
		{"a longer prefix of the same action under it", map[string]string{"74.0.0.0/8": "REJECT", "74.125.1.0/24": "REJECT"}, "Connect:74.125\tRELAY",
			[]string{"74 REJECT", "74.125.1 REJECT"}, []string{"connect:74.125 RELAY is hand-written and wins over REJECT of 74.0.0.0/8", "shorter than our keys with REJECT of 74.125.1.0/24"}},
		{"halves longer than it", map[string]string{"192.0.2.0/25": "REJECT", "192.0.2.128/25": "OK"}, "Connect:192.0.2\tRELAY",
			[]string{"192.0.2.0 REJECT", "192.0.2.1 REJECT"}, []string{"the longer keys win", "the longer keys win"}},
		{"the longer of two", map[string]string{"192.0.2.0/24": "REJECT", "192.0.2.128/25": "OK"}, "Connect:192.0.2\tRELAY",
			[]string{"192.0.2.128 OK", "192.0.2.129 OK"}, []string{"our key with REJECT is not written", "shorter than our keys with OK of 192.0.2.128/25 (ok): the longer keys win"}},
		{"longer keys below one of equal length", map[string]string{"74.125.0.0/16": "OK", "74.125.9.0/24": "RELAY"}, "Connect:74.125\tREJECT",
			[]string{"74.125.9 RELAY"}, []string{"connect:74.125 REJECT is hand-written and stays; our key with OK is not written",
				"connect:74.125 REJECT is hand-written and shorter than our keys with RELAY of 74.125.9.0/24 (relay): the longer keys win"}},

		// Of several hand-written keys the longest decides, and of equal ones that with the tag: nothing is said of the others.
		{"one of two decides", map[string]string{"192.0.0.0/16": "OK", "198.51.100.7/32": "OK"}, "192.0.2.9\tRELAY\nConnect:192.0.2.9\tREJECT\n198.51.100\tREJECT\n198.51.100.7\tRELAY",
			[]string{"192.0 OK"}, []string{"connect:192.0.2.9 REJECT is hand-written and wins over OK of 192.0.0.0/16 (ok)", "198.51.100.7 RELAY is hand-written and stays"}},
		{"a longer REJECT over the excluded address", map[string]string{"192.0.2.9/32": "EXCLUDE"}, "192.0.2\tRELAY\nConnect:192.0.2.9\tREJECT", nil, nil},
		{"a longer REJECT over one of the excluded addresses", map[string]string{"192.0.2.9/32": "EXCLUDE", "192.0.2.129/32": "EXCLUDE"}, "192.0.2\tRELAY\nConnect:192.0.2.9\tREJECT", nil,
			[]string{"192.0.2 RELAY covers 192.0.2.129/32"}},
		{"a value with blanks behind it", map[string]string{"192.0.2.0/24": "OK", "198.51.100.9/32": "EXCLUDE"}, "Connect:192.0.2.7\tOK \t\n192.0.2.8\tok\r\n198\tREJECT ", []string{"192.0.2 OK"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "access")
			if err := os.WriteFile(path, []byte(row.hand+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			var sources []allowlist.Labelled
			for network, name := range row.list {
				action, err := allowlist.ParseAction(name)
				if err != nil {
					t.Fatal(err)
				}
				source := allowlist.Labelled{Source: strings.ToLower(name), Action: action}
				source.Ranges.Add(allowlist.Range{Prefix: netip.MustParsePrefix(network), Path: provenance.Of(network)})
				sources = append(sources, source)
			}
			format, err := format.ByName("sendmail-access")
			if err != nil {
				t.Fatal(err)
			}
			plans, err := Planner{}.All(context.Background(), []Target{{Format: format, Path: path, Map: makemap.None}}, allowlist.Merge(sources))
			if err != nil {
				t.Fatal(err)
			}
			block, err := block.Extract(plans[0].New)
			if err != nil || !bytes.HasPrefix(plans[0].New, []byte(row.hand)) {
				t.Fatalf("the file is\n%s (%v)", plans[0].New, err)
			}
			var keys []string
			for line := range strings.Lines(string(block.Inside)) {
				if key, ok := strings.CutPrefix(line, key.Connect); ok {
					keys = append(keys, strings.Join(strings.Fields(key), " "))
				}
			}
			if len(keys) < len(row.keys) || !slices.Equal(keys[:len(row.keys)], row.keys) || row.keys == nil && len(keys) > 0 {
				t.Errorf("keys %q, want %q", keys, row.keys)
			}
			var texts []string
			for _, p := range plans[0].Problems {
				texts = append(texts, p.Text)
			}
			if len(texts) != len(row.problems) {
				t.Fatalf("problems %q, want %q", texts, row.problems)
			}
			for i := range texts {
				if !strings.Contains(texts[i], row.problems[i]) {
					t.Errorf("problem %q, want %q in it", texts[i], row.problems[i])
				}
			}
		})
	}
}

// TestForeign plans over content that mailallow cannot have written: it is reported as foreign, and nothing else happens.
func TestForeign(t *testing.T) {
	for _, row := range []struct{ format, text string }{
		{"json", `{"version": 1, "entries": [{"prefix": "192.0.2.0/24", "sources": [{"name": "a", "paths": ["b"]}]}]}`},
		{"json", `{"version": 1, "entries": [{"prefix": "192.0.2.0/24", "action": "EXCLUDE", "sources": []}]}`},
		{"json", `{"version": 1, "entries": [{"prefix": "192.0.2.0/24", "action": "OK", "sources": [{"name": "a", "paths": []}]}]}`},
		{"json", `{"version": 2}`},
		{"json", `[]`},
		{"cidr", "10.0.0.0/8 # mine\n"},
		{"postfix-cidr", "10.0.0.1/8\tpermit\n"},
		{"postfix-cidr", "10.0.0.0/8\tOK\n"},
		{"mynetworks-cidr", "10.0.0.0/8\n"},
		{"exim", "10.0.0.0/8\n"},
		{"exim", "\"10.0.0.0/8\": mine\n"},
		{"exim", "\"10.0.0.1/8\"\n"},
		{"nftables", "flush ruleset\n"},
		{"nftables", "add element inet mailallow allow4 {\n\t2001:db8::/32\n}\n"},
		{"nftables", "add element inet mailallow allow4 {\n\t10.0.0.0/8,\nflush set inet mailallow allow4\n}\n"},
		{"nftables", "\t10.0.0.0/8\n"},
		{"rbldnsd", "10.0.0.0/8\t:127.0.0.2:OK a: b\n"},
		{"rbldnsd", "$DATASET ip4trie:mailallow @\n2001:db8::/32\t:127.0.0.2:OK a: b\n"},
		{"rbldnsd", "$DATASET ip4trie:mailallow @\n10.0.0.0/8\t:127.0.0.4:OK a: b\n"},
		{"rbldnsd", "$DATASET ip4trie:mailallow @\n10.0.0.1/8\t:127.0.0.2:OK a: b\n"},
		{"rbldnsd", "$DATASET ip4trie:mailallow @\n!10.0.0.0/8\n"},
		{"rbldnsd", "#$SOA 0 a b 0 0 0 0 0\n"},
		{"rbldnsd", "$DATASET ip4set:mine @\n"},
	} {
		path := filepath.Join(t.TempDir(), "target")
		if err := os.WriteFile(path, []byte(row.text), 0o644); err != nil {
			t.Fatal(err)
		}
		format, err := format.ByName(row.format)
		if err != nil {
			t.Fatal(err)
		}
		plans, err := Planner{}.All(context.Background(), []Target{{Format: format, Path: path}}, allowlist.Merge(nil))
		if err != nil || len(plans[0].Problems) != 1 || plans[0].Problems[0].Kind != "foreign" || len(plans[0].Difference()) > 0 {
			t.Errorf("%s %q: %+v, %v", row.format, row.text, plans[0].Problems, err)
		}
	}
}

// TestRenumber: once a plan is carried out, its problems have the lines of the file as it is then, however the block grew or shrank.
func TestRenumber(t *testing.T) {
	access, err := format.ByName("sendmail-access")
	if err != nil {
		t.Fatal(err)
	}
	target := Target{Format: access, Path: filepath.Join(t.TempDir(), "access"), Map: "none"}
	lineOf := func(text []byte, number int) string { return strings.Split(string(text), "\n")[number-1] }
	for _, networks := range [][]string{{"10.0.0.0/8"}, {"10.0.0.0/9", "192.0.2.0/25"}, {"10.0.0.0/15"}, {}, {"10.1.0.0/16", "10.3.0.0/20"}} {
		if _, err := os.Stat(target.Path); err != nil {
			fixtures.WriteFile(t, target.Path, "Connect:10.1\tREJECT\n")
		}
		plans, err := Planner{}.All(t.Context(), []Target{target}, setOf(networks))
		if err != nil {
			t.Fatal(err)
		}
		p := plans[0]
		var before []string
		for _, problem := range p.Problems {
			before = append(before, lineOf(p.Old, problem.Line))
		}
		p.Renumber()
		for i, problem := range p.Problems {
			if now := lineOf(p.New, problem.Line); now != before[i] {
				t.Errorf("%q: line %d is %q, and was %q", networks, problem.Line, now, before[i])
			}
		}
		if len(networks) > 0 && len(before) == 0 {
			t.Errorf("%q: no problem", networks)
		}
		text := string(p.New)
		if !strings.HasSuffix(text, "Connect:10.3\tREJECT\n") {
			text += "# below\nConnect:10.3\tREJECT\n"
		}
		fixtures.WriteFile(t, target.Path, text)
	}
}
