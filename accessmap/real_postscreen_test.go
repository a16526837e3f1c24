//go:build linux

package accessmap_test

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures/host"
)

// TestPostscreenAsksRbldnsd has a real postscreen ask a real rbldnsd, with the settings of docs/fleet.md: a list that rejects
// every client, and the allow list with a negative weight that is more than that.
func TestPostscreenAsksRbldnsd(t *testing.T) {
	t.Parallel()
	l := list{set: allowlist.Merge([]allowlist.Labelled{
		networks("provider", allowlist.OK, "127.0.4.0/24"),
		networks("offices", allowlist.Relay, "127.0.5.0/24"),
	})}
	server := host.NewPostscreen(t, map[string]string{"list": string(l.mustWrite(t, "rbldnsd")), "all": "127.0.0.0/8 :127.0.0.2:listed\n"},
		[]string{"allow.test:combined:list", "deny.test:ip4trie:all"},
		`postscreen_dnsbl_sites = deny.test=127.0.0.[2..11]*3, allow.test=127.0.0.[2..3]*-4
postscreen_dnsbl_allowlist_threshold = -1
postscreen_dnsbl_threshold = 3
postscreen_dnsbl_action = enforce
postscreen_greet_action = enforce
smtpd_relay_restrictions = reject_unauth_destination
`)
	const local, foreign = "postmaster@mail.test", "someone@elsewhere.test"
	for _, row := range []struct{ client, to, at, reply string }{
		{"127.0.4.1", local, "", ""},
		{"127.0.5.1", local, "", ""},
		{"127.0.4.1", foreign, "RCPT", "554 5.7.1"}, // nobody relays by it
		{"127.0.5.1", foreign, "RCPT", "554 5.7.1"},
		{"127.0.6.1", local, "RCPT", "550 5.7.1 Service unavailable; client [127.0.6.1] blocked using deny.test"},
		{"127.0.0.2", local, "RCPT", "550 5.7.1 Service unavailable; client [127.0.0.2] blocked using deny.test"}, // the test entry is outside of the filter
	} {
		got := server.Deliver(1, netip.MustParseAddr(row.client), row.to)
		if got.At != row.at || !strings.HasPrefix(got.Reply, row.reply) {
			t.Errorf("from %s to %s: %+v, want %s %q", row.client, row.to, got, row.at, row.reply)
		}
	}
	if warnings := server.Rbldnsd.Warnings(); warnings != "" {
		t.Error(warnings)
	}
}
