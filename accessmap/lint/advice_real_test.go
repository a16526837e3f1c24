//go:build linux

package lint

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/postfix"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

const (
	clientList    = "smtpd_client_restrictions"
	relayList     = "smtpd_relay_restrictions"
	recipientList = "smtpd_recipient_restrictions"
	dnsblSites    = "postscreen_dnsbl_sites"
)

// adviceRow is a main.cf of which lint has a finding by a rule. The other settings are those of adviceBase.
type adviceRow struct {
	rule       string
	settings   map[string]string
	postscreen bool
	missing    bool // the table does not exist
}

// adviceBase has the table take effect. The list all.test lists every client.
var adviceBase = map[string]string{
	"mynetworks": "10.0.0.0/8",
	clientList:   "check_client_access cidr:TABLE, reject_rbl_client all.test",
	relayList:    "permit_mynetworks, reject_unauth_destination",
}

var adviceRows = []adviceRow{
	{rule: "host-bits", settings: map[string]string{"mynetworks": "10.0.0.1/8"}},
	{rule: "pattern", settings: map[string]string{"mynetworks": "10/8"}},
	{rule: "pattern", settings: map[string]string{"mynetworks": "10.0.0.0/8 2001:db8::/32"}},
	{rule: "pattern", settings: map[string]string{"mynetworks": "10.0.0.0/255.0.0.0"}},
	{rule: "wide", settings: map[string]string{"mynetworks": "192.0.0.0/8"}},
	{rule: "open-relay", settings: map[string]string{"mynetworks": "0.0.0.0/0"}},
	{rule: "open-relay", settings: map[string]string{"mynetworks": "static:all"}},
	{rule: "shared-relay", settings: map[string]string{"mynetworks": "10.0.0.0/8 74.125.0.0/16"}},
	{rule: "value-comment", settings: map[string]string{clientList: "# ours check_client_access cidr:TABLE, reject_rbl_client all.test"}},
	{rule: "no-map", missing: true},
	{rule: "no-map", settings: map[string]string{clientList: "check_client_access cidr:TABLE.gone, check_client_access cidr:TABLE, reject_rbl_client all.test"}},
	{rule: "not-named", settings: map[string]string{clientList: "permit_mynetworks, reject_rbl_client all.test"}},
	{rule: "not-named", settings: map[string]string{clientList: "", recipientList: "permit_mynetworks, reject_unauth_destination, reject_rbl_client all.test"}},
	{rule: "not-named", settings: map[string]string{clientList: "reject_rbl_client all.test", "smtpd_helo_restrictions": "permit_mynetworks, reject_rbl_client all.test",
		"smtpd_sender_restrictions": "reject_rbl_client all.test", "smtpd_data_restrictions": "reject_unauth_pipelining"}},
	{rule: "not-named", settings: map[string]string{clientList: "", relayList: "reject_rbl_client all.test, permit_mynetworks, reject_unauth_destination"}},
	{rule: "not-named", settings: map[string]string{clientList: "", relayList: "permit_mynetworks, defer_unauth_destination, reject_rbl_client all.test"}},
	{rule: "not-named", settings: map[string]string{clientList: "warn_if_reject reject_rbl_client all.test",
		"smtpd_sender_restrictions": "warn_if_reject reject_rbl_client all.test, reject_rbl_client all.test"}},
	{rule: "not-named", settings: map[string]string{clientList: "", relayList: "", recipientList: "permit_mynetworks, reject_rbl_client all.test, reject_unauth_destination"}},
	{rule: "not-named", settings: map[string]string{clientList: "", relayList: "",
		recipientList: "reject_rbl_client all.test, permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, reject_rbl_client all.test=127.0.0.2"}},
	{rule: "dnsbl-first", settings: map[string]string{clientList: "reject_rbl_client all.test, check_client_access cidr:TABLE"}},
	{rule: "dnsbl-first", settings: map[string]string{"smtpd_sender_restrictions": "reject_rbl_client all.test"}},
	{rule: "dnsbl-first", settings: map[string]string{dnsblSites: "all.test"}, postscreen: true},
	{rule: "relay-table", settings: map[string]string{clientList: "reject_rbl_client all.test", relayList: "check_client_access cidr:TABLE, permit_mynetworks, reject_unauth_destination"}},
	{rule: "relay-table", settings: map[string]string{clientList: "", relayList: "", recipientList: "check_client_access cidr:TABLE, reject_rbl_client all.test, reject_unauth_destination"}},
	{rule: "not-named", settings: map[string]string{clientList: "reject_rbl_client all.test", relayList: "permit_mynetworks, check_client_access hash:TABLE, reject_unauth_destination"}},
	{rule: "relay-table", settings: map[string]string{"mynetworks": "10.0.0.0/8, cidr:TABLE"}},
	{rule: "dead-dnsbl", settings: map[string]string{clientList: "reject_rbl_client dnsbl.sorbs.net"}},
	{rule: "dead-dnsbl", settings: map[string]string{dnsblSites: "dnsbl.sorbs.net*2, all.test=127.0.0.3"}, postscreen: true},
	{rule: "dnsbl-answers", settings: map[string]string{clientList: "reject_rbl_client zen.spamhaus.org"}},
	{rule: "dnsbl-answers", settings: map[string]string{dnsblSites: "all.test=127.0.0.3, zen.spamhaus.org*2"}, postscreen: true},
	{rule: "dnsbl-answers", settings: map[string]string{clientList: "reject_rbl_client zen.spamhaus.org=127.255.255.[252..255]"}},
	{rule: "dnsbl-key", settings: map[string]string{clientList: "check_client_access cidr:TABLE, reject_rbl_client " + accountKey + ".zen.dq.spamhaus.net=127.0.0.[2..11]"}},
	{rule: "dnsbl-key", settings: map[string]string{dnsblSites: accountKey + ".zen.dq.spamhaus.net=127.0.0.[2..11]"}, postscreen: true},
}

const accountKey = "abcdefghijklmnopqrstuvwxy2"

// soonRows are the rows of an ordinary run, two of each rule; the long run takes all.
func soonRows() (rows []adviceRow) {
	of := map[string]int{}
	for _, row := range adviceRows {
		if of[row.rule]++; of[row.rule] <= fixtures.Rounds(2, len(adviceRows)) {
			rows = append(rows, row)
		}
	}
	return rows
}

// adviceElsewhere are the rules of server.Rules whose advice another test follows.
var adviceElsewhere = map[string]string{
	"dnsbl-now":       "it is about no setting: TestDNSBLNow",
	"no-access-map":   "TestSendmailAdvice",
	"other-map":       "TestSendmailAdvice",
	"unsafe-map":      "TestSendmailAdvice",
	"compressed-ipv6": "TestSendmailAdvice",
}

// advised is a main.cf of a row and the tables beside it.
type advised struct {
	adviceRow
	dir    string
	tables []server.Table
}

func newAdvised(t *testing.T, row adviceRow) *advised {
	a := &advised{adviceRow: row, dir: fixtures.SafeDir(t)}
	if err := os.Chmod(a.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a.settings = map[string]string{}
	for name, value := range adviceBase {
		a.settings[name] = value
	}
	maps.Copy(a.settings, row.settings)
	for name, value := range a.settings {
		a.settings[name] = strings.ReplaceAll(value, "TABLE", a.path("table"))
	}
	if row.postscreen {
		a.settings["postscreen_dnsbl_action"] = "enforce"
	}
	a.add(t, "table", format.UseSMTPD, !row.missing)
	return a
}

func (a *advised) path(name string) string { return filepath.Join(a.dir, name) }

// add adds a target with the client's network; exists: after an update.
func (a *advised) add(t *testing.T, name string, use format.Use, exists bool) {
	path := a.path(name)
	if text := "192.0.2.0/24\tpermit\n74.125.0.0/16\tpermit\n"; exists && use != format.UseMyNetworks {
		fixtures.WriteFile(t, path, text)
	} else if exists {
		fixtures.WriteFile(t, path, "10.1.0.0/16\tpermit\n")
	}
	a.tables = append(a.tables, server.Table{Path: path, Use: use, Permits: true, Generated: true, Missing: !exists})
}

func (a *advised) main() (text string) {
	for _, name := range slices.Sorted(maps.Keys(a.settings)) {
		text += name + " = " + a.settings[name] + "\n"
	}
	return text
}

func (a *advised) find(t *testing.T) []rule.Finding {
	config := fixtures.PostfixConfig(t, a.main())
	if a.postscreen {
		fixtures.WriteFile(t, filepath.Join(config, "master.cf"), "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n")
	}
	m, err := postfix.Read(t.Context(), fixtures.Postconf(t, config), "")
	if err != nil {
		t.Fatal(err)
	}
	tables := slices.Clone(a.tables)
	for _, named := range server.Tables(m) {
		if !slices.ContainsFunc(a.tables, func(ours server.Table) bool { return ours.Path == named.Path }) {
			_, err := os.Stat(named.Path)
			named.Missing = err != nil
			tables = append(tables, named)
		}
	}
	return server.Postfix(m, tables, known)
}

// placed matches the setting and the item in it of which a finding speaks.
var placed = regexp.MustCompile(`^(\S+) (?:has|names) (.+?)(?: without the codes|, which|, with bits|: )`)

// settingsOf gives the settings that commands of postconf make.
func settingsOf(commands string) (settings string) {
	for _, edit := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(commands, -1) {
		settings += edit[1] + "\n"
	}
	return settings
}

// follow does what a finding advises, as an administrator who takes it by the word.
func (a *advised) follow(t *testing.T, f rule.Finding) {
	replace := func(with string) {
		at := placed.FindStringSubmatch(f.Text)
		if at == nil || !strings.Contains(a.settings[at[1]], at[2]) {
			t.Fatalf("the finding does not say what to replace: %+v", f)
		}
		a.settings[at[1]] = strings.Replace(a.settings[at[1]], at[2], with, 1)
	}
	before, lines, ok := strings.Cut(f.Fix, "write in main.cf:\n")
	if commands, found := strings.CutPrefix(f.Fix, "run:\n"); found {
		lines, ok = settingsOf(commands), true
	}
	if ok {
		for line := range strings.Lines(lines) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
			if !ok {
				t.Fatalf("no setting: %q", line)
			}
			if strings.Contains(before, "your key in place of KEY") {
				value = strings.ReplaceAll(value, "KEY", accountKey)
			}
			a.settings[name] = value
		}
		return
	}
	for _, form := range []struct {
		form string
		do   func(of []string)
	}{
		{`^if the network is meant, write (.*)$|^write (?:there: )?(.*)$`, func(of []string) { replace(of[1] + of[2]) }},
		{`^name your own networks there$`, func([]string) { replace("10.0.0.0/8") }},
		{`^take it out of |^remove it, and let their mail in with a table`, func([]string) { replace("") }},
		{`^create it, or remove it from the list$`, func([]string) {
			a.settings[clientList] = strings.Replace(a.settings[clientList], "check_client_access cidr:"+a.path("table.gone")+", ", "", 1)
		}},
		{`^put the comment on a line of its own$`, func([]string) { a.settings[clientList] = strings.Replace(a.settings[clientList], "# ours ", "", 1) }},
		{`^run: mailallow update$`, func([]string) { a.tables = nil; a.add(t, "table", format.UseSMTPD, true) }},
		{`^add a target with format = "postscreen-cidr" and name it in postscreen_access_list$`, func([]string) { a.add(t, "screen", format.UsePostscreen, true) }},
		{`^remove it, and use a target with format = "mynetworks-cidr"`, func([]string) {
			a.settings["mynetworks"] = strings.Replace(a.settings["mynetworks"], "cidr:"+a.path("table"), "", 1)
			a.add(t, "networks", format.UseMyNetworks, true)
		}},
	} {
		if of := regexp.MustCompile(form.form).FindStringSubmatch(f.Fix); of != nil {
			form.do(of)
			return
		}
	}
	t.Fatalf("nobody can follow: %+v", f)
}

// TestAdviceTakesEffect: with what lint advises for a main.cf of each rule, the real Postfix accepts the mail of a listed client that
// the table permits, refuses another that is listed, without the account key in its reply, and lets nobody relay; before, one of
// these does not hold. Then lint finds nothing.
func TestAdviceTakesEffect(t *testing.T) {
	t.Parallel()
	var servers []host.PostfixServer
	for _, r := range server.Rules() {
		if adviceElsewhere[r.Name] == "" && !slices.ContainsFunc(adviceRows, func(row adviceRow) bool { return row.rule == r.Name }) {
			t.Errorf("no row has the rule %s", r.Name)
		}
	}
	rows := soonRows()
	for _, row := range rows {
		a := newAdvised(t, row)
		before := host.PostfixServer{Main: a.main(), Postscreen: a.postscreen}
		if a.missing { // and it stays so for this server
			before.Main = strings.ReplaceAll(before.Main, a.path("table"), a.path("absent"))
		}
		left := a.find(t)
		if !slices.ContainsFunc(left, func(f rule.Finding) bool { return f.Rule == row.rule }) {
			t.Errorf("%s: %+v", row.rule, left)
		}
		for n := 0; n < 12 && len(left) > 0; n++ {
			a.follow(t, left[0])
			left = a.find(t)
		}
		if len(left) > 0 {
			t.Errorf("%v: after the advice:\n%s%+v", row, a.main(), left)
		}
		servers = append(servers, before, host.PostfixServer{Main: a.main(), Postscreen: a.postscreen})
	}
	zone := "sender.example. 60 IN A 192.0.2.1\n"
	for _, reversed := range []string{"9.100.51.198", "7.2.0.192", "1.1.125.74"} {
		for list, code := range map[string]string{"all.test": "127.0.0.2", "dnsbl.sorbs.net": "127.0.0.2", "zen.spamhaus.org": "127.255.255.254", accountKey + ".zen.dq.spamhaus.net": "127.0.0.4"} {
			zone += reversed + "." + list + ". 60 IN A " + code + "\n"
		}
	}
	p := host.NewPostfix(t, zone, servers)
	wrong := make([][]string, len(servers))
	var wg sync.WaitGroup
	for n := range servers {
		wg.Go(func() { wrong[n] = sendAll(p, n, servers[n], servers[n|1].Main) })
	}
	wg.Wait()
	for i, row := range rows {
		if len(wrong[2*i]) == 0 {
			t.Errorf("%s: all is well before the advice:\n%s", row.rule, servers[2*i].Main)
		}
		if left := wrong[2*i+1]; len(left) > 0 {
			t.Errorf("%s: after the advice:\n%s%s", row.rule, servers[2*i+1].Main, strings.Join(left, "\n"))
		}
	}
}

// The clients of the test: the table permits advisedClient, lint knows the second as a provider's, and no table has the third.
var (
	advisedClient = netip.MustParseAddr("192.0.2.7")
	googleClient  = netip.MustParseAddr("74.125.1.1")
	otherClient   = netip.MustParseAddr("198.51.100.9")
)

// sendAll sends mail of every client through server n, and says what should not be so. after is main.cf as it is after the advice.
func sendAll(p *host.Postfix, n int, s host.PostfixServer, after string) (wrong []string) {
	refuses := strings.Contains(after, "all.test") && !strings.Contains(after, "all.test=127.0.0.3") || strings.Contains(after, accountKey)
	for _, from := range []netip.Addr{advisedClient, otherClient, googleClient} {
		if s.Postscreen && from == googleClient {
			continue // no address of the test's own
		}
		local := p.Send(n, from, "", "postmaster@mail.test")
		if (local.Accepted() || !s.Postscreen) && p.Send(n, from, "", "someone@elsewhere.test").Accepted() {
			wrong = append(wrong, from.String()+" relays")
		}
		if strings.Contains(local.Reply, accountKey) {
			wrong = append(wrong, "the reply has the key: "+local.Reply)
		}
		switch {
		case from != otherClient && !local.Accepted():
			wrong = append(wrong, from.String()+" is refused: "+local.Reply)
		case from == otherClient && local.Accepted() && refuses:
			wrong = append(wrong, from.String()+" is accepted")
		}
	}
	return wrong
}
