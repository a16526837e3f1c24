package dnsbl

import (
	"net/netip"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
)

// FuzzParseZone checks that the names of questions to an accepted zone are not too long, and that no text shows a key,
// from a file or before the name.
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
			before := strings.Contains(strings.TrimSuffix(written, "."), key+".") && !strings.Contains(written, key+"."+abusixDomain)
			if strings.Contains(ascii.Lower(shown), ascii.Lower(key)) && (z.key != "" || before && err == nil) && !strings.Contains(ascii.Lower(name), ascii.Lower(key)) {
				t.Errorf("%q shows its key: %q", written, shown)
			}
			longest := Reverse(netip.MustParseAddr("2001:db8::1")) + "." + z.asked
			if err == nil && (CheckHost(z.asked) != nil || z.Name() == "" || z.key == "" && len(longest) > 253) {
				t.Errorf("%q is asked as %q", written, z.asked)
			}
		}
	})
}
