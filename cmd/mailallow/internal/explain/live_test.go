package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
)

// liveRig is a host whose Sendmail and Postfix read the files of mailallow.
type liveRig struct {
	t             *testing.T
	path          string // PATH
	config        string
	access, table string
}

func newLiveRig(t *testing.T) *liveRig {
	t.Helper()
	dir := fixtures.SafeDir(t)
	r := &liveRig{t: t, access: filepath.Join(dir, "access"), table: filepath.Join(dir, "clients.cidr"), config: filepath.Join(dir, "c.toml")}
	cf := fixtures.FeaturesCF(t, fixtures.RulesOptions{Access: r.access, DelayChecks: true})
	postfix := fixtures.PostfixConfig(t, fmt.Sprintf("smtpd_client_restrictions = reject_rbl_client first.example\n"+
		"smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, check_client_access cidr:%s, reject_rbl_client zen.example=127.0.0.2\n", r.table))
	r.path = fixtures.Programs(t, postfix) + string(filepath.ListSeparator) + os.Getenv("PATH")
	r.write(r.access, "Connect:mail.example\tREJECT\n192.0.2.9\tREJECT\n")
	r.write(r.config, fmt.Sprintf(`
state_dir = "state"
source = [
  {name = "let in", cidr = ["192.0.2.0/24", "2001:db8:25::/48"], action = "OK"},
  {name = "office", cidr = ["198.51.100.0/25"], action = "RELAY"},
]
target = [
  {format = "sendmail-access", path = %q, sendmail_cf = %q},
  {format = "postfix-cidr", path = %q},
]
`, r.access, cf, r.table))
	return r
}

func (r *liveRig) write(path, text string) {
	r.t.Helper()
	fixtures.WriteFile(r.t, path, text)
}

// run runs mailallow with that PATH and returns its stdout.
func (r *liveRig) run(args ...string) []byte {
	r.t.Helper()
	cmd := exec.Command(fixtures.Mailallow(r.t), append([]string{"-c", r.config}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+r.path)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("mailallow %q: %v\n%s", args, err, &stderr)
	}
	return stdout.Bytes()
}

func (r *liveRig) explain(args ...string) []addressDocument {
	r.t.Helper()
	var doc document
	if err := json.Unmarshal(r.run(append([]string{"explain", "--json", "--snapshot", "embedded"}, args...)...), &doc); err != nil {
		r.t.Fatal(err)
	}
	return doc.Addresses
}

// differs gives the keys whose installed value differs from the plan, by the program that gave it.
func differs(d targetDocument) (found []string) {
	for _, live := range d.Live {
		program, _, _ := strings.Cut(live.By, " ")
		if live.Error != "" {
			found = append(found, program+": "+live.Error)
		}
		for _, k := range live.Differs {
			found = append(found, fmt.Sprintf("%s: %s %s/%s", program, k.Key, k.Planned, k.Installed))
		}
	}
	return found
}

// TestExplainLive asks the real programs for the installed entries: they are those of the plan after an update, and others
// after somebody has changed the map, the text or the table.
func TestExplainLive(t *testing.T) {
	t.Parallel()
	r := newLiveRig(t)
	addresses := []string{"192.0.2.7", "192.0.2.9", "198.51.100.1", "2001:db8:25::1", "203.0.113.1"}
	before := r.explain(append(addresses, "--live")...)
	if got := differs(before[0].Targets[0]); len(got) != 2 || !strings.Contains(got[0], "there is no map") || !strings.Contains(got[1], "missing map file") {
		t.Errorf("without a map: %q", got)
	}
	if got := before[0].Targets[1].Pending; !slices.Equal(got, []sendmail.KeyDifference{{Key: "192.0.2.7", Planned: "permit"}}) {
		t.Errorf("without a table, not yet written: %v", got)
	}

	r.run("update")
	for i, d := range r.explain(append(addresses, "--live")...) {
		relays := i == 2
		for _, target := range d.Targets {
			if got := differs(target); len(got) > 0 || len(target.Pending) > 0 {
				t.Errorf("%s: %s after an update: %q, %v", d.Address, target.Path, got, target.Pending)
			}
		}
		access := d.Targets[0]
		if answer := access.Live[1].Relays; answer == nil || *answer != relays || access.Sendmail.Rcpt.Relays != relays {
			t.Errorf("%s: relays %v, and to sendmail -bt %v; want %v", d.Address, access.Sendmail.Rcpt.Relays, answer, relays)
		}
		if s := access.Sendmail; s.DelayChecks == nil || !*s.DelayChecks || *s.Skip || len(s.DNSBLs) == 0 {
			t.Errorf("sendmail.cf is read as %+v", s)
		}
	}

	// A key with another value, a missing key, and a longer key than all of mailallow's.
	tampered := filepath.Join(filepath.Dir(r.access), "tampered")
	fixtures.MakeAccess(t, tampered, "192.0.2.9\tREJECT", "Connect:192.0.2\tREJECT", "Connect:198.51.100.1\tOK", "198\tRELAY")
	if err := os.Rename(tampered+".db", r.access+".db"); err != nil {
		t.Fatal(err)
	}
	r.write(r.table, "192.0.2.0/24\treject\n")
	after := r.explain(append(addresses, "--live", "--name", "mail.example")...)
	for i, want := range [][]string{
		{"connect:mail.example REJECT/", "connect:192.0.2 OK/REJECT"},
		{"connect:mail.example REJECT/", "connect:192.0.2 OK/REJECT"},
		{"connect:mail.example REJECT/", "connect:198.51.100.1 RELAY/OK", "198 /RELAY"},
		{"connect:mail.example REJECT/", "connect:ipv6:2001:db8:25 OK/"},
		{"connect:mail.example REJECT/"},
	} {
		var both []string
		for _, program := range []string{"makemap", "sendmail"} {
			for _, w := range want {
				both = append(both, program+": "+w)
			}
		}
		if got := differs(after[i].Targets[0]); !slices.Equal(got, both) {
			t.Errorf("%s: %q, want %q", addresses[i], got, both)
		}
	}
	if got := differs(after[0].Targets[1]); !slices.Equal(got, []string{"postmap: 192.0.2.7 permit/reject"}) {
		t.Errorf("the table: %q", got)
	}

	text := string(r.run("explain", "192.0.2.7", "--live"))
	for _, want := range []string{
		"192.0.2.7  OK  by let in: cidr 192.0.2.0/24\n",
		"    check_relay  accepted, past the DNSBLs (dnsbl.sorbs.net, ",
		"    Postfix      smtpd_recipient_restrictions: permit ends this list, and no\n                 other\n",
		"    DNSBLs       asked in smtpd_client_restrictions: first.example\n",
		"-bt\n                 differs from the plan: connect:192.0.2 is REJECT there and OK",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
