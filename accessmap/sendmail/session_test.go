package sendmail

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sessionReplies are replies of the real `sendmail -bt` to SessionQuestions, without the lines that say nothing here: with relay, a
// trace of check_relay, and rcpt, one of check_rcpt.
func sessionReplies(relay, rcpt string) []string {
	return []string{"", "", "", "", "", "", "", "MailallowPair   returns: [ 198 . 51 . 100 . 7 ] $| 198 . 51 . 100 . 7\n" + relay,
		"check_mail       returns: < OK >\n", "Flat             returns: someone @ mail . test\n" + rcpt,
		"check_rcpt       returns: $# error $@ 5 . 7 . 1 $: \"550 Relaying denied. IP name lookup failed \" [ 198 . 51 . 100 . 7 ]\n"}
}

// TestReadSession reads traces of the real program: TestExplainSendmail holds what it makes of many against daemons.
func TestReadSession(t *testing.T) {
	const (
		misses = "map_lookup(access, Connect:198.51.100.7) => NOT FOUND (0), ad=0\nmap_lookup(access, 198.51.100.7) => NOT FOUND (0), ad=0\n"
		passes = "check_rcpt       returns: RELAY\n"
		denied = "550 5.7.1 Relaying denied. IP name lookup failed [198.51.100.7]"
	)
	for name, row := range map[string]struct {
		replies []string
		want    Session
	}{
		"listed": {sessionReplies(misses+"map_lookup(dnsbl, 7.100.51.198.secret.zen.dq.spamhaus.net.) => 127.0.0.2 (0), ad=0\n"+
			"check_relay      returns: $# error $@ 5 . 7 . 1 $: \"550 Rejected: \" 198 . 51 . 100 . 7 \" listed at secret.zen.dq.spamhaus.net\"\n== Ruleset check_relay (190) status 0\n", passes),
			Session{Outcome: Refused, At: "check_relay", Reply: "550 5.7.1 Rejected: 198.51.100.7 listed at KEY.zen.dq.spamhaus.net",
				Foreign: "550 5.7.1 Rejected: 198.51.100.7 listed at KEY.zen.dq.spamhaus.net"}},
		"no answer": {sessionReplies(misses+"map_lookup(ednsbl, 7.100.51.198.b.test.) => NOT FOUND (75), ad=0\nmap_lookup(ednsbl, 7.100.51.198.b.test.) tempfail: errno=0\n"+
			"check_relay      returns: $# error $@ 4 . 4 . 3 $: \"451 Temporary lookup failure of \" 198 . 51 . 100 . 7 \" at b.test\"\n", passes),
			Session{Outcome: Refused, At: "check_relay", Reply: "451 4.4.3 Temporary lookup failure of 198.51.100.7 at b.test",
				Foreign: "451 4.4.3 Temporary lookup failure of 198.51.100.7 at b.test"}},
		"let in":      {sessionReplies("map_lookup(access, Connect:198.51.100.7) => OK (0), ad=0\ncheck_relay      returns: OK\n", passes), Session{Outcome: Accepted, Foreign: denied}},
		"no ruleset":  {sessionReplies("Undefined ruleset check_relay\n", passes), Session{Outcome: Accepted, Foreign: denied}},
		"thrown away": {sessionReplies("check_relay      returns: $# discard $: discard\n", passes), Session{Outcome: Discarded, At: "check_relay", Foreign: denied}},
		"quarantine": {sessionReplies("check_relay      returns: $# error $@ quarantine $: odd\n", passes),
			Session{Outcome: Quarantined, At: "check_relay", Reply: "odd", Foreign: denied}},
		"words": {sessionReplies("check_relay      returns: $# error $: OK # no comment\n", passes),
			Session{Outcome: Refused, At: "check_relay", Reply: "553 5.3.0 OK # no comment", Foreign: "553 5.3.0 OK # no comment"}},
		"quotes of a value": {sessionReplies("check_relay      returns: $# error $: 550 no \"OK\\\"\"\n", passes),
			Session{Outcome: Refused, At: "check_relay", Reply: `550 5.0.0 noOK\"`, Foreign: `550 5.0.0 noOK\"`}},
		"a quote without an end": {sessionReplies("check_relay      returns: $# error $: 550 no \"\n", passes),
			Session{Outcome: Refused, At: "check_relay", Reply: "550 5.0.0 no", Foreign: "550 5.0.0 no"}},
		"at RCPT": {sessionReplies("Undefined ruleset check_relay\n", "check_rcpt       returns: $# error $@ 5 . 7 . 1 $: 550 Fix reverse DNS for 198 . 51 . 100 . 7\n"),
			Session{Outcome: Refused, At: "check_rcpt", Reply: "550 5.7.1 Fix reverse DNS for 198.51.100.7", Foreign: denied}},
	} {
		got, ok := ReadSession(row.replies)
		got.Runs = nil
		if diff := cmp.Diff(row.want, got); diff != "" || !ok {
			t.Errorf("%s: read %v (-want +got):\n%s", name, ok, diff)
		}
	}
	if _, ok := ReadSession(sessionReplies(misses, passes)); ok {
		t.Error("a trace without a result is read")
	}
	if _, ok := ReadSession(nil); ok {
		t.Error("no replies are read")
	}
}

// TestSessionLookups: what was looked up, and the last that says something about the client.
func TestSessionLookups(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.7")
	s, ok := ReadSession(sessionReplies("map_lookup(access, Connect:good.example, %1=x, %2=y) => NOT FOUND (0), ad=0\nmap_lookup(access, Connect:198) => REJECT (0)\n"+
		"map_lookup(host, mail.test) => mail.test: Name server timeout\nNOT FOUND (75), ad=0\nmap_lookup(dnsbl, 7.100.51.198.a.test.) => NOT FOUND (68), ad=0\n"+
		"check_relay      returns: $# error $@ 5 . 7 . 1 $: \"550 Access denied\"\n", "check_rcpt       returns: RELAY\n"))
	want := []MapLookup{{Map: "access", Key: "Connect:good.example"}, {Map: "access", Key: "Connect:198", Value: "REJECT", Found: true}, {Map: "dnsbl", Key: "7.100.51.198.a.test."}}
	if diff := cmp.Diff(want, s.Runs[0].Lookups); diff != "" || !ok {
		t.Errorf("read %v (-want +got):\n%s", ok, diff)
	}
	if got := s.Last(); got != want[1] {
		t.Errorf("the last is %+v", got)
	}
	if zone := want[2].Zone(addr); zone != "a.test" {
		t.Errorf("the zone is %q", zone)
	}
}

// FuzzReadSession checks that no output of sendmail -bt is more than a session with nothing known.
func FuzzReadSession(f *testing.F) {
	f.Add("check_relay      returns: $# error $@ 5 . 7 . 1 $: \"550 Rejected\"\n", "check_rcpt returns: $#")
	f.Fuzz(func(t *testing.T, relay, rcpt string) {
		s, ok := ReadSession(sessionReplies(relay, rcpt))
		if ok && s.Outcome == "" || strings.Contains(s.Reply, "\n") {
			t.Errorf("%+v", s)
		}
	})
}
