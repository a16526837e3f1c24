package spf

import (
	"strings"
	"testing"
)

// A record that is there but for a blank, a quote or the like is told, with the reason; another version and other text is not.
func TestNearMiss(t *testing.T) {
	const begin, behind = "it begins with ", "it has no blank behind v=spf1"
	for _, row := range []struct{ record, why string }{
		{" v=spf1 ip4:192.0.2.1 -all", begin + "a blank"},
		{"\tv=spf1 ip4:192.0.2.1 -all", begin + "a blank"},
		{"\u00a0v=spf1 -all", begin + "a blank"},
		{`"v=spf1 ip4:192.0.2.1 -all"`, begin + `"`},
		{`\"v=spf1 -all\"`, begin + `\"`},
		{"'v=spf1 -all'", begin + "'"},
		{"\u201cv=spf1 -all\u201d", begin + "\u201c"},
		{"\ufeffv=spf1 -all", begin + "\ufeff"},
		{"(v=spf1 -all)", begin + "("},
		{"v=spf1\tip4:192.0.2.1 -all", behind},
		{"v=spf1\u00a0-all", behind},
		{`v=spf1" -all`, behind},
		{"V=SPF1; -all", behind},
		{"v=spf1include:a.test", behind},
		{"v=spf1,ip4:192.0.2.1", behind},
		{"v = spf1 -all", "it does not begin with v=spf1"},
		{"v=spf 1 -all", "it does not begin with v=spf1"},
		{"v=spf10 -all", ""},
		{"v=spf1.1 -all", ""},
		{"v=spf2 -all", ""},
		{"spf2.0/pra -all", ""},
		{"v=DMARC1; p=none", ""},
		{"our record was v=spf1 -all", ""},
		{"", ""},
	} {
		why := ""
		if got := missed([]string{"other", row.record}); got != "" {
			_, why, _ = strings.Cut(got, " for one, because ")
		}
		if why != row.why || IsRecord(row.record) {
			t.Errorf("%q: %q, want %q", row.record, why, row.why)
		}
	}
	zone := "a.test TXT \"v=spf1 include:b.test -all\"\nb.test TXT \" v=spf1 ip4:192.0.2.1 -all\""
	for domain, want := range map[string]string{
		"a.test": "b.test has no v=spf1 record: addresses that no earlier term matches get permerror; ",
		"b.test": "b.test has no v=spf1 record, so there is nothing to list; ",
	} {
		want += `receivers do not take " v=spf1 ip4:192.0.2.1 -all" for one, because it begins with a blank`
		if res := walk(t, newFakeDNS().read(t, zone), domain); len(res.Problems) != 1 || res.Problems[0].Text != want {
			t.Errorf("%s: %v, want %s", domain, res.Problems, want)
		}
	}
}
