package explain

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailallow/accessmap/sendmail"
	"mailallow/fixtures"
)

// TestFilters: where the list has an address and a key of the target keeps it out of the file that the server asks, the change is to
// that key. Another target's keys, and a table behind the refusal, change nothing.
func TestFilters(t *testing.T) {
	t.Parallel()
	dir := fixtures.SafeDir(t)
	r := &liveRig{t: t, config: filepath.Join(dir, "c.toml"), table: filepath.Join(dir, "clients.cidr")}
	late, access := filepath.Join(dir, "late.cidr"), filepath.Join(dir, "access")
	r.path = fixtures.Programs(t, fixtures.PostfixConfig(t, fmt.Sprintf("smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, "+
		"check_client_access cidr:%s, reject, check_client_access cidr:%s\n", r.table, late))) + string(filepath.ListSeparator) + os.Getenv("PATH")
	r.write(r.config, fmt.Sprintf(`
state_dir = "state"
source = [
  {name = "let in", cidr = ["192.0.2.0/24", "2001:db8:25::/48"], action = "OK"},
  {name = "office", cidr = ["198.51.100.0/25"], action = "RELAY"},
]
target = [
  {format = "postfix-cidr", path = %q, only = ["RELAY"]},
  {format = "postfix-cidr", path = %q, only = ["RELAY"]},
  {format = "sendmail-access", path = %q, sendmail_cf = "none.cf", map = "none", families = ["ipv4"]},
]
`, r.table, late, access))
	r.write(r.table, "")
	r.write(late, "")
	want := "only of the target " + r.table + " in " + r.config + ": the list has the address with OK, and this key keeps it out of the file"
	for _, d := range r.explain("192.0.2.7", "198.51.100.1", "203.0.113.1", "--live") {
		change := d.Servers[0].Verdict.Change
		if said := slices.Contains(change, want); said != (d.Address == "192.0.2.7") || strings.Contains(fmt.Sprint(change), late) {
			t.Errorf("%s: %q", d.Address, change)
		}
	}
	client := sendmail.Client{Addr: netip.MustParseAddr("2001:db8:25::1")}
	changes, _ := sendmailChanges(sendmail.MapLookup{Map: "dnsbl"}, client, access, []filter{{path: access, change: "families"}, {path: late, change: "only"}})
	if len(changes) != 2 || changes[0] != "families" {
		t.Errorf("Sendmail: %q", changes)
	}
}
