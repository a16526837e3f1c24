package dnsbl_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"
)

// No passing test waits until the time-out patient.
const patient = time.Minute

func client(t *testing.T, s *fixtures.DNSServer, c dnsq.Config) *dnsq.Client {
	t.Helper()
	c.Resolvers, c.Attempts, c.Concurrency = []string{s.Addr()}, 1, 256
	if c.Timeout == 0 {
		c.Timeout = patient
	}
	q, err := dnsq.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func zone(t *testing.T, written, key string) dnsbl.Zone {
	t.Helper()
	z, err := dnsbl.ParseZone(written, key)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// records gives A records of an address in a zone.
func records(address, zone string, answers ...string) string {
	var b strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&b, "%s.%s A %s\n", dnsbl.Reverse(addr(address)), zone, a)
	}
	return b.String()
}

// healthy gives the test entries of a zone.
func healthy(zone string) string {
	return records("127.0.0.2", zone, "127.0.0.2") + records("::ffff:127.0.0.2", zone, "127.0.0.2")
}

// check asks about one address in one zone, and puts the result into a row.
func check(t *testing.T, c *dnsq.Client, address string, z dnsbl.Zone) (row string, res dnsbl.Result) {
	t.Helper()
	res = dnsbl.Check(t.Context(), []dnsbl.Resolver{c}, []netip.Addr{addr(address)}, []dnsbl.Zone{z})[0]
	row = string(res.State)
	for _, code := range res.Codes {
		row += " " + code.String()
	}
	if res.Policy {
		row += " policy"
	}
	return row, res
}

// TestAnswers has the codes of each list, with the result and part of its meaning.
func TestAnswers(t *testing.T) {
	const shutOut = "not a listing"
	rows := []struct{ zone, answers, want, meaning string }{
		// Spamhaus
		{"zen.spamhaus.org", "", "clean", "not listed"},
		{"zen.spamhaus.org", "127.0.0.2", "listed 127.0.0.2", "SBL:"},
		{"zen.spamhaus.org", "127.0.0.3", "listed 127.0.0.3", "SBL CSS:"},
		{"zen.spamhaus.org", "127.0.0.4", "listed 127.0.0.4", "XBL:"},
		{"zen.spamhaus.org", "127.0.0.7", "listed 127.0.0.7", "XBL:"},
		{"zen.spamhaus.org", "127.0.0.8", "listed 127.0.0.8", "unknown code 127.0.0.8"},
		{"zen.spamhaus.org", "127.0.0.9 127.0.0.2", "listed 127.0.0.2 127.0.0.9", "network that serves spammers; SBL DROP"},
		{"zen.spamhaus.org", "127.0.0.10", "listed 127.0.0.10 policy", "PBL, policy, no evidence of spam"},
		{"zen.spamhaus.org", "127.0.0.11", "listed 127.0.0.11 policy", "PBL, policy, no evidence of spam"},
		{"zen.spamhaus.org", "127.0.0.10 127.0.0.4 127.0.0.2", "listed 127.0.0.2 127.0.0.4 127.0.0.10", "SBL: a source of spam, or a network that serves spammers; XBL:"},
		{"zen.spamhaus.org", "127.255.255.252", "error 127.255.255.252", "mistyped"},
		{"zen.spamhaus.org", "127.255.255.254", "error 127.255.255.254", "public resolvers"},
		{"zen.spamhaus.org", "127.255.255.255", "error 127.255.255.255", "too many queries"},
		{"zen.spamhaus.org", "127.255.255.7", "error 127.255.255.7", shutOut},
		{"zen.spamhaus.org", "127.255.255.254 127.0.0.4", "listed 127.0.0.4 127.255.255.254", "XBL:"},
		{"pbl.spamhaus.org", "127.0.0.11", "listed 127.0.0.11 policy", "PBL"},
		{"sbl-xbl.spamhaus.org", "127.0.0.4", "listed 127.0.0.4", "XBL"},
		// Other blocklists
		{"bl.spamcop.net", "127.0.0.2", "listed 127.0.0.2", "reported"},
		{"b.barracudacentral.org", "127.0.0.2", "listed 127.0.0.2", "BRBL"},
		{"psbl.surriel.com", "127.0.0.2", "listed 127.0.0.2", "spam trap"},
		{"dnsbl-1.uceprotect.net", "127.0.0.2", "listed 127.0.0.2", "level 1"},
		{"dnsbl-2.uceprotect.net", "127.0.0.2", "listed 127.0.0.2 policy", "level 2"},
		{"dnsbl-3.uceprotect.net", "127.0.0.2", "listed 127.0.0.2 policy", "level 3"},
		{"bl.mailspike.net", "127.0.0.2", "listed 127.0.0.2", "spam"},
		{"bl.mailspike.net", "127.0.0.12", "listed 127.0.0.12", "bad reputation"},
		{"hostkarma.junkemailfilter.com", "127.0.0.1", "clean 127.0.0.1", "white"},
		{"hostkarma.junkemailfilter.com", "127.0.0.2", "listed 127.0.0.2", "black"},
		{"hostkarma.junkemailfilter.com", "127.0.0.4", "listed 127.0.0.4", "unknown code 127.0.0.4"},
		{"all.spamrats.com", "127.0.0.36", "listed 127.0.0.36", "unknown code"},
		{"bl.score.senderscore.com", "127.0.0.6", "listed 127.0.0.6", "unknown bits 6"},
		{"bl.score.senderscore.com", "127.255.255.255", "error 127.255.255.255", "not registered"},
		{"multi.surbl.org", "127.0.0.1", "error 127.0.0.1", "does not answer"},
		{"multi.uribl.com", "127.0.0.1", "error 127.0.0.1", "does not answer"},
		{"multi.uribl.com", "127.0.0.14", "listed 127.0.0.14", "unknown bits 14"},
		{"k123456789.combined.mail.abusix.zone", "127.0.0.4", "listed 127.0.0.4", "exploit"},
		{"k123456789.combined.mail.abusix.zone", "127.0.0.12", "listed 127.0.0.12 policy", "policy"},
		{"k123456789.combined.mail.abusix.zone", "127.0.2.3", "clean 127.0.2.3", "white"},
		// Welcome lists and reputation
		{"list.dnswl.org", "", "clean", "welcome list"},
		{"list.dnswl.org", "127.0.5.1", "clean 127.0.5.1", "trust: low"},
		{"list.dnswl.org", "127.0.3.0", "clean 127.0.3.0", "trust: none"},
		{"list.dnswl.org", "127.0.0.255", "error 127.0.0.255", "over its limit"},
		{"list.dnswl.org", "127.0.9.255", "error 127.0.9.255", "over its limit"},
		{"list.dnswl.org", "127.0.10.3", "error 127.0.10.3", "not a statement"},
		{"rep.mailspike.net", "127.0.0.10", "listed 127.0.0.10", "worst"},
		{"rep.mailspike.net", "127.0.0.14", "clean 127.0.0.14", "neutral"},
		{"rep.mailspike.net", "127.0.0.20", "clean 127.0.0.20", "excellent"},
		{"wl.mailspike.net", "127.0.0.18", "clean 127.0.0.18", "good"},
		{"swl.spamhaus.org", "127.0.2.102", "clean 127.0.2.102", "on this welcome list"},
		{"wl.nordspam.com", "127.0.0.2", "clean 127.0.0.2", "on this welcome list"},
		{"whitelist.unknown.example", "127.0.0.2", "clean 127.0.0.2", "on this welcome list"},
		{"whitelist.unknown.example", "127.0.0.1", "clean 127.0.0.1", "on this welcome list"},
		{"whitelist.unknown.example", "127.255.255.254", "error 127.255.255.254", shutOut},
		{"score.senderscore.com", "127.0.4.99", "clean 127.0.4.99", "a reputation score of 99 out of 100"},
		{"score.senderscore.com", "127.0.4.3", "clean 127.0.4.3", "a reputation score of 3 out of 100"},
		{"score.senderscore.com", "", "clean", "no score"},
		// Unknown lists (RFC 5782), and answers that no list gives
		{"bl.example", "127.0.0.77", "listed 127.0.0.77", "unknown code 127.0.0.77"},
		{"bl.example", "127.1.2.3", "listed 127.1.2.3", "unknown code 127.1.2.3"},
		{"bl.example", "127.0.0.1", "error 127.0.0.1", "never a listing"},
		{"bl.example", "127.255.255.1", "error 127.255.255.1", shutOut},
		{"bl.example", "10.0.0.1", "error 10.0.0.1", "rewrites"},
		{"bl.example", "203.0.113.80", "error 203.0.113.80", "rewrites"},
		{"bl.example", "10.0.0.1 127.0.0.3", "listed 10.0.0.1 127.0.0.3", "unknown code 127.0.0.3"},
	}
	var text strings.Builder
	for i, row := range rows {
		text.WriteString(healthy(row.zone))
		for _, address := range []string{fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("2001:db8::%x", i+1)} {
			text.WriteString(records(address, row.zone, strings.Fields(row.answers)...))
		}
	}
	s := fixtures.DNS(t, text.String())
	c := client(t, s, dnsq.Config{})
	for i, row := range rows {
		t.Run(row.zone+" "+row.answers, func(t *testing.T) {
			for _, address := range []string{fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("2001:db8::%x", i+1)} {
				got, res := check(t, c, address, zone(t, row.zone, ""))
				if got != row.want || !strings.Contains(res.Meaning, row.meaning) {
					t.Errorf("%s: %s: %q, want %s: %q", address, got, res.Meaning, row.want, row.meaning)
				}
			}
		})
	}
}

// TestBorders has a row on each side of the borders between error, unknown and the other states.
func TestBorders(t *testing.T) {
	const v4, v6, list = "192.0.2.25", "2001:db8::25", "bl.example"
	two, one := dnsbl.Reverse(addr("127.0.0.2"))+"."+list, dnsbl.Reverse(addr("127.0.0.1"))+"."+list
	mine := dnsbl.Reverse(addr(v4)) + "." + list
	listed := records(v4, list, "127.0.0.2") + records(v6, list, "127.0.0.2")
	for _, row := range []struct {
		name, address, text, faulty string
		fault                       fixtures.Fault
		want, meaning               string
	}{
		{"a zone that answers nothing", v4, "x TXT x", "", 0, "error", "does not list its test entry 127.0.0.2"},
		{"listed, and without its test entry", v4, listed, "", 0, "error 127.0.0.2", "does not list its test entry 127.0.0.2"},
		{"everything listed", v4, healthy(list) + listed + records("127.0.0.1", list, "127.0.0.2"), "", 0, "error 127.0.0.2", "lists 127.0.0.1, which no list may"},
		{"nothing but 127.0.0.1 listed", v4, healthy(list) + records("127.0.0.1", list, "127.0.0.2"), "", 0, "error", "lists 127.0.0.1"},
		{"a test entry with an error code", v4, records("127.0.0.2", list, "127.255.255.254"), "", 0, "error", "its test entry 127.0.0.2: answered 127.255.255.254"},
		{"both test entries with an error code", v4, records("127.0.0.2", list, "127.255.255.254") + records("127.0.0.1", list, "127.255.255.254"), "", 0, "error", "answered 127.255.255.254"},
		{"a resolver that rewrites", v4, records("127.0.0.2", list, "10.9.8.7") + records(v4, list, "10.9.8.7"), "", 0, "error 10.9.8.7", "answered 10.9.8.7"},
		{"several answers to a test entry", v4, records("127.0.0.2", list, "127.0.0.4", "127.0.0.2", "127.0.0.10"), "", 0, "clean", "not listed"},

		{"SERVFAIL for the address", v4, healthy(list) + listed, mine, fixtures.ServFail, "unknown", "no answer: SERVFAIL from"},
		{"REFUSED for the address", v4, healthy(list) + listed, mine, fixtures.Refused, "unknown", "REFUSED"},
		{"a referral", v4, healthy(list) + listed, mine, fixtures.Lame, "unknown", "a referral"},
		{"garbage", v4, healthy(list) + listed, mine, fixtures.Garbage, "unknown", "malformed"},
		{"REFUSED for all", v4, healthy(list) + listed, "*", fixtures.Refused, "unknown", "REFUSED"},
		{"SERVFAIL for a test entry, listed", v4, healthy(list) + listed, two, fixtures.ServFail, "unknown 127.0.0.2", "no answer about its test entry 127.0.0.2: SERVFAIL"},
		{"SERVFAIL for a test entry, clean", v4, healthy(list), one, fixtures.ServFail, "unknown", "test entry 127.0.0.1"},
		{"SERVFAIL for a test entry, an error code", v4, healthy(list) + records(v4, list, "127.255.255.254"), two, fixtures.ServFail, "error 127.255.255.254", "not a listing"},
		{"SERVFAIL for one test entry, the other wrong", v4, healthy(list), two, fixtures.NXDomain, "error", "does not list its test entry"},

		{"IPv6, healthy and clean", v6, healthy(list), "", 0, "clean", "not listed"},
		{"IPv6 without its test entry, clean", v6, records("127.0.0.2", list, "127.0.0.2"), "", 0, "error", "::FFFF:7F00:2"},
		{"IPv6 without its test entry, listed", v6, records("127.0.0.2", list, "127.0.0.2") + listed, "", 0, "listed 127.0.0.2", "unknown code"},
		{"IPv6, everything listed", v6, healthy(list) + listed + records("::ffff:127.0.0.1", list, "127.0.0.2"), "", 0, "error 127.0.0.2", "lists ::FFFF:7F00:1"},
		{"IPv4-mapped", "::ffff:" + v4, healthy(list) + listed, "", 0, "listed 127.0.0.2", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := fixtures.DNS(t, row.text)
			if row.fault != 0 {
				s.Fault(strings.TrimPrefix(row.faulty, "*"), "", row.fault)
			}
			got, res := check(t, client(t, s, dnsq.Config{}), row.address, zone(t, list, ""))
			if got != row.want || !strings.Contains(res.Meaning, row.meaning) {
				t.Errorf("%s: %q, want %s: %q", got, res.Meaning, row.want, row.meaning)
			}
		})
	}
}

// A parked zone answers with the address of a web server. With right answers of another list through the same resolver, the
// zone is to blame, and without them the resolver.
func TestParked(t *testing.T) {
	const parked, alive = "parked.example", "bl.example"
	web := records("127.0.0.2", parked, "203.0.113.80") + records("127.0.0.1", parked, "203.0.113.80") + records("192.0.2.25", parked, "203.0.113.80")
	for _, row := range []struct{ name, text, zones, meaning string }{
		{"alone", web, parked, "a resolver on the way rewrites"},
		{"beside one that is alive", web + healthy(alive), parked + " " + alive, "answered 203.0.113.80, which is not an answer of a DNSBL: the zone is parked"},
		{"beside one that is parked, too", web + records("127.0.0.2", alive, "203.0.113.80"), parked + " " + alive, "a resolver on the way rewrites"},
		{"with the address not there", records("127.0.0.2", parked, "203.0.113.80") + healthy(alive), alive + " " + parked, "the zone is parked"},
	} {
		var zones []dnsbl.Zone
		for name := range strings.FieldsSeq(row.zones) {
			zones = append(zones, zone(t, name, ""))
		}
		q := client(t, fixtures.DNS(t, row.text), dnsq.Config{})
		for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{q}, []netip.Addr{addr("192.0.2.25")}, zones) {
			if res.Zone.Written == parked && (res.State != dnsbl.Error || !strings.Contains(res.Meaning, row.meaning)) {
				t.Errorf("%s: %s: %s, want %q", row.name, res.State, res.Meaning, row.meaning)
			}
		}
	}
}

// Every dead list has its end, and all but the oldest a page that says so. It is not asked, nor is any other name of its operator.
func TestEnds(t *testing.T) {
	oldest := 0
	for _, ended := range dnsbl.DeadLists() {
		if ended.End == "" || dnsbl.Dead("any."+ended.Zone) == "" {
			t.Errorf("%+v", ended)
		}
		if ended.Source == "" {
			oldest++
		}
	}
	if oldest > 11 {
		t.Errorf("%d lists without a page: a new one needs it", oldest)
	}
}

func TestRefuses(t *testing.T) {
	for row, want := range map[string]bool{
		"zen.spamhaus.org 127.255.255.254": true, "zen.spamhaus.org 127.0.0.4": false, "multi.uribl.com 127.0.0.1": true, "dbl.spamhaus.org 127.0.1.255": true,
		"list.dnswl.org 127.0.5.1": false, "list.dnswl.org 127.0.5.255": true, "hostkarma.junkemailfilter.com 127.0.0.1": false,
		"unknown.example 127.0.0.1": false, "unknown.example 127.255.255.1": true, "unknown.example 203.0.113.1": true, "score.senderscore.com 127.0.4.7": false,
	} {
		zone, code, _ := strings.Cut(row, " ")
		if got := dnsbl.Refuses(zone, addr(code)); got != want {
			t.Errorf("%s: %v", row, got)
		}
	}
	for _, l := range dnsbl.All() {
		z := zone(t, strings.Replace(l.Zone, "zen.dq", secret+".zen.dq", 1), secret)
		for n := range 3 * 256 {
			code := netip.AddrFrom4([4]byte{127, 0, byte(n >> 8 * 5), byte(n)})
			state, meaning := z.Read([]netip.Addr{code})
			if got := dnsbl.Refuses(l.Zone, code); got != (state == dnsbl.Error) {
				t.Errorf("%s %s: %v, but %s: %s", l.Zone, code, got, state, meaning)
			}
		}
	}
}

// If the IPv4 test entries of a zone are wrong, its IPv6 answers count only if its IPv6 test entries are right.
func TestFamiliesTogether(t *testing.T) {
	const list = "bl.example"
	both := []netip.Addr{addr("192.0.2.25"), addr("2001:db8::25")}
	listed := records("2001:db8::25", list, "127.0.0.2")
	for _, row := range []struct{ name, text, want string }{
		{"IPv6 alone", listed + records("::ffff:127.0.0.2", list, "127.0.0.2"), "[error listed]"},
		{"neither", listed, "[error error]"},
		{"IPv4 alone", listed + records("127.0.0.2", list, "127.0.0.2"), "[clean listed]"},
	} {
		var got []dnsbl.State
		for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, fixtures.DNS(t, row.text), dnsq.Config{})}, both, []dnsbl.Zone{zone(t, list, "")}) {
			got = append(got, res.State)
		}
		if fmt.Sprint(got) != row.want {
			t.Errorf("%s: %v, want %s", row.name, got, row.want)
		}
	}
}

// Check does not ask zones that cannot answer about an address.
func TestNotAsked(t *testing.T) {
	s := fixtures.DNS(t, "x TXT x")
	c := client(t, s, dnsq.Config{})
	for _, row := range []struct{ zone, meaning string }{
		{"dnsbl.sorbs.net", "SORBS was shut down on 5 June 2024"},
		{"spam.dnsbl.sorbs.net", "SORBS was shut down on 5 June 2024"},
		{"IX.dnsbl.manitu.net.", "NiX Spam was shut down in January 2025"},
		{"db.wpbl.info", "dead"}, {"virbl.bit.nl", "dead"}, {"dnsbl.cyberlogic.net", "dead"},
		{"dnsbl.njabl.org", "dead"}, {"dnsbl.ahbl.org", "dead"}, {"cbl.abuseat.org", "zen.spamhaus.org"},
		{"dbl.spamhaus.org", "domain names"},
	} {
		got, res := check(t, c, "192.0.2.25", zone(t, row.zone, ""))
		if got != "error" || !strings.Contains(res.Meaning, "not asked") || !strings.Contains(res.Meaning, row.meaning) {
			t.Errorf("%s: %s: %s", row.zone, got, res.Meaning)
		}
	}
	if asked := s.Asked(); len(asked) > 0 {
		t.Errorf("asked %v", asked)
	}
}

// Check asks no public list about an address that no other network sees. An unknown list may be one of this network.
func TestLocal(t *testing.T) {
	for _, list := range []string{"zen.spamhaus.org", "bl.example"} {
		for address, local := range map[string]bool{
			"10.0.0.1": true, "172.31.255.255": true, "192.168.0.1": true, "169.254.1.1": true, "100.64.0.1": true, "100.127.255.255": true,
			"0.0.0.0": true, "224.0.0.1": true, "255.255.255.255": true, "::ffff:10.0.0.1": true, "::": true, "::1": true, "fe80::1": true, "fd00::1": true,
			"127.0.0.2": false, "127.0.0.10": false, "::ffff:127.0.0.2": false, "100.63.255.255": false, "100.128.0.0": false, "172.32.0.0": false,
			"192.0.2.25": false, "2001:db8::25": false,
		} {
			s := fixtures.DNS(t, healthy(list))
			_, res := check(t, client(t, s, dnsq.Config{}), address, zone(t, list, ""))
			asked := slices.ContainsFunc(slices.Collect(maps.Keys(s.Asked())), func(q string) bool { return strings.HasSuffix(q, " A "+dnsbl.Reverse(addr(address).Unmap())+"."+list) })
			want := !local || list == "bl.example"
			if asked != want || strings.HasPrefix(res.Meaning, "not asked: ") == want || want != (res.State != dnsbl.Error) {
				t.Errorf("%s in %s: asked %t, %s: %s", address, list, asked, res.State, res.Meaning)
			}
		}
	}
}

// Check asks about each name once, asks for reasons only of listings, and makes them printable.
func TestQuestions(t *testing.T) {
	const list = "bl.example"
	mine := dnsbl.Reverse(addr("192.0.2.25")) + "." + list
	s := fixtures.DNS(t, healthy(list)+records("192.0.2.25", list, "127.0.0.2")+
		mine+` TXT "see " "https://bl.example/\027[31m\195\188"`+"\n"+mine+" TXT \"\"\n"+mine+` TXT "`+strings.Repeat("y", 250)+`" "`+strings.Repeat("z", 250)+`"`)
	results := dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, s, dnsq.Config{})}, []netip.Addr{addr("192.0.2.25"), addr("192.0.2.26")}, []dnsbl.Zone{zone(t, list, "")})
	text := slices.Sorted(slices.Values(results[0].Text))
	if len(text) != 2 || text[0] != `see https://bl.example/\x1b[31m\xc3\xbc` || len(text[1]) > 300 || !strings.HasSuffix(text[1], "z...") {
		t.Errorf("reasons %q", text)
	}
	want := map[string]int{"udp A " + mine: 1, "udp TXT " + mine: 1,
		"udp A 26.2.0.192.bl.example": 1, "udp A 2.0.0.127.bl.example": 1, "udp A 1.0.0.127.bl.example": 1}
	got := s.Asked()
	delete(got, "tcp TXT "+mine) // the answer is too long for UDP
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A time-out makes the state unknown, and does not delay the other results.
func TestSilence(t *testing.T) {
	t.Parallel()
	s := fixtures.DNS(t, healthy("alive.example"))
	s.Fault("25.2.0.192.dead.example", "A", fixtures.Drop)
	s.Fault("2.0.0.127.dead.example", "A", fixtures.Drop)
	s.Fault("1.0.0.127.dead.example", "A", fixtures.Drop)
	zones := []dnsbl.Zone{zone(t, "dead.example", ""), zone(t, "alive.example", "")}
	results := dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, s, dnsq.Config{Timeout: 3 * time.Second, Attempts: 1})}, []netip.Addr{addr("192.0.2.25")}, zones)
	if results[0].State != dnsbl.Unknown || !strings.HasPrefix(results[0].Meaning, "no answer in 3s from ") || results[1].State != dnsbl.Clean {
		t.Errorf("%+v", results)
	}
}

// TestTwoRoundTrips lets all questions about addresses and test entries arrive before it answers one.
func TestTwoRoundTrips(t *testing.T) {
	s := fixtures.DNS(t, "x TXT x")
	arrived, release := s.Hold("", "A")
	var addrs []netip.Addr
	for i := range 4 {
		addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	var zones []dnsbl.Zone
	for i := range 12 {
		zones = append(zones, zone(t, fmt.Sprintf("list%d.example", i), ""))
	}
	go func() {
		for range len(zones) * (len(addrs) + 2) {
			<-arrived
		}
		release()
	}()
	if got := len(dnsbl.Check(t.Context(), []dnsbl.Resolver{client(t, s, dnsq.Config{})}, addrs, zones)); got != 48 {
		t.Errorf("%d rows", got)
	}
}

// Each result comes from one resolver, with its own test entries: an empty answer to a blocked resolver proves nothing.
func TestOneResolverARow(t *testing.T) {
	const list = "bl.example"
	shaky := fixtures.DNS(t, healthy(list)+records("192.0.2.1", list, "127.0.0.4"))
	shaky.Fault("25.2.0.192."+list, "A", fixtures.ServFail)
	blocked := fixtures.DNS(t, "x TXT x")
	sound := fixtures.DNS(t, healthy(list)+records("192.0.2.25", list, "127.0.0.2"))
	silent := fixtures.DNS(t)
	silent.Fault("", "", fixtures.Refused)
	for _, row := range []struct {
		name    string
		servers []*fixtures.DNSServer
		want    string
	}{
		{"shaky alone", []*fixtures.DNSServer{shaky}, "[listed unknown]"},
		{"then a blocked one", []*fixtures.DNSServer{shaky, blocked}, "[listed error]"},
		{"then a sound one", []*fixtures.DNSServer{shaky, sound}, "[listed listed]"},
		{"no answers", []*fixtures.DNSServer{silent, silent}, "[unknown unknown]"},
		{"an answer of the last one only", []*fixtures.DNSServer{silent, silent, sound}, "[clean listed]"},
	} {
		c := dnsq.Config{Timeout: patient}
		for _, s := range row.servers {
			c.Resolvers = append(c.Resolvers, s.Addr())
		}
		q, err := dnsq.New(c)
		if err != nil {
			t.Fatal(err)
		}
		var resolvers []dnsbl.Resolver
		for _, one := range q.Apart() {
			resolvers = append(resolvers, one)
		}
		var got []dnsbl.State
		for _, res := range dnsbl.Check(t.Context(), resolvers, []netip.Addr{addr("192.0.2.1"), addr("192.0.2.25")}, []dnsbl.Zone{zone(t, list, "")}) {
			got = append(got, res.State)
		}
		if fmt.Sprint(got) != row.want {
			t.Errorf("%s: %v, want %s", row.name, got, row.want)
		}
	}
}

func TestDead(t *testing.T) {
	for zone, dead := range map[string]bool{"dnsbl.sorbs.net": true, "dul.dnsbl.sorbs.net": true, "relays.ordb.org": true, "dynablock.njabl.org": true,
		"zen.spamhaus.org": false, "rbl.example.net": false, "google": false, "": false} {
		if end := dnsbl.Dead(zone); end != "" != dead {
			t.Errorf("%q: %q", zone, end)
		}
	}
}
