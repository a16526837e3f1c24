package postfix

import (
	"strings"
	"testing"
)

// FuzzPostconf checks that any output of postconf is read in bounded memory, even if parameters or classes name each other.
func FuzzPostconf(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(postfixMain, "$config_directory", "/etc/postfix")), []byte("smtp/inet/mynetworks = 127.0.0.0/8\n"))
	f.Add([]byte("a = $b$b\nb = ${c}$(c)\nc = $a\nmynetworks = $a\n"), []byte("submission/inet/smtpd_client_restrictions = a\n"))
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
		m.Below("/root")
	})
}
