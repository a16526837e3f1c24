package accessmap_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
)

// lookupValues are values that people write, right or wrong.
var lookupValues = []string{"OK", "RELAY", "REJECT", "SKIP", "DISCARD", "ok", "Relay ", "reject\r", "OK # a comment", "HATER",
	"ERROR:550 no", "ERROR:5.7.1:550 no", "error:4.7.1:450 later", "ERROR:\"550 5.7.1 in quotes\"", "450 later", "QUARANTINE:looked at", "skip"}

// drawLookup draws the lines of an access file: address keys of every form, and keys for host names.
func drawLookup(t *rapid.T) (lines []string) {
	keys := rapid.SampledFrom([]string{"x.test", "test", "a.x.test", "other.test", "[10]", "[11.0]", "[255.0.1.1]",
		"[IPv6:2001]", "[IPv6:2001:0:1]", "[IPv6]", "IPv6", "IPv6:2001:0::1", "10.1.0.0/16", "10.", ".example"})
	seen := map[string]bool{}
	for range rapid.IntRange(5, 40).Draw(t, "lines") {
		network := drawNetwork(t)
		separator := "."
		if network.Addr().Is6() {
			separator = ":"
		}
		parts := strings.Split(fixtures.ClientAddr(network.Addr()), separator)
		key := strings.Join(parts[:rapid.IntRange(1, len(parts)).Draw(t, "parts")], separator)
		if rapid.IntRange(0, 3).Draw(t, "name") == 0 {
			key = keys.Draw(t, "key")
		}
		key = rapid.SampledFrom([]string{"Connect:", "", "CONNECT:", "From:"}).Draw(t, "tag") + key
		if folded := strings.ToLower(key); !seen[folded] {
			seen[folded] = true
			lines = append(lines, key+"\t"+rapid.SampledFrom(lookupValues).Draw(t, "value"))
		}
	}
	return lines
}

// TestRulingsAreSendmails compares Rule with the answers of the real rulesets, for keys and values of every kind, clients
// with and without a name, with and without `skip' and delay_checks.
func TestRulingsAreSendmails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(fixtures.SafeDir(t), "access")
	for seed := range 3 {
		if seed > 0 {
			fixtures.All(t)
		}
		l := rapid.Custom(drawList).Example(seed)
		lines := rapid.Custom(drawLookup).Example(seed)
		text := strings.Join(lines, "\n") + "\n"
		fixtures.MakeAccess(t, path, lines...)
		access := sendmail.NewText([]byte(text), false)
		addrs := append(l.samples(), netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback())
		for _, o := range []fixtures.RulesOptions{
			{Access: path}, {Access: path, Skip: true}, {Access: path, DelayChecks: true}, {Access: path, Skip: true, DelayChecks: true},
		} {
			rules := fixtures.NewRules(t, o)
			for _, name := range []string{"a.x.test", "y.other", ""} {
				for i, v := range rules.AskAs(name, addrs) {
					client := sendmail.Client{Addr: addrs[i], Name: name}
					if name == "" {
						client.Name = sendmail.UnnamedClient
					}
					r := access.Rule(client, o.Skip)
					// With delay_checks, check_rcpt also calls the rules of check_relay.
					relays := r.Relays && (!o.DelayChecks || r.Relay == sendmail.Accepted || r.Relay == sendmail.Undecided)
					if want := outcomeOf(v); r.Relay != want || relays != v.Relays {
						t.Errorf("seed %d, skip %v, delay %v: %s %q: %s, relays %v; Sendmail: %s, relays %v (%s; %s)\n%s",
							seed, o.Skip, o.DelayChecks, addrs[i], name, r.Relay, r.Relays, want, v.Relays, v.RelayText, v.RcptText, text)
						return
					}
					if reply := strings.NewReplacer(" ", "", `"`, "").Replace(v.RelayText); r.Relay == sendmail.Refused && !strings.EqualFold(r.Reply, "550 5.7.1 Access denied") &&
						!strings.Contains(reply, strings.NewReplacer(" ", "", `"`, "").Replace(r.Reply)) {
						t.Errorf("%s: reply %q; Sendmail %s", addrs[i], r.Reply, v.RelayText)
					}
				}
			}
		}
	}
}

// outcomeOf gives the outcome of check_relay from the answer of sendmail -bt.
func outcomeOf(v fixtures.Verdict) sendmail.Outcome {
	for _, row := range []struct {
		prefix string
		is     sendmail.Outcome
	}{
		{"undecided", sendmail.Undecided}, {"ok", sendmail.Accepted}, {"relay", sendmail.Accepted},
		{"$# discard", sendmail.Discarded}, {"$# error $@ quarantine", sendmail.Quarantined}, {"$# error", sendmail.Refused},
	} {
		if strings.HasPrefix(strings.ToLower(v.RelayText), row.prefix) {
			return row.is
		}
	}
	return sendmail.Outcome(v.RelayText)
}

// TestAddressKeys expects the keys in the order of the rulesets.
func TestAddressKeys(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7": "connect:192.0.2.7 192.0.2.7 connect:192.0.2 192.0.2 connect:192.0 192.0 connect:192 192",
		"2001:db8::5": "connect:ipv6:2001:db8:0:0:0:0:0:5 ipv6:2001:db8:0:0:0:0:0:5 connect:ipv6:2001:db8:0:0:0:0:0 ipv6:2001:db8:0:0:0:0:0 " +
			"connect:ipv6:2001:db8:0:0:0:0 ipv6:2001:db8:0:0:0:0 connect:ipv6:2001:db8:0:0:0 ipv6:2001:db8:0:0:0 " +
			"connect:ipv6:2001:db8:0:0 ipv6:2001:db8:0:0 connect:ipv6:2001:db8:0 ipv6:2001:db8:0 " +
			"connect:ipv6:2001:db8 ipv6:2001:db8 connect:ipv6:2001 ipv6:2001 connect:ipv6 ipv6",
	} {
		if got := strings.Join(sendmail.AddressKeys(netip.MustParseAddr(addr)), " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", addr, got, want)
		}
	}
}

// TestHandWrittenKeys expects which lines of a file are hand-written, and which of those are for host names.
func TestHandWrittenKeys(t *testing.T) {
	text := "Connect:mail.example\tOK\nConnect:IPv6\tREJECT\nFrom:x.example\tREJECT\n192.0.2\tOK\nuser@example\tREJECT\nother.example\tRELAY\n" +
		"# BEGIN mailallow\n# 192.0.2.7/32 OK s: p\nConnect:192.0.2.7\tOK\n# END mailallow\nlast.example\tREJECT\n"
	access := sendmail.NewText([]byte(text), false)
	var names []string
	for _, e := range access.NameKeys() {
		names = append(names, fmt.Sprintf("%d %s", e.Line, e.Key))
	}
	if want := []string{"1 connect:mail.example", "6 other.example", "11 last.example"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
	for addr, want := range map[string]string{"192.0.2.7": "9 false 4 true", "192.0.2.8": "4 true"} {
		var got []string
		for _, e := range access.Rule(sendmail.Client{Addr: netip.MustParseAddr(addr)}, false).Addresses {
			got = append(got, fmt.Sprint(e.Line, e.ByHand))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %s", addr, got, want)
		}
	}
}

// TestFindLineIsPostfix compares FindLine with Postfix's own matcher, in generated tables and in hand-written ones, whose
// networks overlap in any order and some of which Postfix skips.
func TestFindLineIsPostfix(t *testing.T) {
	format, err := format.ByName("postfix-cidr")
	if err != nil {
		t.Fatal(err)
	}
	lines := rapid.Custom(func(t *rapid.T) (lines []string) {
		for i := range rapid.IntRange(1, 40).Draw(t, "lines") {
			p := drawNetwork(t)
			line := rapid.SampledFrom([]string{p.String(), p.String(), p.Addr().String(), fmt.Sprintf("%s/%d", p.Addr().Next(), p.Bits()), "# " + p.String(), " " + p.String()}).Draw(t, "network")
			lines = append(lines, fmt.Sprintf("%s%spermit %d", line, rapid.SampledFrom([]string{" ", "\t\t"}).Draw(t, "blank"), i))
		}
		return lines
	})
	for seed := range 4 {
		l := rapid.Custom(drawList).Example(seed)
		byHand := []byte(strings.Join(lines.Example(seed), "\n") + "\n")
		for _, text := range [][]byte{l.mustWrite(t, "postfix-cidr"), byHand} {
			path := filepath.Join(t.TempDir(), "table")
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			addrs := l.samples()
			values, _ := fixtures.PostmapQuery(t, "cidr:"+path, addrs)
			for _, addr := range addrs {
				if line, _ := format.FindLine(text, addr); line.Value != values[addr] {
					t.Errorf("%s: line %d, %q; postmap %q\n%s", addr, line.Line, line.Value, values[addr], text)
				}
			}
		}
	}
}
