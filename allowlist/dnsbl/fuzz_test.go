package dnsbl

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseZone: a zone that is taken can be asked within the length of a name, and a key is in nothing that is shown,
// whether it came from a file or stands in front of the name.
func FuzzParseZone(f *testing.F) {
	for _, name := range []string{"zen.spamhaus.org", "ZEN.dq.spamhaus.net.", "zen", "combined.mail.abusix.zone", "a..b", "\x1b[2J.example", "1.2.3.4", "İ.example"} {
		f.Add(name)
	}
	const key = "qz9-QZ9-42x"
	f.Fuzz(func(t *testing.T, name string) {
		for _, written := range []string{name, key + "." + name + "." + dqsDomain, key + "." + abusixDomain} {
			z, err := ParseZone(written, key)
			shown := z.Written + z.Name() + z.hide(z.asked)
			if err != nil {
				message := err.Error()
				if strings.ContainsFunc(message, func(r rune) bool { return r < ' ' || r > '~' }) || len(message) > 1000 {
					t.Errorf("message %q", message)
				}
				shown += message
			}
			inFront := strings.Contains(strings.TrimSuffix(written, "."), key+".") && !strings.Contains(written, key+"."+abusixDomain)
			if strings.Contains(asciiLower(shown), asciiLower(key)) && (z.key != "" || inFront && err == nil) && !strings.Contains(asciiLower(name), asciiLower(key)) {
				t.Errorf("of %q the key is shown: %q", written, shown)
			}
			longest := Reverse(netip.MustParseAddr("2001:db8::1")) + "." + z.asked
			if err == nil && (CheckHost(z.asked) != nil || z.Name() == "" || z.key == "" && len(longest) > 253) {
				t.Errorf("%q is asked as %q", written, z.asked)
			}
		}
	})
}
