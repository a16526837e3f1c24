package spf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A family that is left out is not asked for: a name that never answers for it does no harm. exists asks for A in any case.
func TestFamilies(t *testing.T) {
	dns := newFakeDNS().read(t, `a.test TXT "v=spf1 a mx a:b.test exists:c.test ip4:192.0.2.128/25 ip6:2001:db8:1::/48 -all"
a.test A 192.0.2.1
a.test AAAA 2001:db8::1
a.test MX 0 mx.test
mx.test A 192.0.2.2
mx.test FAIL AAAA
b.test FAIL AAAA
b.test A 192.0.2.3`)
	for _, row := range []struct {
		name  string
		lim   Limits
		pass  string
		err   Error
		asked string
	}{
		{"both", Limits{}, "", TempError, "A a.test, A b.test, A c.test, A mx.test, AAAA a.test, AAAA b.test, AAAA mx.test, MX a.test, TXT a.test"},
		{"IPv4 alone", Limits{NoIPv6: true}, "192.0.2.1/32 192.0.2.2/31 192.0.2.128/25 2001:db8:1::/48", OK, "A a.test, A b.test, A c.test, A mx.test, MX a.test, TXT a.test"},
		{"IPv6 alone", Limits{NoIPv4: true}, "", TempError, "A c.test, AAAA a.test, AAAA b.test, AAAA mx.test, MX a.test, TXT a.test"},
	} {
		res := walkLimited(t, dns, "a.test", row.lim)
		var pass []string
		for _, p := range res.Pass.Prefixes() {
			pass = append(pass, p.String())
		}
		if got := strings.Join(pass, " "); res.Error != row.err || row.pass != "" && got != row.pass {
			t.Errorf("%s: %s, %q", row.name, got, res.Error)
		}
		var asked []string
		for q := range dns.asked {
			asked = append(asked, fmt.Sprint(q))
		}
		if got := sorted(asked); got != row.asked {
			t.Errorf("%s: asked %s", row.name, got)
		}
	}
}

func sorted(all []string) string {
	slices.Sort(all)
	return strings.Join(all, ", ")
}
