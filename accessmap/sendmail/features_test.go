package sendmail

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/fixtures"
)

// TestRealFeatures reads the sendmail.cf that m4 makes of Debian's sources.
func TestRealFeatures(t *testing.T) {
	zones := []string{"dnsbl.sorbs.net", "zen.spamhaus.org", "discard.example.org", "bl.spamcop.net", "b.barracudacentral.org",
		"quarantine.example.org"}
	for _, o := range []fixtures.RulesOptions{
		{},
		{Access: "/etc/mail/access"},
		{Access: "/etc/mail/access", MapType: "btree", Skip: true, DelayChecks: true},
	} {
		cf, err := ReadCF(fixtures.FeaturesCF(t, o))
		if err != nil {
			t.Fatal(err)
		}
		if cf.AccessSkip != o.Skip || cf.DelayChecks != o.DelayChecks || cf.AccessPath != o.Access || cf.HasAccessMap() != (o.Access != "") {
			t.Errorf("%+v: %+v", o, cf)
		}
		if diff := cmp.Diff(zones, cf.Zones()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", o, diff)
		}
	}
}
