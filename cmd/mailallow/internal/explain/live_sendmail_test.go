//go:build linux

package explain

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// matrixAccess is the access map of the matrix of Sendmail daemons: keys of addresses, networks and names, with all values.
func matrixAccess() []string {
	return []string{
		"Connect:192.0.2.1\tOK", "Connect:192.0.2.2\tRELAY", "Connect:192.0.2.3\tREJECT", "192.0.2.17\tOK",
		"Connect:192.0.2.18\tERROR:5.7.1:550 no thanks", "Connect:198.51.100.10\tERROR:\"451 later\"", "Connect:198.51.100.11\tDISCARD",
		"Connect:198.51.100.7\tSKIP", "Connect:198.51.100.5\tOK # no comment", "Connect:203.0.113\tRELAY", "Connect:198.51.100.9\tQUARANTINE:odd",
		"Connect:good.example\tOK", "Connect:198.51.100.15\tREJECT", "Connect:mail.bad.example\tREJECT", "Connect:198.51.100.16\tOK",
		"Connect:IPv6:2001:db8:1\tOK", "Connect:IPv6:2001:db8:3\tREJECT",
	}
}

// sendmailMatrix are the features of Sendmail daemons.
func sendmailMatrix() (all []string) {
	const access = "FEATURE(`access_db', `ACCESS')dnl\n"
	lists := []string{
		"",
		"FEATURE(`dnsbl', `list.test')dnl\n",
		"FEATURE(`dnsbl', `list.test', `', `t')dnl\n",
		"FEATURE(`dnsbl', `list.test', `\"550 5.7.9 Spam: \" $&{client_addr} \" is listed\"')FEATURE(`dnsbl', `other.test')dnl\n",
		"FEATURE(`enhdnsbl', `list.test')dnl\n",
		"FEATURE(`enhdnsbl', `list.test', `', `t', `127.0.0.$-.')dnl\n",
		"FEATURE(`enhdnsbl', `list.test', `\"550 listed\"', `', `127.255.255.254.', `127.0.0.3.')FEATURE(`dnsbl', `other.test', `discard')dnl\n",
		"FEATURE(`dnsbl', `other.test', `quarantine')FEATURE(`enhdnsbl', `list.test', `', `t')dnl\n",
		"FEATURE(`dnsbl', `other.test', `Go away')FEATURE(`require_rdns')dnl\n",
	}
	for n, list := range lists {
		all = append(all,
			access+list,
			list+"FEATURE(`access_db', `ACCESS', `skip')dnl\n",
			"FEATURE(`delay_checks')dnl\n"+list+access,
		)
		switch n % 3 {
		case 0:
			all = append(all, list+"FEATURE(`delay_checks')dnl\n")
		case 1:
			all = append(all, access+list+"FEATURE(`delay_checks', `friend')FEATURE(`blocklist_recipients')dnl\n")
		case 2:
			all = append(all, access+"FEATURE(`delay_checks', `hater')FEATURE(`nocanonify')dnl\n"+list)
		}
	}
	return append(all, "FEATURE(`access_db', `hash -T<TMPF> /nowhere/access')FEATURE(`dnsbl', `list.test')dnl\n",
		"FEATURE(`access_db', `hash -o -T<TMPF> /nowhere/access')FEATURE(`dnsbl', `list.test')dnl\n",
		"define(`_FFR_MAIL_MACRO')FEATURE(`delay_checks', `friend', `n')FEATURE(`block_bad_helo')FEATURE(`dnsbl', `list.test')dnl\n"+access, // as Debian's sendmail.mc
		access+"FEATURE(`dnsbl', `list.test')define(`confREJECT_MSG', `\"551 not you\"')dnl\n",
		access+"FEATURE(`ratecontrol')FEATURE(`conncontrol')FEATURE(`dnsbl', `list.test')dnl\n",
		access+"FEATURE(`use_client_ptr')FEATURE(`dnsbl', `list.test')dnl\n",
		access+"FEATURE(`dnsbl', `list.test')RELAY_DOMAIN(`198.51.100 bad.example')dnl\n",
		"FEATURE(`delay_checks')FEATURE(`dnsbl', `list.test')RELAY_DOMAIN(`2001:db8')FEATURE(`promiscuous_relay')dnl\n")
}

// everyDaemon is the number of daemons for one that make test starts.
const everyDaemon = 13

// TestExplainSendmail holds the verdicts of explain --live against real Sendmail daemons.
func TestExplainSendmail(t *testing.T) {
	t.Parallel()
	clients := matrixClients()
	zone, silent := matrixZone(clients)
	dir := fixtures.SafeDir(t)
	access := filepath.Join(dir, "access")
	fixtures.MakeAccess(t, access, matrixAccess()...)
	program := fixtures.Mailallow(t)
	sessions := 0
	matrix := sendmailMatrix()
	for n, features := range matrix {
		t.Run(strings.TrimSpace(features), func(t *testing.T) {
			if n%everyDaemon != everyDaemon-1 { // make test starts a few
				fixtures.All(t)
			}
			d := host.NewDaemon(t, host.DaemonOptions{Access: access, Features: features, Zone: zone})
			silence(d.DNS, silent, n)
			target := "target = [{format = \"sendmail-access\", path = \"" + access + "\", sendmail_cf = \"" + d.CF + "\", makemap = \"" + fixtures.Makemap(t) + "\"}]\n"
			answers := explainServer(t, program, "", target, d.Run, clients)
			for _, c := range clients {
				addr, verdict := netip.MustParseAddr(c.address), answers[c.address].Verdict
				got, foreign := d.Try(addr, "root@mail.test"), d.Try(addr, foreignRecipient)
				sessions += 2
				want, said := sendmailVerdict(verdict), sendmailSaid(got)
				if said != want || sendmailSaid(foreign) != cmp.Or(verdict.Foreign, "accepted") || verdict.Relays && !foreign.Accepted() {
					steps, _ := json.MarshalIndent(answers[c.address].Steps, "", " ")
					t.Errorf("%s, from %s:\n  explain %s; relays %v, %s\n  daemon  %s; relays %v, %s\n%s", features, c.argument(), want, verdict.Relays, verdict.Foreign,
						said, foreign.Accepted(), sendmailSaid(foreign), steps)
				}
				if !strings.Contains(features, "/nowhere") {
					tryKeys(t, d, access, verdict.Permits, c)
				}
			}
		})
	}
	t.Logf("%d configurations, %d clients, %d sessions", len(matrix), len(clients), sessions)
}

// tryKeys puts the keys that would change a verdict into the map, and wants the daemon to accept the client's mail. It puts the map
// back.
func tryKeys(t *testing.T, d *host.Daemon, access string, permits []permitDocument, c matrixClient) {
	t.Helper()
	if len(permits) == 0 {
		return
	}
	lines := matrixAccess()
	for _, p := range permits {
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(strings.ToLower(line), strings.ToLower(p.Key)+"\t") })
		lines = append(lines, p.Key+"\tOK")
	}
	fixtures.MakeAccess(t, access, lines...)
	defer fixtures.MakeAccess(t, access, matrixAccess()...)
	if got := d.Try(netip.MustParseAddr(c.address), "root@mail.test"); !got.Accepted() {
		t.Errorf("as advised for %s, with %+v: %s", c.argument(), permits, got.Reply)
	}
}

// sendmailVerdict is a verdict in a form that a daemon's answer has, too.
func sendmailVerdict(v *verdictDocument) string {
	if v.Outcome == "refused" || v.Outcome == "deferred" {
		return v.Reply
	}
	return "accepted"
}

func sendmailSaid(a host.Answer) string {
	if a.Accepted() {
		return "accepted"
	}
	return regexp.MustCompile(`<[^>]*>\.\.\. `).ReplaceAllString(a.Reply, "")
}
