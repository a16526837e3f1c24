package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
)

// postfixRows are a main.cf and the rules that find something about the table /t/list.
var postfixRows = []struct{ main, want string }{
	{"", "not-named"},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list", ""},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list, reject_rbl_client a.example", ""},
	{"smtpd_client_restrictions = reject_rbl_client a.example, check_client_access cidr:/t/list", "dnsbl-first"},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list\nsmtpd_recipient_restrictions = reject_rbl_client a.example", "dnsbl-first"},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list\nsmtpd_recipient_restrictions = reject_unauth_destination, " +
		"check_client_access cidr:/t/list, reject_rbl_client a.example", ""},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list\nsmtpd_sender_restrictions = reject_rhsbl_sender d.example", ""},
	{"smtpd_client_restrictions = check_client_access cidr:/t/list\nsmtpd_helo_restrictions = reject_rhsbl_client d.example", "dnsbl-first"},
	{"smtpd_relay_restrictions = permit_mynetworks\nsmtpd_recipient_restrictions = check_client_access cidr:/t/list, reject_unauth_destination", "relay-table"},
	{"smtpd_client_restrictions = warn_if_reject reject_rbl_client a.example, cidr:/t/list", ""},
	{"smtpd_sender_restrictions = check_sender_access cidr:/t/list", "not-named"},
	{"smtpd_client_restrictions = check_client_access hash:/t/list, reject_rbl_client a.example", "not-named"},
	{"smtpd_client_restrictions = check_client_access proxy:cidr:/t/list, reject_rbl_client a.example", ""},
	{"smtpd_relay_restrictions = permit_mynetworks, check_client_access cidr:/t/list, reject_unauth_destination", "relay-table"},
	{"smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination, check_client_access cidr:/t/list", ""},
	{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = check_client_access cidr:/t/list, reject_unauth_destination", "relay-table"},
	{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_client_access cidr:/t/list", ""},
	{"smtpd_recipient_restrictions = check_client_access cidr:/t/list", ""}, // smtpd_relay_restrictions has its default
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client zen.spamhaus.org", "dnsbl-answers"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]", ""},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rhsbl_helo dbl.spamhaus.org", "dnsbl-answers"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client dnsbl.sorbs.net", "dead-dnsbl"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net=127.0.0.[2..11]", "dnsbl-key"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net=127.0.0.[2..11]\n" +
		"default_rbl_reply = $rbl_code Service unavailable; $rbl_class [$rbl_what] blocked${rbl_reason?; $rbl_reason}", ""},
	{"mynetworks = 127.0.0.1/8\nsmtpd_client_restrictions = cidr:/t/list", "host-bits"},
	{"mynetworks = !192.168.1.7/24, [fd00::1]/64\nsmtpd_client_restrictions = cidr:/t/list", "host-bits host-bits"},
	{"mynetworks = 10/8 192.168.0.0/255.255.0.0 hash:/etc/nets /etc/nets localhost\nsmtpd_client_restrictions = cidr:/t/list", "pattern pattern"},
	{"mynetworks = 10.0.0 10.0.0. 10.0.0.* 10.0.0.0-10.0.0.255 10.0.0.256 [::1 10.0.0.0 /24\nsmtpd_client_restrictions = cidr:/t/list",
		strings.TrimSpace(strings.Repeat("pattern ", 7))},
	{"mynetworks = 10.0.0.0/24; [10.0.0.1] host.example.com mail-1 1.example\nsmtpd_client_restrictions = cidr:/t/list", "pattern"},
	{"mynetworks = 2001:db8::/32 [2001:db8:1::]/48 [2001:db8:2::/48] !2001:db8::7\nsmtpd_client_restrictions = cidr:/t/list", "pattern pattern"},
	{"smtpd_client_restrictions = cidr:/t/list # ours\n  permit", "value-comment"},
	{"smtpd_client_restrictions = check_client_access /t/list", "not-named"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client zen.spamhaus.org=127.255.255.254", "dnsbl-answers"},
	{"smtpd_client_restrictions = cidr:/t/list, reject_rbl_client zen.spamhaus.org=127.[0..255].[0..255].[2..255]", "dnsbl-answers"},
	{"smtpd_client_restrictions = cidr:/t/list, warn_if_reject reject_rbl_client zen.spamhaus.org=127.255.255.[1..255]", ""},
	{"mynetworks = 0.0.0.0/0\nsmtpd_client_restrictions = cidr:/t/list", "open-relay"},
	{"mynetworks = 128.0.0.0/1 [2000::]/3 static:all\nsmtpd_client_restrictions = cidr:/t/list", "open-relay open-relay open-relay"},
	{"mynetworks = !0.0.0.0/0 !static:all !74.125.0.0/16 !cidr:/t/list\nsmtpd_client_restrictions = cidr:/t/list", ""},
	{"mynetworks = !!0.0.0.0/0 !!static:all !!10.0.0.1/8 !!/file !!cidr:/t/list\nsmtpd_client_restrictions = cidr:/t/list", "relay-table open-relay open-relay host-bits"},
	{"mynetworks = ! 10.0.0.0/8\nsmtpd_client_restrictions = cidr:/t/list", "pattern"},
	{"mynetworks = 224.0.0.0/3 16.0.0.0/4\nsmtpd_client_restrictions = cidr:/t/list", "wide"},
	{"mynetworks = 127.0.0.0/8 cidr:/t/list\nsmtpd_client_restrictions = cidr:/t/list", "relay-table"},
	{"mynetworks = 127.0.0.0/8 74.125.0.0/16\nsmtpd_client_restrictions = cidr:/t/list", "shared-relay"},
	{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = reject_rbl_client a.example, check_client_access cidr:/t/list, reject_unauth_destination",
		"relay-table dnsbl-first"},
}

func TestLintPostfix(t *testing.T) {
	t.Parallel()
	for _, row := range postfixRows {
		config := fixtures.PostfixConfig(t, row.main+"\n")
		m, err := postfix.Read(t.Context(), fixtures.Postconf(t, config), "")
		if err != nil {
			t.Fatal(err)
		}
		findings := server.Postfix(m, []server.Table{{Path: "/t/list", Use: format.UseSMTPD, Permits: true, Generated: true}}, known)
		for _, f := range findings {
			if f.File != config+"/main.cf" {
				t.Errorf("%+v", f)
			}
		}
		checkFindings(t, nil, findings)
		if got := rulesOf(findings); got != row.want {
			t.Errorf("%s\n  %q, want %q: %v", row.main, got, row.want, findings)
		}
	}
}

// TestLintExcluded: a list for mynetworks that main.cf names with a ! lets nobody relay.
func TestLintExcluded(t *testing.T) {
	m, err := postfix.Read(t.Context(), fixtures.Postconf(t, fixtures.PostfixConfig(t, "mynetworks = !cidr:/t/list\n")), "")
	if err != nil {
		t.Fatal(err)
	}
	found := server.PostfixTable(m, server.Table{Path: "/t/list", Use: format.UseMyNetworks, Permits: true, Generated: true})
	if len(found) != 1 || found[0].Rule != "not-named" || found[0].Text != "mynetworks names /t/list with !: no address in it may relay" {
		t.Errorf("%+v", found)
	}
}

// TestLintPostfixBelow: main.cf names tables without the root above them, and so do the findings.
func TestLintPostfixBelow(t *testing.T) {
	config := fixtures.PostfixConfig(t, "smtpd_client_restrictions = reject_rbl_client a.example, check_client_access cidr:/t/list\n"+
		"mynetworks = cidr:$config_directory/nets\n")
	m, err := postfix.Read(t.Context(), fixtures.Postconf(t, config), "")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(config)
	m.Below(root)
	findings := server.Postfix(m, []server.Table{
		{Path: root + "/t/list", Use: format.UseSMTPD, Permits: true, Generated: true},
		{Path: config + "/nets", Use: format.UseMyNetworks, Missing: true},
	}, rule.Options{})
	var got []string
	for _, f := range findings {
		got = append(got, f.Rule+" "+f.Text)
	}
	// The command is for the system below the root, where no Postfix runs, and is typed outside.
	if fix, ok := strings.CutPrefix(findings[0].Fix, "run:\npostconf -c "+config+" -e 'smtpd_client_restrictions = "); !ok ||
		!strings.Contains(fix, "check_client_access cidr:/t/list, ") || strings.Contains(fix, "reload") {
		t.Errorf("%s", findings[0].Fix)
	}
	want := []string{"dnsbl-first smtpd_client_restrictions asks reject_rbl_client a.example before /t/list",
		"no-map mynetworks names /" + filepath.Base(config) + "/nets, which does not exist: its lookups fail, and smtpd answers 451"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPostscreenFirst: postscreen asks DNSBLs before smtpd reads a table, unless it reads one of mailallow itself.
func TestPostscreenFirst(t *testing.T) {
	smtpd := server.Table{Path: "/t/list", Use: format.UseSMTPD, Permits: true, Generated: true}
	greeting := server.Table{Path: "/t/greeting", Use: format.UsePostscreen, Permits: true, Generated: true}
	lists := map[string]postfix.List{
		"smtpd_client_restrictions": {Items: []postfix.Item{{Name: "check_client_access", Argument: "cidr:/t/list"}}},
		"postscreen_access_list":    {Items: []postfix.Item{{Name: "cidr:/t/greeting"}}},
		"postscreen_dnsbl_sites":    {Items: []postfix.Item{{Name: "a.example*2"}}},
	}
	for _, row := range []struct {
		main   postfix.Main
		tables []server.Table
		want   string
	}{
		{postfix.Main{Lists: lists, Postscreen: true}, []server.Table{smtpd}, "dnsbl-first"},
		{postfix.Main{Lists: lists, Postscreen: true}, []server.Table{smtpd, greeting}, ""},
		{postfix.Main{Lists: lists, Postscreen: true}, []server.Table{greeting}, ""},
		{postfix.Main{Lists: lists}, []server.Table{smtpd}, ""},
	} {
		findings := server.Postfix(&row.main, row.tables, rule.Options{})
		if got := rulesOf(findings); got != row.want {
			t.Errorf("postscreen %v, %+v: %+v, want %q", row.main.Postscreen, row.tables, findings, row.want)
		}
	}
}

// cfRows are a sendmail.cf, with PATH for the path of an access file that has a map, and the rules that find something.
var cfRows = []struct{ cf, mapType, want string }{
	{"", "auto", "no-access-map"},
	{"Kaccess hash /somewhere/access\n", "auto", "other-map"},
	{"Kaccess ldap -1 PATH\n", "auto", "other-map"},
	{"Kaccess hash -T<TMPF> PATH\n", "cdb", "other-map no-map"},
	{"Kaccess hash -T<TMPF> PATH\n", "auto", ""},
	{"Kaccess hash -T<TMPF> PATH\n", "", ""},
	{"Kaccess btree PATH\n", "auto", ""},
	{"Kaccess hash -f PATH\n", "auto", "other-map"},
	{"Kaccess cdb -o PATH\n", "auto", "no-map"},
	{"Kaccess cdb PATH\nO UseCompressedIPv6Addresses=True\n", "auto", "compressed-ipv6 no-map"},
	{"Kaccess hash -T<TMPF> PATH\nO UseCompressedIPv6Addresses=True\n", "auto", "compressed-ipv6"},
	{"Kaccess hash -T<TMPF> PATH\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.dnsbl.sorbs.net. $: OK $)\nR<?>$+\t\t$#error $: x\n", "auto", "dead-dnsbl"},
	{"Kaccess hash -T<TMPF> PATH\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.zen.spamhaus.org. $: OK $)\nR<?>$+\t\t$#error $: x\n", "auto", "dnsbl-answers"},
	{"Kaccess hash -T<TMPF> PATH\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net. $: OK $)\n" +
		"R<?>127.0.0.$-.\t\t$#error $: \"at abcdefghijklmnopqrstuvwxyz.zen.dq.spamhaus.net\"\n", "auto", "dnsbl-key"},
	{"Kaccess hash -T<TMPF> PATH\nO RunAsUser=125:125\n", "auto", "unsafe-map"},
}

func TestLintSendmailCF(t *testing.T) {
	path := filepath.Join(fixtures.SafeDir(t), "access")
	fixtures.MakeAccess(t, path, "Connect:192.0.2\tOK")
	if err := os.Chmod(path+".db", 0o640); err != nil {
		t.Fatal(err)
	}
	for _, row := range cfRows {
		cf := sendmail.ParseCF("x.cf", []byte(strings.ReplaceAll(row.cf, "PATH", path)))
		findings := server.Sendmail(&cf, path, row.mapType, makemap.UsualFile)
		checkFindings(t, nil, findings)
		if slices.ContainsFunc(findings, func(f rule.Finding) bool { return f.Fix == "" }) {
			t.Errorf("%s: no fix: %+v", row.cf, findings)
		}
		if got := rulesOf(findings); got != row.want {
			t.Errorf("%s as %s: %q, want %q: %v", row.cf, row.mapType, got, row.want, findings)
		}
	}
}

// TestNoAccessFile: with -o an access file may be missing, as on a new FreeBSD; a text without its map is another matter.
func TestNoAccessFile(t *testing.T) {
	path := filepath.Join(fixtures.SafeDir(t), "access")
	for _, row := range []struct{ flags, text, want string }{
		{"-o -T<TMPF> ", "", ""}, {"-T<TMPF> ", "", "no-map"}, {"-o ", "Connect:192.0.2\tOK\n", "no-map"},
	} {
		if row.text != "" {
			fixtures.WriteFile(t, path, row.text)
		}
		cf := sendmail.ParseCF("x.cf", []byte("Kaccess hash "+row.flags+path+"\n"))
		if got := rulesOf(server.Sendmail(&cf, path, "", makemap.UsualFile)); got != row.want {
			t.Errorf("%q, %q: %q, want %q", row.flags, row.text, got, row.want)
		}
	}
}

// TestRootsOwnDirectories: lint ignores directories above a root, and advises paths for sendmail.mc without it.
func TestRootsOwnDirectories(t *testing.T) {
	above := filepath.Join(fixtures.SafeDir(t), "above")
	root := filepath.Join(above, "root")
	path := filepath.Join(root, "etc", "access")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	fixtures.MakeAccess(t, path, "Connect:192.0.2\tOK")
	if err := os.Chmod(above, 0o777); err != nil {
		t.Fatal(err)
	}
	cf := sendmail.ParseCF("x.cf", []byte("Kaccess hash "+path+"\n"))
	if findings := server.Sendmail(&cf, path, "", makemap.UsualFile); len(findings) != 1 || findings[0].Fix != "chmod o-w "+above {
		t.Errorf("%+v", findings)
	}
	cf.Root = root
	if findings := server.Sendmail(&cf, path, "", makemap.UsualFile); len(findings) > 0 {
		t.Errorf("%+v", findings)
	}
	cf = sendmail.CF{Path: "x.cf", Root: root}
	if findings := server.Sendmail(&cf, path, "", makemap.UsualFile); len(findings) != 1 || !strings.Contains(findings[0].Fix, " /etc/access'") {
		t.Errorf("%+v", findings)
	}
}
