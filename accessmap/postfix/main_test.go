package postfix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/fixtures"
)

const postfixMain = `
mynetworks = 127.0.0.0/8, !192.0.2.9 [::1]/128
  cidr:$config_directory/nets
smtpd_restriction_classes = lists, checks
lists = reject_rbl_client ${zone}=127.0.0.[2..11]
checks = check_client_access texthash:/t/x, lists
zone = secretkey.zen.dq.spamhaus.net
smtpd_client_restrictions = permit_mynetworks,
  # a comment
  cidr:/t/bare
  check_client_access cidr:/t/good
  warn_if_reject reject_rbl_client warn.example
  check_policy_service { inet:127.0.0.1:99, default_action=DUNNO }, lists
  check_client_access cidr:{{192.0.2.0/24 permit}, {2001:db8::/32 reject}}
  check_client_access pipemap:{ proxy:cidr:/t/piped, inline:{a=b} }
smtpd_recipient_restrictions = checks, reject_rhsbl_sender rhs.example, check_client_access cidr:/t/good
postscreen_access_list = permit_mynetworks cidr:/t/postscreen
postscreen_dnsbl_sites = zen.example*3 white.example=127.0.[0..255].[1..3]*-2
`

func TestReadPostfix(t *testing.T) {
	config := fixtures.PostfixConfig(t, postfixMain)
	m, err := Read(t.Context(), fixtures.Postconf(t, config), "")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, name := range slices.Concat(RestrictionLists(), AddressLists()) {
		if list := m.Lists[name]; len(list.Items) > 0 {
			fmt.Fprintf(&got, "%s set=%v\n", name, list.Set)
			for _, i := range list.Items {
				fmt.Fprintf(&got, "  %s class=%q warn=%v\n", strings.ReplaceAll(i.String(), config, "DIR"), i.Class, i.WarnOnly)
			}
		}
	}
	want := `smtpd_client_restrictions set=true
  permit_mynetworks class="" warn=false
  check_client_access cidr:/t/bare class="" warn=false
  check_client_access cidr:/t/good class="" warn=false
  reject_rbl_client warn.example class="" warn=true
  check_policy_service { inet:127.0.0.1:99, default_action=DUNNO } class="" warn=false
  reject_rbl_client KEY.zen.dq.spamhaus.net=127.0.0.[2..11] class="lists" warn=false
  check_client_access cidr:{{192.0.2.0/24 permit}, {2001:db8::/32 reject}} class="" warn=false
  check_client_access pipemap:{ proxy:cidr:/t/piped, inline:{a=b} } class="" warn=false
smtpd_relay_restrictions set=false
  permit_mynetworks class="" warn=false
  permit_sasl_authenticated class="" warn=false
  defer_unauth_destination class="" warn=false
smtpd_recipient_restrictions set=true
  check_client_access texthash:/t/x class="checks" warn=false
  reject_rbl_client KEY.zen.dq.spamhaus.net=127.0.0.[2..11] class="lists" warn=false
  reject_rhsbl_sender rhs.example class="" warn=false
  check_client_access cidr:/t/good class="" warn=false
mynetworks set=true
  127.0.0.0/8 class="" warn=false
  !192.0.2.9 class="" warn=false
  [::1]/128 class="" warn=false
  cidr:DIR/nets class="" warn=false
postscreen_access_list set=true
  permit_mynetworks class="" warn=false
  cidr:/t/postscreen class="" warn=false
postscreen_dnsbl_sites set=true
  zen.example*3 class="" warn=false
  white.example=127.0.[0..255].[1..3]*-2 class="" warn=false
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	rows := []struct{ path, uses, asked string }{
		{"/t/good", "smtpd_client_restrictions[2] after 0; smtpd_recipient_restrictions[3] after 1;",
			"smtpd_recipient_restrictions 1;"},
		{"/t/piped", "smtpd_client_restrictions[7] after 2;", "smtpd_client_restrictions 1; smtpd_recipient_restrictions 1;"},
		{"/t/x", "smtpd_recipient_restrictions[0] after 0;", "smtpd_client_restrictions 1;"},
		{config + "/nets", "mynetworks[3] after 0;", "smtpd_client_restrictions 1; smtpd_recipient_restrictions 1;"},
		{"/t/postscreen", "postscreen_access_list[1] after 0;", "smtpd_client_restrictions 1; smtpd_recipient_restrictions 1;"},
		{"/t/none", "", "smtpd_client_restrictions 1; smtpd_recipient_restrictions 1;"},
	}
	for _, row := range rows {
		var uses, asked strings.Builder
		for _, u := range m.Uses(row.path) {
			fmt.Fprintf(&uses, " %s[%d] after %d;", u.List, u.Position, len(u.DNSBLs))
		}
		still := m.StillAsked(row.path)
		for _, name := range RestrictionLists() {
			if n := len(still[name]); n > 0 {
				fmt.Fprintf(&asked, " %s %d;", name, n)
			}
		}
		if got := strings.TrimSpace(uses.String()); got != row.uses {
			t.Errorf("%s: uses %s, want %s", row.path, got, row.uses)
		}
		if got := strings.TrimSpace(asked.String()); got != row.asked {
			t.Errorf("%s: still asked %s, want %s", row.path, got, row.asked)
		}
	}
	zones := []string{"warn.example", "KEY.zen.dq.spamhaus.net", "zen.example", "white.example"}
	for n, postscreen := range map[int]bool{2: false, 4: true} { // the sites of postscreen are asked where it is on port 25
		m.Postscreen = postscreen
		if diff := cmp.Diff(zones[:n], m.DNSBLZones()); diff != "" {
			t.Errorf("zones (-want +got):\n%s", diff)
		}
	}
}

// TestParsePostfix reads output that would need several configurations of a real Postfix.
func TestParsePostfix(t *testing.T) {
	m := parse([]byte("a = $b\nb = $a\nsmtpd_client_restrictions = $a, c\nsmtpd_restriction_classes = c\nc = c, permit\n"), nil,
		[]byte("smtp/inet/smtpd_helo_restrictions = permit\nsubmission/inet/smtpd_relay_restrictions = permit\nsmtp/inet/tls = x\n"),
		[]byte("smtp inet n - y - 1 postscreen\n"))
	if !m.Postscreen || m.ResolvConf != "/etc/resolv.conf" {
		t.Errorf("postscreen %v, resolv.conf %s", m.Postscreen, m.ResolvConf)
	}
	if diff := cmp.Diff([]string{"submission/inet/smtpd_relay_restrictions"}, m.Overrides); diff != "" {
		t.Error(diff)
	}
	if helo := m.Lists["smtpd_helo_restrictions"]; helo.Value != "permit" || !helo.Set {
		t.Errorf("%+v", helo)
	}
	if n := len(m.Lists["smtpd_client_restrictions"].Items); n == 0 || n > 50 {
		t.Errorf("%d items from a class in itself", n)
	}
	m = parse([]byte("mynetworks = 10.0.0.0/8\v,10.1.0.0/16\f10.2.0.0/16\r\t10.3.0.0/16\u00a0\n"), nil, nil, nil)
	var names []string
	for _, item := range m.Lists["mynetworks"].Items {
		names = append(names, item.Name)
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8\v", "10.1.0.0/16\f10.2.0.0/16", "10.3.0.0/16\u00a0"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestResolvConf: smtpd in a chroot reads the copy there.
func TestResolvConf(t *testing.T) {
	for master, want := range map[string]string{
		"smtp inet n - y - - smtpd\n":                                     "/var/spool/postfix/etc/resolv.conf",
		"smtp inet n - n - - smtpd\nsubmission inet n - y - - smtpd\n":    "/etc/resolv.conf",
		"smtp inet n - y - 1 postscreen\nsmtpd pass - - n - - smtpd\n":    "/etc/resolv.conf",
		"smtp inet n - n - 1 postscreen\nsmtpd pass - - y - - smtpd\n":    "/var/spool/postfix/etc/resolv.conf",
		"192.0.2.1:25 inet n - y - - smtpd -o smtpd_tls_wrappermode=no\n": "/var/spool/postfix/etc/resolv.conf",
	} {
		if got := parse([]byte("queue_directory = /var/spool/postfix\n"), nil, nil, []byte(master)).ResolvConf; got != want {
			t.Errorf("%s: %s, want %s", master, got, want)
		}
	}
}

// The root goes before paths, and not before the length of an IPv6 network.
func TestBelow(t *testing.T) {
	var items []Item
	for _, name := range []string{"2001:db8::/32", "!/etc/nets", "cidr:{{2001:db8::/32 x}, {192.0.2.0/24 x}}", "proxy:cidr:/etc/list"} {
		items = append(items, Item{Name: name})
	}
	m := &Main{Lists: map[string]List{"mynetworks": {Items: items}}}
	m.Below("/root")
	var got []string
	for _, item := range m.Lists["mynetworks"].Items {
		got = append(got, item.Name)
	}
	want := []string{"2001:db8::/32", "!/root/etc/nets", "cidr:{{2001:db8::/32 x}, {192.0.2.0/24 x}}", "proxy:cidr:/root/etc/list"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
