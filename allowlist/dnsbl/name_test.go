package dnsbl

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/allowlist/ascii"
)

// Wherever a text is cut, once or twice, hide leaves no three letters of the key in a row.
func TestHideInCutText(t *testing.T) {
	const key = "abcdefghijklmnopqrstuvwx42"
	rapid.Check(t, func(t *rapid.T) {
		other := rapid.StringMatching(`[ .:0-9yzÄİ]{0,40}`)
		text := other.Draw(t, "before") + rapid.SampledFrom([]string{key, strings.ToUpper(key), "aBcDeFgHiJkLmNoPqRsTuVwX42"}).Draw(t, "key") + other.Draw(t, "after")
		cut := ascii.Cut(text, rapid.IntRange(4, len(text)).Draw(t, "first"))
		cut = ascii.Cut(cut, rapid.IntRange(4, max(5, len(cut))).Draw(t, "second"))
		got := strings.ToLower(hide(cut, key))
		for n := 3; n <= len(key); n++ {
			if strings.Contains(got, key[n-3:n]) {
				t.Fatalf("%q -> %q", cut, got)
			}
		}
	})
	for _, row := range []struct{ text, key, want string }{
		{"nothing", "", "nothing"},
		{"nothing to see", key, "nothing to see"},
		{"1." + key + ".zen and 2." + key + "!", key, "1.KEY.zen and 2.KEY!"},
		{"ends in ... and abc... and abc.", key, "ends in ... and KEY... and abc."},
	} {
		if got := hide(row.text, row.key); got != row.want {
			t.Errorf("%q: %q, want %q", row.text, got, row.want)
		}
	}
}

func TestHideKeys(t *testing.T) {
	for _, row := range [][2]string{
		{"mailallow dnsbl 192.0.2.25", "mailallow dnsbl 192.0.2.25"},
		{"dnsbl --zone=abc123.zen.dq.spamhaus.net --zone ABC-1.SBL-XBL.DQ.Spamhaus.net", "dnsbl --zone=KEY.zen.dq.spamhaus.net --zone KEY.SBL-XBL.DQ.Spamhaus.net"},
		{"$&{client_addr}.abc123.combined.mail.abusix.zone", "$&{client_addr}.KEY.combined.mail.abusix.zone"},
		{"zen.dq.spamhaus.net zen.spamhaus.org", "zen.dq.spamhaus.net zen.spamhaus.org"},
	} {
		if got := HideKeys(row[0]); got != row[1] {
			t.Errorf("%q: %q, want %q", row[0], got, row[1])
		}
	}
}
