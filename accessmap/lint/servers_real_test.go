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
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// TestSmtpdTables asks a real smtpd what it makes of lines, settings and DNSBLs of which lint has findings (docs/facts.md 28, 29
// and 31). A list that answers with an error, 127.255.255.254, is bad.test.
func TestSmtpdTables(t *testing.T) {
	dir := t.TempDir()
	tableOf := func(name, text string, rules ...string) string {
		path := filepath.Join(dir, name)
		fixtures.WriteFile(t, path, text)
		findings, _ := table.Check([]byte(text), format.UseSMTPD, known)
		if got := rulesOf(findings); got != strings.Join(rules, " ") {
			t.Errorf("%s: %s, want %q", name, got, rules)
		}
		return "check_client_access cidr:" + path
	}
	rows := []struct{ restrictions, want string }{
		{tableOf("comment", "127.0.0.9\t554 Go away    # COMPANY\n", "value-comment"), "554 5.7.1 <unknown[127.0.0.9]>: Client host rejected: Go away    # COMPANY"},
		{tableOf("permit", "127.0.0.9\tOK # partner\n", "value-comment") + ", reject", "250 "}, // smtpd stops at the permit
		{tableOf("mapped", "::ffff:127.0.0.9\tREJECT\n", "mapped"), "250 "},
		{tableOf("plain", "127.0.0.9\tREJECT\n"), "554 "},
		{"permit_mynetworks }\n  -o { mynetworks = 127.0.0.1/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = !127.0.0.1/8, 10.0.0.0/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = 10/8", "451 4.3.0 "},
		{"permit_mynetworks }\n  -o { mynetworks = 10.0.0.0/255.0.0.0", "451 4.3.0 "},
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
		"Conenct:127.0.0.9", "IP:127.0.0.9", "127.0.0.9,127.0.0.8", "Client:127.0.0"} {
		line := key + "\tREJECT"
		findings, _ := access.Check([]byte(line+"\n"), access.Options{Options: known})
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

// adviceRows are settings of smtpd that keep a table, cidr:TABLE, from taking effect. The list all.test lists every client.
var adviceRows = []map[string]string{
	{"smtpd_client_restrictions": "permit_mynetworks, reject_rbl_client all.test"},
	{"smtpd_client_restrictions": "reject_rbl_client all.test, check_client_access cidr:TABLE"},
	{"smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination, reject_rbl_client all.test"},
	{"smtpd_recipient_restrictions": "permit_mynetworks, reject_rbl_client all.test, reject_unauth_destination"},
	{"smtpd_recipient_restrictions": "reject_rbl_client all.test, permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, reject_rbl_client all.test=127.0.0.2"},
	{"smtpd_client_restrictions": "reject_rbl_client all.test", "smtpd_helo_restrictions": "permit_mynetworks, reject_rbl_client all.test",
		"smtpd_sender_restrictions": "reject_rbl_client all.test", "smtpd_data_restrictions": "reject_unauth_pipelining"},
	{"smtpd_relay_restrictions": "reject_rbl_client all.test, permit_mynetworks, reject_unauth_destination"},
	{"smtpd_relay_restrictions": "permit_mynetworks, defer_unauth_destination, reject_rbl_client all.test"},
	{"smtpd_relay_restrictions": "check_client_access cidr:TABLE, permit_mynetworks, reject_unauth_destination", "smtpd_client_restrictions": "reject_rbl_client all.test"},
	{"smtpd_recipient_restrictions": "check_client_access cidr:TABLE, reject_rbl_client all.test, reject_unauth_destination"},
	{"smtpd_relay_restrictions": "permit_mynetworks, check_client_access hash:TABLE, reject_unauth_destination", "smtpd_client_restrictions": "reject_rbl_client all.test"},
	{"smtpd_client_restrictions": "warn_if_reject reject_rbl_client all.test", "smtpd_sender_restrictions": "warn_if_reject reject_rbl_client all.test, reject_rbl_client all.test"},
	{"smtpd_client_restrictions": "check_client_access cidr:TABLE, reject_rbl_client all.test", "smtpd_sender_restrictions": "reject_rbl_client all.test"},
}

// TestAdviceTakesEffect: with the lines that lint prints for main.cf, the real smtpd accepts the mail of a listed client that
// the table permits, and lets nobody relay; before, it refuses that mail or relays. Then lint finds nothing.
func TestAdviceTakesEffect(t *testing.T) {
	const client, relay, recipient = "smtpd_client_restrictions", "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
	path := filepath.Join(t.TempDir(), "table")
	fixtures.WriteFile(t, path, "127.0.4.0/24\tpermit\n")
	tables := []server.Table{{Path: path, Use: format.UseSMTPD, Permits: true, Ours: true}}
	find := func(settings map[string]string) []rule.Finding {
		text := ""
		for name, value := range settings {
			text += name + " = " + value + "\n"
		}
		m, err := postfix.Read(t.Context(), fixtures.Postconf(t, fixtures.PostfixConfig(t, text)), "")
		if err != nil {
			t.Fatal(err)
		}
		return server.Postfix(m, tables, known)
	}
	service := func(settings map[string]string) string {
		text := settings[recipient]
		for name, value := range settings {
			if name != recipient {
				text += " }\n  -o { " + name + " = " + value
			}
		}
		return text
	}
	var services []string
	for _, row := range adviceRows {
		settings := map[string]string{client: "", relay: "permit_mynetworks, reject_unauth_destination", recipient: ""}
		if row[recipient] != "" {
			settings[relay] = "" // the recipient's list guards, as before Postfix 2.10
		}
		for name, value := range row {
			settings[name] = strings.ReplaceAll(value, "TABLE", path)
		}
		services = append(services, service(settings))
		for _, f := range find(settings) {
			for line := range strings.Lines(f.Fix) {
				if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
					settings[name] = value
				}
			}
		}
		if left := find(settings); len(left) > 0 {
			t.Errorf("%v: after the advice, %v: %+v", row, settings, left)
		}
		services = append(services, service(settings))
	}
	server := host.NewSmtpd(t, map[string]string{"all": ":127.0.0.2:listed\n127.0.0.0/8\n"}, "all.test:ip4set:all", services...)
	for i, row := range adviceRows {
		const local, foreign = "postmaster@mail.test", "someone@elsewhere.test"
		send := func(n int, from, to string) bool {
			return server.Send(n, netip.MustParseAddr(from), "a@sender.example", to).Accepted()
		}
		if send(2*i, "127.0.4.1", local) && !send(2*i, "127.0.4.1", foreign) {
			t.Errorf("%v: all is well before the advice", row)
		}
		if !send(2*i+1, "127.0.4.1", local) {
			t.Errorf("%v: the mail is refused after the advice: %s", row, services[2*i+1])
		}
		for n, from := range []string{"127.0.4.1", "127.0.5.1"} {
			if send(2*i+1, from, foreign) {
				t.Errorf("%v: %s relays after the advice", row, from)
			}
			if n == 1 && send(2*i+1, from, local) {
				t.Errorf("%v: the DNSBL refuses nobody after the advice", row)
			}
		}
	}
}

// TestFilterAdvice: a daemon with FEATURE(`dnsbl') refuses every client once the list does not answer its resolver; with the line
// that lint prints it refuses those that are listed.
func TestFilterAdvice(t *testing.T) {
	const zone = "zen.spamhaus.org"
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, "Connect:192.0.2\tREJECT")
	listed, refused, clean := netip.MustParseAddr("127.0.0.8"), netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.10")
	feature := "FEATURE(`dnsbl', `" + zone + "')dnl"
	for _, filtered := range []bool{false, true} {
		daemon := host.NewDaemon(t, host.DaemonOptions{Access: path, Features: "FEATURE(`access_db', `ACCESS')dnl\n" + feature})
		daemon.DNS.Set("sender.example. 60 IN A 192.0.2.1\n8.0.0.127." + zone + ". 60 IN A 127.0.0.4\n9.0.0.127." + zone + ". 60 IN A 127.255.255.254\n")
		accepts := func(client netip.Addr) bool {
			return daemon.Send(client, "who@sender.example", "root@mail.test").Accepted()
		}
		if accepts(listed) || accepts(refused) != filtered || !accepts(clean) {
			t.Errorf("%s: listed %v, refused %v, clean %v", feature, accepts(listed), accepts(refused), accepts(clean))
		}
		cf, err := sendmail.ReadCF(daemon.CF)
		if err != nil {
			t.Fatal(err)
		}
		findings := server.SendmailSettings(&cf, path, "hash")
		if filtered != (len(findings) == 0) {
			t.Fatalf("%s: %+v", feature, findings)
		}
		if !filtered {
			_, feature, _ = strings.Cut(findings[0].Fix, "\n")
		}
	}
}

// TestMapAdvice: with the line that lint prints for a sendmail.cf without an access map, the daemon lets in a listed client with a
// key, and lets it not relay.
func TestMapAdvice(t *testing.T) {
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, "Connect:127.0.4\tOK")
	client, feature := netip.MustParseAddr("127.0.4.1"), "dnl"
	for _, named := range []bool{false, true} {
		daemon := host.NewDaemon(t, host.DaemonOptions{Access: path, Features: feature + "\nFEATURE(`dnsbl', `dnsbl.test')dnl", Listed: []netip.Addr{client}})
		if daemon.Send(client, "who@sender.example", "root@mail.test").Accepted() != named || daemon.Send(client, "who@sender.example", "a@elsewhere.test").Accepted() {
			t.Errorf("%s: with the map %v", feature, named)
		}
		cf, err := sendmail.ReadCF(daemon.CF)
		if err != nil {
			t.Fatal(err)
		}
		findings := server.Sendmail(&cf, path, "")
		if named != (len(findings) == 0) {
			t.Fatalf("%s: %+v", feature, findings)
		}
		if !named {
			_, rest, _ := strings.Cut(findings[0].Fix, "add ")
			feature, _, _ = strings.Cut(rest, " in sendmail.mc")
		}
	}
}
