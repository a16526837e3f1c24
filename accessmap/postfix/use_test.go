package postfix

import (
	"fmt"
	"strings"
	"testing"
)

// The rows follow postconf(5), access(5) and docs/facts.md 10.
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
		{"mynetworks = !!cidr:/t", "permit", "mynetworks member []"},
		{"postscreen_access_list = permit_mynetworks, cidr:/t", "permit", "postscreen_access_list exempt []"},
		{"postscreen_access_list = cidr:/t", "reject", "postscreen_access_list refuses []"},
		{"smtpd_client_restrictions = " + own + "\nmynetworks = cidr:/t", "permit", "smtpd_client_restrictions ends-list [] mynetworks member []"},
		{"smtpd_client_restrictions = permit", "permit", ""},
	} {
		var got []string
		for _, e := range parse([]byte(row.main+"\n"), nil, nil, nil).Effects("/t", row.value) {
			got = append(got, fmt.Sprint(e.List, " ", e.Does, " ", e.DNSBLs))
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s, %q: %q, want %q", row.main, row.value, got, row.want)
		}
	}
}
