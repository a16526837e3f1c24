package postfix

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzPostconf checks that any output of postconf is read in bounded memory, even if parameters or classes name each other.
func FuzzPostconf(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(postfixMain, "$config_directory", "/etc/postfix")), []byte("smtp/inet/mynetworks = 127.0.0.0/8\n"))
	f.Add([]byte("a = $b$b\nb = ${c}$(c)\nc = $a\nmynetworks = $a\n"), []byte("submission/inet/smtpd_client_restrictions = a\n"))
	f.Add([]byte("smtpd_client_restrictions = permit_mynetworks, check_client_access cidr:/t, reject_rbl_client list.test=127.0.0.[2..11]\nmynetworks = !/nets [::1]/128\n"), []byte("smtp/inet/soft_bounce = yes\n"))
	f.Add([]byte("smtpd_restriction_classes = a b\na = b b\nb = a a\nsmtpd_client_restrictions = a, b\n"), []byte("="))
	f.Fuzz(func(t *testing.T, set, services []byte) {
		m := parse(set, nil, services, nil)
		for name, list := range m.Lists {
			if len(list.Value) > maxPostconf || len(list.Items) > max(maxItems, len(list.Value)) {
				t.Fatalf("%s: %d bytes, %d items", name, len(list.Value), len(list.Items))
			}
			for _, item := range list.Items {
				if strings.ContainsAny(item.Name+item.Argument, "\n") {
					t.Errorf("%s: %q", name, item)
				}
			}
		}
		if w := m.Walk(t.Context(), Client{Addr: netip.MustParseAddr("192.0.2.1")}, walkAnswers()); w.Outcome == "" {
			t.Error("no verdict")
		}
		m.Below("/root")
	})
}
