//go:build linux

package lint

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

const (
	namesMap = "FEATURE(`access_db', `ACCESS')dnl\n"
	asksList = "FEATURE(`dnsbl', `dnsbl.test', `\"550 refused\"')dnl\n"
	ofZen    = ".zen.dq.spamhaus.net"
	ofAbusix = ".combined.mail.abusix.zone"
)

// sendmailAdvice are lines of sendmail.mc, and what is done to the folder of the map, of which lint has a finding by a rule.
var sendmailAdvice = []struct {
	rule, features string
	spoil          func(t *testing.T, access string)
}{
	{rule: "no-access-map", features: "dnl\n" + asksList},
	{rule: "other-map", features: "FEATURE(`access_db', `hash -T<TMPF> /etc/mail/other')dnl\n" + asksList},
	{rule: "other-map", features: "FEATURE(`access_db', `btree -T<TMPF> PATH')dnl\n" + asksList},
	{rule: "no-map", features: namesMap + asksList, spoil: func(t *testing.T, access string) {
		if err := os.Remove(access + ".db"); err != nil {
			t.Fatal(err)
		}
	}},
	{rule: "unsafe-map", features: namesMap + asksList, spoil: func(t *testing.T, access string) {
		if err := os.Chmod(filepath.Dir(access), 0o775); err != nil {
			t.Fatal(err)
		}
	}},
	{rule: "compressed-ipv6", features: "define(`confUSE_COMPRESSED_IPV6_ADDRESSES', `true')dnl\n" + namesMap + asksList},
	{rule: "dead-dnsbl", features: namesMap + asksList + "FEATURE(`dnsbl', `dnsbl.sorbs.net')dnl\n"},
	{rule: "dnsbl-answers", features: namesMap + asksList + "FEATURE(`dnsbl', `zen.spamhaus.org')dnl\n"},
	{rule: "dnsbl-key", features: namesMap + "FEATURE(`enhdnsbl', `" + accountKey + ofZen + "', `', `t', `127.0.0.$-.')dnl\n"},
	{rule: "dnsbl-key", features: namesMap + "FEATURE(`dnsbl', `" + accountKey + ofZen + "')dnl\n"},
	{rule: "dnsbl-key", features: namesMap + "FEATURE(`enhdnsbl', `" + accountKey + ofAbusix + "', `', `t', `127.0.0.$-.')dnl\n"},
}

// followInMC does what a finding about sendmail.cf advises, to the lines of sendmail.mc or on the host.
func followInMC(t *testing.T, features, access string, f rule.Finding) string {
	change := func(pattern, with string) string {
		if !regexp.MustCompile(pattern).MatchString(features) {
			t.Fatalf("%s in %s: %+v", pattern, features, f)
		}
		return regexp.MustCompile(pattern).ReplaceAllLiteralString(features, with)
	}
	run := func(name string, args ...string) {
		if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, output)
		}
	}
	zone := regexp.MustCompile(`for (\S+?)[ :]`).FindStringSubmatch(f.Text + " for none ")[1]
	zone, f.Fix = strings.Replace(zone, "KEY", accountKey, 1), strings.ReplaceAll(f.Fix, "KEY.", accountKey+".") // as it is told
	for _, form := range []struct {
		form string
		do   func(of []string)
	}{
		{"^add (FEATURE.*) in sendmail.mc, build", func(of []string) { features = of[1] + "dnl\n" + features }},
		{`change FEATURE\(.access_db'\) in sendmail.mc|or change Kaccess there`, func([]string) { features = change("(?m)^FEATURE\\(`access_db'.*\n", namesMap) }},
		{`^run: makemap hash (\S+) < (\S+)$`, func(of []string) {
			fixtures.MakeAccess(t, of[1], strings.Split(strings.TrimSpace(fixtures.ReadFile(t, of[2])), "\n")...)
		}},
		{`^chmod g-w (\S+)$`, func(of []string) { run("chmod", "g-w", of[1]) }},
		{`^remove confUSE_COMPRESSED_IPV6_ADDRESSES`, func([]string) { features = change("(?m)^define.*\n", "") }},
		{`^remove the FEATURE with (\S+) in sendmail.mc`, func(of []string) { features = change("(?m)^FEATURE.*`"+regexp.QuoteMeta(of[1])+"'.*\n", "") }},
		{"(?s)in place of its FEATURE write in sendmail.mc.*\n(FEATURE.*)$", func(of []string) { features = change("(?m)^FEATURE.*`"+regexp.QuoteMeta(zone)+"'.*\n", of[1]+"\n") }},
		{`^give the FEATURE texts without the zone as its second argument and, if it has one, as its third in sendmail.mc`, func([]string) {
			features = change("(`"+regexp.QuoteMeta(zone)+"'), `', `t'", "`"+zone+"', `\"550 listed\"', `\"451 later\"'")
		}},
	} {
		if of := regexp.MustCompile(form.form).FindStringSubmatch(f.Fix); of != nil {
			form.do(of)
			return features
		}
	}
	t.Fatalf("nobody can follow: %+v", f)
	return ""
}

// TestSendmailAdvice: with what lint advises for a sendmail.cf of each rule, the daemon accepts the mail of a listed client that the
// access file has, and of one that no list has, refuses another that is listed, and lets nobody relay; before, one of these does
// not hold. Then lint finds nothing.
func TestSendmailAdvice(t *testing.T) {
	t.Parallel()
	for _, row := range sendmailAdvice {
		t.Run(row.rule, func(t *testing.T) {
			access := filepath.Join(fixtures.SafeDir(t), "access")
			fixtures.MakeAccess(t, access, "Connect:127.0.4\tOK", "Connect:IPv6:2001:db8:0:0:0:0:0:7\tREJECT")
			if row.spoil != nil {
				row.spoil(t, access)
			}
			features := strings.ReplaceAll(row.features, "PATH", access)
			findings, wrong := sendmailFindings(t, features, access)
			if !slices.ContainsFunc(findings, func(f rule.Finding) bool { return f.Rule == row.rule }) || len(wrong) == 0 {
				t.Fatalf("%s: %+v, wrong: %q", features, findings, wrong)
			}
			for range 3 {
				if len(findings) > 0 {
					features = followInMC(t, features, access, findings[0])
					findings, wrong = sendmailFindings(t, features, access)
				}
			}
			if len(findings) > 0 || len(wrong) > 0 {
				t.Errorf("after the advice: %s: %+v\n%s", features, findings, strings.Join(wrong, "\n"))
			}
		})
	}
}

// sendmailFindings gives what lint finds for a daemon with these lines, and what its clients find wrong.
func sendmailFindings(t *testing.T, features, access string) (findings []rule.Finding, wrong []string) {
	zone := ""
	for reversed, codes := range map[string]string{"1.4.0.127": "127.0.0.4", "1.5.0.127": "127.0.0.4", "1.6.0.127": "127.255.255.254"} {
		zone += reversed + ".dnsbl.sorbs.net. 60 IN A 127.0.0.2\n" + reversed + ".zen.spamhaus.org. 60 IN A " + codes + "\n"
		if codes == "127.0.0.4" {
			for _, list := range []string{".dnsbl.test", "." + accountKey + ofZen, "." + accountKey + ofAbusix} {
				zone += reversed + list + ". 60 IN A 127.0.0.4\n"
			}
		}
	}
	daemon := host.NewDaemon(t, host.DaemonOptions{Access: access, Features: features, Zone: zone})
	for client, want := range map[string]bool{"127.0.4.1": true, "127.0.5.1": false, "127.0.6.1": true, "2001:db8::7": false} {
		local := daemon.Send(netip.MustParseAddr(client), "who@sender.example", "root@mail.test")
		if local.Accepted() != want {
			wrong = append(wrong, client+": "+local.Decisive())
		}
		if strings.Contains(local.Decisive(), accountKey) {
			wrong = append(wrong, client+" gets the key: "+local.Decisive())
		}
		if daemon.Send(netip.MustParseAddr(client), "who@sender.example", "a@elsewhere.test").Accepted() {
			wrong = append(wrong, client+" relays")
		}
	}
	cf, err := sendmail.ReadCF(daemon.CF)
	if err != nil {
		t.Fatal(err)
	}
	return server.Sendmail(&cf, access, "hash", makemap.UsualFile), wrong
}
