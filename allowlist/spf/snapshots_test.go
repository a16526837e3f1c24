package spf

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist/provenance"

	"go4.org/netipx"
)

var networkTerm = regexp.MustCompile(`(?i)(?:^| )\+?ip[46]:(\S+)`)

// collect finds the networks of a policy by its ip4, ip6, include and redirect terms. This is right only for policies
// without holes.
func collect(t *testing.T, d *fakeDNS, domain string, b *netipx.IPSetBuilder) {
	for _, txt := range d.txt[domain] {
		if !strings.HasPrefix(txt, "v=spf1 ") {
			continue
		}
		for _, m := range networkTerm.FindAllStringSubmatch(txt, -1) {
			if addr, err := netip.ParseAddr(m[1]); err == nil {
				b.Add(addr)
				continue
			}
			p, err := netip.ParsePrefix(m[1])
			if err != nil {
				t.Fatal(err)
			}
			b.AddPrefix(p)
		}
		for _, word := range strings.Fields(txt) {
			if _, target, ok := strings.Cut(strings.NewReplacer("include:", " ", "redirect=", " ").Replace(word), " "); ok {
				collect(t, d, target, b)
			}
		}
	}
}

// TestSnapshots walks every real policy in fixtures/spf/snapshots.txt.
func TestSnapshots(t *testing.T) {
	data, err := os.ReadFile("../../fixtures/spf/snapshots.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n;SNAPSHOT ")
	for text := range strings.SplitSeq(text, "\n;SNAPSHOT ") {
		label, zone, _ := strings.Cut(text, "\n")
		d := newFakeDNS().read(t, zone)
		for domain := range d.txt {
			t.Run(label+"/"+domain, func(t *testing.T) {
				res := walk(t, d, domain)
				var b netipx.IPSetBuilder
				collect(t, d, domain, &b)
				want, err := b.IPSet()
				if err != nil {
					t.Fatal(err)
				}
				var missing []string // includes that are not in the snapshots
				for _, p := range res.Problems {
					if p.Kind == KindNone {
						missing = append(missing, p.Term)
					}
				}
				switch {
				case label == "sendgrid-2018" && domain == "envoy.com":
					if !slices.Equal(missing, []string{"include:mail.zendesk.com"}) || res.Error != PermError || show(res) != "" {
						t.Errorf("%v %q %s", res.Problems, res.Error, show(res))
					}
				case res.Error != OK || len(missing) > 0 || !res.Pass.Equal(want):
					t.Errorf("%q %v\n%s\nwant %v", res.Error, res.Problems, show(res), want.Prefixes())
				}
				if label == "yahoo" || domain == "_spf.salesforce.com" || domain == "greenhouse.io" {
					if !strings.Contains(kinds(res), KindUnlistable) {
						t.Errorf("not reported: %v", res.Problems)
					}
				}
			})
		}
	}
}

// TestGoogle lists a real policy, word for word.
func TestGoogle(t *testing.T) {
	d := newFakeDNS().read(t, `
		gmail.com TXT "v=spf1 redirect=_spf.google.com"
		_spf.google.com TXT "v=spf1 ip4:74.125.0.0/16 ip4:209.85.128.0/17 ip6:2001:4860:4864::/56 ip6:2404:6800:4864::/56 ~all"`)
	res := walk(t, d, "gmail.com")
	if want := "74.125.0.0/16 209.85.128.0/17 2001:4860:4864::/56 2404:6800:4864::/56"; show(res) != want || res.Queries != 2 {
		t.Errorf("%s, %d queries, want %s, 2", show(res), res.Queries, want)
	}
	want := Range{[]netip.Prefix{netip.MustParsePrefix("74.125.0.0/16")}, provenance.Of("gmail.com", "redirect=_spf.google.com", "ip4:74.125.0.0/16")}
	if got := res.Ranges[0]; !slices.Equal(got.Prefixes, want.Prefixes) || got.Path.Compare(want.Path) != 0 {
		t.Errorf("%v, want %v", got, want)
	}
}
