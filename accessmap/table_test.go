package accessmap

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// What each value means in each list, by postconf(5), access(5) and docs/facts.md 10.
func TestEffects(t *testing.T) {
	const own = "check_client_access cidr:/t"
	for _, row := range []struct{ main, value, want string }{
		{"smtpd_client_restrictions = permit_mynetworks, " + own, "permit", "smtpd_client_restrictions ends-list []"},
		{"smtpd_client_restrictions = cidr:/t", "OK", "smtpd_client_restrictions ends-list []"},
		{"smtpd_client_restrictions = reject_rbl_client a.test=127.0.0.2, " + own, "REJECT", "smtpd_client_restrictions refuses [a.test]"},
		{"smtpd_client_restrictions = warn_if_reject " + own, "REJECT", "smtpd_client_restrictions logs []"},
		{"smtpd_client_restrictions = " + own, "", "smtpd_client_restrictions goes-on []"},
		{"smtpd_helo_restrictions = check_helo_access cidr:/t", "permit", "smtpd_helo_restrictions not-asked []"},
		{"smtpd_sender_restrictions = cidr:/t", "permit", "smtpd_sender_restrictions not-asked []"},
		{"smtpd_relay_restrictions = " + own + ", reject_unauth_destination", "permit", "smtpd_relay_restrictions relays []"},
		{"smtpd_relay_restrictions = defer_unauth_destination, " + own, "permit", "smtpd_relay_restrictions ends-list []"},
		{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = " + own + ", reject_unauth_destination", "RELAY", "smtpd_recipient_restrictions relays []"},
		{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = warn_if_reject reject_unauth_destination, " + own, "permit", "smtpd_recipient_restrictions relays []"},
		{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = reject_unauth_destination, " + own, "permit", "smtpd_recipient_restrictions ends-list []"},
		{"smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\nsmtpd_recipient_restrictions = " + own, "permit", "smtpd_recipient_restrictions ends-list []"},
		{"mynetworks = 127.0.0.0/8, cidr:/t", "reject", "mynetworks member []"},
		{"mynetworks = !cidr:/t", "permit", "mynetworks not-member []"},
		{"postscreen_access_list = permit_mynetworks, cidr:/t", "permit", "postscreen_access_list exempt []"},
		{"postscreen_access_list = cidr:/t", "reject", "postscreen_access_list refuses []"},
		{"smtpd_client_restrictions = " + own + "\nmynetworks = cidr:/t", "permit", "smtpd_client_restrictions ends-list [] mynetworks member []"},
		{"smtpd_client_restrictions = permit", "permit", ""},
	} {
		var got []string
		for _, e := range parsePostfix([]byte(row.main+"\n"), nil, nil, nil).Effects("/t", row.value) {
			got = append(got, fmt.Sprint(e.List, " ", e.Does, " ", e.DNSBLs))
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s, %q: %q, want %q", row.main, row.value, got, row.want)
		}
	}
}

// The first line in file order; what is no network that stands for itself is passed over. The real postmap is asked the
// same in TestFindLineIsPostfix.
func TestFindLine(t *testing.T) {
	for _, row := range []struct{ format, text, addr, want string }{
		{"postfix-cidr", "# 192.0.2.0/24 x\n192.0.2.0/25 permit\n192.0.2.0/24\treject\n", "192.0.2.1", "2 192.0.2.0/25 permit"},
		{"postfix-cidr", "192.0.2.0/24\treject\n192.0.2.0/25 permit\n", "192.0.2.1", "1 192.0.2.0/24 reject"},
		{"postfix-cidr", "2001:db8::/32  REJECT no thanks \n", "2001:db8::1", "1 2001:db8::/32 REJECT no thanks"},
		{"postfix-cidr", "192.0.2.0/24\tpermit\n", "::ffff:192.0.2.1", "1 192.0.2.0/24 permit"},
		{"cidr", "192.0.2.0/24\n198.51.100.7/32\n", "198.51.100.7", "2 198.51.100.7/32 "},
		{"json", "{\"version\": 1, \"entries\": [\n {\"prefix\":\"192.0.2.0/24\",\"action\":\"OK\",\"sources\":[]}\n,{\"prefix\":\"192.0.3.0/24\",\"action\":\"REJECT\",\"sources\":[\n  {\"name\":\"a\",\"paths\":[\n   \"b\"]}]}\n]}\n", "192.0.3.9", "3 192.0.3.0/24 REJECT"},
		{"json", "{\"version\": 1, \"entries\": []}\n", "192.0.3.9", ""},
		{"sendmail-access", "Connect:192.0.2\tOK\n", "192.0.2.1", ""},
		{"postfix-cidr", "", "192.0.2.1", ""},
	} {
		format, err := FormatByName(row.format)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if line, ok := format.FindLine([]byte(row.text), netip.MustParseAddr(row.addr)); ok {
			got = fmt.Sprint(line.Line, " ", line.Network, " ", line.Value)
		}
		if got != row.want {
			t.Errorf("%s %q, %s: %q, want %q", row.format, row.text, row.addr, got, row.want)
		}
	}
}

// What sendmail -bt says is told apart by its prompts, one for each line that it is given.
func TestDialogue(t *testing.T) {
	out := "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n" +
		"> map_lookup: access (a) no match (0)\n> > > > Relay_ok           input: x\nRelay_ok         returns: RELAY\n> "
	got := dialogue(out)
	want := []string{"map_lookup: access (a) no match (0)\n", "", "", "", "Relay_ok           input: x\nRelay_ok         returns: RELAY\n", ""}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q, want %q", got, want)
	}
}
