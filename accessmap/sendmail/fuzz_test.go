package sendmail

import (
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
)

// FuzzSendmailCF checks that every word of a setting is a part of the text, and that no zone has an account key.
func FuzzSendmailCF(f *testing.F) {
	for _, text := range []string{
		"Kaccess hash -T<TMPF> -o /etc/mail/access\nO RunAsUser=smmsp:mail\nO DontBlameSendmail=GroupWritableDirPathSafe, x\n",
		"Scheckrelay\nR<SKIP> x\t$: y\nO TrustedUser=0\nO UseCompressedIPv6Addresses\n",
		"R$*\t\t\t$: $&{client_addr}\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.abcdefkey.zen.dq.spamhaus.net. $: OK $)\n",
		"Kaccess\nKaccess  \nKaccess\tcdb:/x -f -N /etc/mail/access.cdb /other\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		cf := ParseCF("sendmail.cf", text)
		for _, s := range slices.Concat(cf.AccessFlags, []string{cf.AccessClass, cf.AccessPath, cf.TrustedUser, cf.RunAsUser}) {
			for _, word := range strings.Fields(s) { // a line may be continued between two
				if !strings.Contains(ascii.Lower(string(text)), ascii.Lower(word)) {
					t.Errorf("%q is not in it", s)
				}
			}
			if strings.ContainsAny(s, "\n") {
				t.Errorf("%q is not one line", s)
			}
		}
		for i, zone := range cf.Zones() {
			if zone == "" || slices.Contains(cf.Zones()[:i], zone) || dnsbl.HideKeys(zone) != zone {
				t.Errorf("zones %q", cf.Zones())
			}
		}
		for _, err := range cf.RefusesType("hash") {
			if len(err.Error()) > len(text)+500 {
				t.Errorf("%d bytes of an error", len(err.Error()))
			}
		}
	})
}
