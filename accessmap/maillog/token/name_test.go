package token

import "testing"

// TestHideKeys expects no key, and all the rest of the text.
func TestHideKeys(t *testing.T) {
	for text, want := range map[string]string{
		"7.2.0.192.zen.dq.spamhaus.net": "7.2.0.192.zen.dq.spamhaus.net", "a.b.zen.dq.spamhaus.net": "a.b.zen.dq.spamhaus.net",
		"KEY.zen.dq.spamhaus.net": "zen.dq.spamhaus.net", "7.2.0.192.my-key.ZEN.dq.spamhaus.net.": "7.2.0.192.ZEN.dq.spamhaus.net.",
		"example.com.KEY.dbl.dq.spamhaus.net": "example.com.dbl.dq.spamhaus.net",
		"see dq.spamhaus.net":                 "see dq.spamhaus.net", ".dq.spamhaus.net": ".dq.spamhaus.net", "x..zen.dq.spamhaus.net": "x..zen.dq.spamhaus.net",
	} {
		if got := HideKeys(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
