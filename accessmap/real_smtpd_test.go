package accessmap_test

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist"
	"mailallow/fixtures"
)

// TestPostfixAsksRbldnsd has a real Postfix ask a real rbldnsd, as docs/fleet.md has it: what permit_dnswl_client does with
// each action, in its safe place, in front of reject_unauth_destination, and where nobody answers.
func TestPostfixAsksRbldnsd(t *testing.T) {
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
	server := fixtures.NewSmtpd(t, map[string]string{"list": string(l.mustWrite(t, "rbldnsd"))}, "allow.test:combined:list",
		// reject stands for the reject_rbl_client of a list that lists everybody.
		"reject_unauth_destination, permit_dnswl_client allow.test=127.0.0.[2..3], reject",
		"reject_unauth_destination, permit_dnswl_client allow.test=127.0.0.3, reject",
		"permit_dnswl_client allow.test=127.0.0.[2..3], reject_unauth_destination, reject",
		"reject_unauth_destination, permit_dnswl_client nowhere.test=127.0.0.[2..3], reject",
	)
	const local, elsewhere = "postmaster@mail.test", "someone@elsewhere.test"
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
		{safe, "127.0.4.0", elsewhere, "554"},
		{safe, "127.0.4.64", elsewhere, "554"},
		// The test entry is no client of the list.
		{safe, "127.0.0.2", local, "554"},

		{relayOnly, "127.0.4.0", local, "554"},
		{relayOnly, "127.0.4.64", local, "250"},

		// Postfix takes no DNS list's word for relaying, wherever it stands (postconf(5)).
		{first, "127.0.4.0", elsewhere, "554"},
		{first, "127.0.4.64", elsewhere, "554"},
		{first, "127.0.4.64", local, "250"},

		// A list that does not answer puts off what would be rejected.
		{nowhere, "127.0.4.0", local, "450"},
		{nowhere, "127.0.4.0", elsewhere, "554"},
	} {
		got := server.Send(row.place, netip.MustParseAddr(row.client), "a@sender.example", row.to).Decisive()
		if !strings.HasPrefix(got, row.want+" ") {
			t.Errorf("service %d, from %s to %s: %q, want %s", row.place, row.client, row.to, got, row.want)
		}
	}
	if said := server.Rbldnsd.Warnings(); said != "" {
		t.Error(said)
	}
}
