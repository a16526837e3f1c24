//go:build linux

package lint

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// TestSmtpdTables asks a real smtpd what it makes of lines, settings and DNSBLs of which lint has findings (docs/facts.md 28, 29
// and 31). A list that answers with an error, 127.255.255.254, is bad.test.
func TestSmtpdTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tableOf := func(name, text string, rules ...string) string {
		path := filepath.Join(dir, name)
		fixtures.WriteFile(t, path, text)
		findings := table.Check([]byte(text), format.UseSMTPD, known)
		if got := rulesOf(findings); got != strings.Join(rules, " ") {
			t.Errorf("%s: %s, want %q", name, got, rules)
		}
		return "check_client_access cidr:" + path
	}
	negated := filepath.Join(dir, "negated")
	fixtures.WriteFile(t, negated, "!10.0.0.0/8\tREJECT\n")
	rows := []struct{ restrictions, want string }{
		{tableOf("comment", "127.0.0.9\t554 Go away    # COMPANY\n", "value-comment"), "554 5.7.1 <unknown[127.0.0.9]>: Client host rejected: Go away    # COMPANY"},
		{tableOf("permit", "127.0.0.9\tOK # partner\n", "value-comment") + ", reject", "250 "}, // smtpd stops at the permit
		{tableOf("mapped", "::ffff:127.0.0.9\tREJECT\n", "mapped"), "250 "},
		{tableOf("plain", "127.0.0.9\tREJECT\n"), "554 "},
		{"permit_mynetworks }\n  -o { mynetworks = 127.0.0.1/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = !127.0.0.1/8, 10.0.0.0/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = 10/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = 10.0.0.0/255.0.0.0", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = 2001:db8::/32", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = [2001:db8::/32]", "250 "},
		{"permit_mynetworks }\n  -o { mynetworks = 127.0.0.0 /24", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = [127.0.0.0/24", "451 4.3.0 "},
		{"permit_mynetworks, reject }\n  -o { mynetworks = 127.0.0, 127.0.0., 127.0.0.*, 127.0.0.0-127.0.0.255, 127.0.0.0/24;, 127.0.0.256, [127.0.0.9", "554 "},
		{"permit_mynetworks, reject }\n  -o { mynetworks = cidr:" + negated, "250 "},
		{"reject_unauth_destination # ours", "451 4.3.5 "},
		{"reject_rbl_client bad.test=127.255.255.254", "554 "},
		{"reject_rbl_client bad.test=127.[0..255].[0..255].[2..255]", "554 "},
		{"warn_if_reject reject_rbl_client bad.test", "250 "},
		{"reject_rbl_client bad.test", "554 "},
		{"reject_rbl_client bad.test=127.0.0.[2..11]", "250 "},
		{"reject_rbl_client bad.test }\n  -o { default_rbl_reply = $rbl_code Service unavailable; $rbl_class [$rbl_what] blocked${rbl_reason?; $rbl_reason}",
			"554 5.7.1 Service unavailable; Client host [127.0.0.9] blocked; open resolver"},
	}
	var restrictions []string
	for _, row := range rows {
		restrictions = append(restrictions, "reject_unauth_destination, "+row.restrictions)
	}
	server := host.NewSmtpd(t, map[string]string{"bad": ":127.255.255.254:open resolver\n127.0.0.0/8\n"}, "bad.test:ip4set:bad", restrictions...)
	for i, row := range rows {
		got := server.Send(i, netip.MustParseAddr("127.0.0.9"), "a@sender.example", "postmaster@mail.test").Decisive()
		if !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %q, want %q", row.restrictions, got, row.want)
		}
	}
}

// TestNamesNeverMatch: the daemon lets in who the key of a line with the rule name-form or tag means, and refuses the same
// sender with the key that lint advises (docs/facts.md 30).
func TestNamesNeverMatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, "Connect:192.0.2\tREJECT")
	daemon := host.NewDaemon(t, host.DaemonOptions{Access: path})
	client := netip.MustParseAddr("127.0.0.9")
	refused := func(line string) bool {
		fixtures.MakeAccess(t, path, line)
		return !daemon.Send(client, "who@sender.example", "root@mail.test").Accepted()
	}
	for _, key := range []string{".sender.example", "From:.sender.example", "@sender.example", "From:@sender.example", "sender.example.", "sender.example:", "*@sender.example",
		"From:who@sender.example.", "<who@sender.example>", "who@sender.example,you@sender.example", "From:*.example", "Sender:sender.example", "From=sender.example",
		`"who@sender.example"`, "http://sender.example", "sender.example/", "(sender.example)", "sender.example;other.example", "Fron:sender.example",
		"Conenct:127.0.0.9", "IP:127.0.0.9", "127.0.0.9,127.0.0.8", "Client:127.0.0",
		"!127.0.0.9", "-127.0.0", "127.0.0.9:25", "x.example[127.0.0.9]", "Connect:ip4:127.0.0.9"} {
		line := key + "\tREJECT"
		findings := access.Check([]byte(line+"\n"), access.Options{Options: known})
		if !slices.ContainsFunc(findings, func(f rule.Finding) bool { return f.Rule == "name-form" || f.Rule == "tag" || f.Rule == "address-form" }) {
			t.Errorf("%s: no finding: %+v", key, findings)
		}
		if refused(line) {
			t.Errorf("%s refuses", key)
		}
		fix := findings[0].Fix
		if written := fix[strings.LastIndex(fix, " ")+1:]; strings.HasPrefix(fix, "write "+written) && !refused(written+"\tREJECT") {
			t.Errorf("%s: the advice %q does not refuse", key, written)
		}
	}
	for _, key := range []string{"sender.example", "From:sender.example", "who@sender.example", "From:who@", "example", "127.0.0", "Connect:127.0.0.9"} {
		if !refused(key + "\tREJECT") {
			t.Errorf("%s does not refuse", key)
		}
	}
}
