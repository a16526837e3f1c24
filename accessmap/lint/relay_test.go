package lint

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/fixtures"
)

// TestTableMakesNoRelay: with the fixed table the real Postfix finds no address of a shared provider that it does not find with the
// table as it is, where its reader lets those addresses relay: in mynetworks, and at a place where a permit relays.
func TestTableMakesNoRelay(t *testing.T) {
	t.Parallel()
	shared := []netip.Addr{netip.MustParseAddr("74.125.1.1"), netip.MustParseAddr("74.125.2.1"), netip.MustParseAddr("74.125.9.9")}
	path := filepath.Join(t.TempDir(), "table")
	found := func(text []byte) map[netip.Addr]string {
		fixtures.WriteFile(t, path, string(text))
		values, _ := fixtures.PostmapQuery(t, "cidr:"+path, shared)
		return values
	}
	rapid.Check(t, func(r *rapid.T) {
		pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(r, label) }
		text := ""
		for range rapid.IntRange(1, 6).Draw(r, "lines") {
			text += pick("indent", "", "", "", " ") + pick("line", "if 10.0.0.0/8\n", "endif\n", "endif # x\n",
				pick("not", "", "", "!")+pick("pattern", "74.125.1.0/24", "Connect:74.125.1", "74.125.1", "74.125.0.0/255.255.0.0", "74.125.1.7/24", "74.0.0.0/255.0.0.0",
					"10.1.0.0/255.255.0.0", "10.2.0.0/16", "IPv6:2001:db8::/32")+"\t"+pick("value", "permit", "OK", "RELAY", "OK # x", "x")+"\n")
		}
		o, use := known, format.UseMyNetworks
		if rapid.Bool().Draw(r, "smtpd") {
			o.Relays, use = true, format.UseSMTPD
		}
		fixed, _ := table.Fix([]byte(text), use, o)
		if string(fixed) == text {
			return
		}
		before, after := found([]byte(text)), found(fixed)
		for _, addr := range shared {
			if _, relayed := before[addr]; !relayed && after[addr] != "" && (use == format.UseMyNetworks || !strings.HasPrefix(after[addr], "x")) {
				r.Fatalf("%s: %q gives %s:\n%s\nto\n%s", use, after[addr], addr, text, fixed)
			}
		}
	})
}

// A line that is meant to keep hosts out lets them relay in mynetworks, whatever its value: one that Postfix skips stays as it is.
func TestRefusalMakesNoRelay(t *testing.T) {
	for _, text := range []string{"10/8\tREJECT\n", "\t10.0.0.0/8 550 5.7.1 no\n", "Connect:10.1 reject_unauth_destination\n", "10.1.0.0-10.1.0.9 DUNNO\n"} {
		fixed, made := table.Fix([]byte(text), format.UseMyNetworks, rule.Options{})
		if string(fixed) != text || len(made) > 0 {
			t.Errorf("%q became %q by %v", text, fixed, made)
		}
		if fixed, _ := table.Fix([]byte(text), format.UseSMTPD, rule.Options{}); string(fixed) == text {
			t.Errorf("%q is not corrected where a value counts", text)
		}
	}
}

// A list whose networks may relay stays as it is, if a line that programs do not read as it is would relay for others.
func TestListMakesNoRelay(t *testing.T) {
	o := known
	o.Relays = true
	for text, want := range map[string]string{
		"10.1.0.7/16\n10.1.2.3\n":                     "10.1.0.0/16\n",
		"10.1.0.7/16\n74.125.1.7/24\n":                "10.1.0.7/16\n74.125.1.7/24\n",
		"10.1.0.0-10.1.0.9\n74.125.1.0/255.255.255.0": "10.1.0.0-10.1.0.9\n74.125.1.0/255.255.255.0",
		"172.0.0.7/8\n":                               "172.0.0.7/8\n",
		"74.125.2.0/24\n74.125.3.0/24\n":              "74.125.2.0/23\n", // programs read them as they are
	} {
		findings := list.Check([]byte(text), o)
		fixed, _ := list.Fix([]byte(text), o)
		if string(fixed) != want {
			t.Errorf("%q became %q, want %q", text, fixed, want)
		}
		for _, f := range findings {
			if f.Certain && want == text {
				t.Errorf("%q: %+v", text, f)
			}
		}
	}
	if fixed, _ := list.Fix([]byte("74.125.1.7/24\n"), known); string(fixed) != "74.125.1.0/24\n" {
		t.Errorf("where it lets in: %q", fixed)
	}
}

// Where a permit only lets mail in, the same lines are put right.
func TestTableLetsIn(t *testing.T) {
	for _, o := range []rule.Options{known, {}} {
		if fixed, _ := table.Fix([]byte("Connect:74.125.1\tOK\n"), format.UseSMTPD, o); string(fixed) != "74.125.1.0/24\tOK\n" {
			t.Errorf("%q", fixed)
		}
	}
}
