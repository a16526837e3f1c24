//go:build linux

package accessmap_test

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures/host"
)

// TestPostfixAsksRbldnsd has a real Postfix ask a real rbldnsd, as in docs/fleet.md. It tries permit_dnswl_client for each
// action, after and before reject_unauth_destination, and with a zone that no server answers for.
func TestPostfixAsksRbldnsd(t *testing.T) {
	t.Parallel()
	l := list{set: allowlist.Merge([]allowlist.Labelled{
		networks("provider", allowlist.OK, "127.0.4.0/23"),
		networks("offices", allowlist.Relay, "127.0.4.64/26"),
		networks("abuse", allowlist.Reject, "127.0.5.9/32"),
		networks("never", allowlist.Exclude, "127.0.5.128/25"),
	})}
	const (
		safe = iota
		relayOnly
		first
		nowhere
	)
	server := host.NewSmtpd(t, map[string]string{"list": string(l.mustWrite(t, "rbldnsd"))}, "allow.test:combined:list",
		// reject is in place of the reject_rbl_client of a list that lists every address.
		"reject_unauth_destination, permit_dnswl_client allow.test=127.0.0.[2..3], reject",
		"reject_unauth_destination, permit_dnswl_client allow.test=127.0.0.3, reject",
		"permit_dnswl_client allow.test=127.0.0.[2..3], reject_unauth_destination, reject",
		"reject_unauth_destination, permit_dnswl_client nowhere.test=127.0.0.[2..3], reject",
	)
	const local, foreign = "postmaster@mail.test", "someone@elsewhere.test"
	for _, row := range []struct {
		place    int
		client   string
		to, want string
	}{
		{safe, "127.0.4.0", local, "250"},
		{safe, "127.0.5.127", local, "250"},
		{safe, "127.0.4.64", local, "250"},
		{safe, "127.0.3.255", local, "554"},
		{safe, "127.0.5.9", local, "554"},
		{safe, "127.0.5.128", local, "554"},
		{safe, "127.0.4.0", foreign, "554"},
		{safe, "127.0.4.64", foreign, "554"},
		// The list does not contain the test entry.
		{safe, "127.0.0.2", local, "554"},

		{relayOnly, "127.0.4.0", local, "554"},
		{relayOnly, "127.0.4.64", local, "250"},

		// permit_dnswl_client never permits relaying, in any place (postconf(5)).
		{first, "127.0.4.0", foreign, "554"},
		{first, "127.0.4.64", foreign, "554"},
		{first, "127.0.4.64", local, "250"},

		// If the list does not answer, Postfix defers mail that it would reject.
		{nowhere, "127.0.4.0", local, "450"},
		{nowhere, "127.0.4.0", foreign, "554"},
	} {
		got := server.Send(row.place, netip.MustParseAddr(row.client), "a@sender.example", row.to).Decisive()
		if !strings.HasPrefix(got, row.want+" ") {
			t.Errorf("service %d, from %s to %s: %q, want %s", row.place, row.client, row.to, got, row.want)
		}
	}
	if warnings := server.Rbldnsd.Warnings(); warnings != "" {
		t.Error(warnings)
	}
}
