package lint

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/table"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/fault"
	"mailallow/fixtures"
)

// known has a catalogue with one provider, and the guard's limits.
var known = rule.Options{Shared: google, Limits: rule.Limits{IPv4: 12, IPv6: 28}}

// google is rule.Options.Shared of a catalogue with one provider.
func google(p netip.Prefix) string {
	for _, s := range []string{"74.125.0.0/16", "209.85.128.0/17"} {
		if netip.MustParsePrefix(s).Overlaps(p) {
			return "Google"
		}
	}
	return ""
}

// TestLint compares the findings in every file of fixtures/lint with NAME.want: a line for each, with "+" if it is certain,
// and the fix below it; then the fixed text, if it differs. A first line "# options: ..." or "# use: ..." in the file gives
// the options. With MAILALLOW_UPDATE set, the test writes the .want files.
func TestLint(t *testing.T) {
	paths, err := filepath.Glob(fixtures.Path("lint", "*.[ac][ci]*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, ".want") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			text := []byte(fixtures.ReadFile(t, path))
			findings, fixed := lintFixture(path, text)
			got := wanted(text, findings, fixed)
			want := path + ".want"
			if os.Getenv("MAILALLOW_UPDATE") != "" {
				fixtures.WriteFile(t, want, got)
			} else if diff := cmp.Diff(fixtures.ReadFile(t, want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkFindings(t, text, findings)
			again, twice := lintFixture(path, fixed)
			for _, f := range again {
				if f.Certain {
					t.Errorf("after the fix: %+v", f)
				}
			}
			if !bytes.Equal(twice, fixed) {
				t.Error("a second fix changes the text again")
			}
		})
	}
}

func lintFixture(path string, text []byte) ([]rule.Finding, []byte) {
	head, _, _ := strings.Cut(readString(path), "\n")
	if filepath.Ext(path) == ".cidr" {
		use, _ := strings.CutPrefix(head, "# use: ")
		if use == head {
			use = ""
		}
		return checkAndFix(text, format.Use(use), known)
	}
	o := access.Options{Options: known}
	if options, ok := strings.CutPrefix(head, "# options: "); ok {
		o.CF = &sendmail.CF{DelayChecks: strings.Contains(options, "delay_checks"), AccessSkip: strings.Contains(options, "skip"),
			CompressedIPv6: strings.Contains(options, "compressed")}
	}
	return checkAndFixAccess(text, o)
}

// checkAndFix gives the findings in a table, and the fixed text.
func checkAndFix(text []byte, use format.Use, o rule.Options) ([]rule.Finding, []byte) {
	fixed, _ := table.Fix(text, use, o)
	return table.Check(text, use, o), fixed
}

// checkAndFixAccess is checkAndFix for an access file.
func checkAndFixAccess(text []byte, o access.Options) ([]rule.Finding, []byte) {
	fixed, _ := access.Fix(text, o)
	return access.Check(text, o), fixed
}

func readString(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}

// wanted makes the content of a .want file. It cuts long fixes.
func wanted(text []byte, findings []rule.Finding, fixed []byte) string {
	var b strings.Builder
	for _, f := range findings {
		sign := map[bool]string{true: "+", false: "-"}[f.Certain]
		fmt.Fprintf(&b, "%s %d %s: %s\n", sign, f.Line, f.Rule, f.Text)
		writeSome(&b, strings.Split(f.Fix, "\n"))
	}
	if !bytes.Equal(fixed, text) {
		fmt.Fprintf(&b, "\nFixed:\n")
		writeSome(&b, strings.Split(strings.TrimSuffix(string(fixed), "\n"), "\n"))
	}
	return b.String()
}

func writeSome(b *strings.Builder, lines []string) {
	const some = 60
	for _, line := range lines[:min(len(lines), some)] {
		fmt.Fprintf(b, "    %.120q\n", line)
	}
	if len(lines) > some {
		fmt.Fprintf(b, "    ... %d more, the last %q\n", len(lines)-some, lines[len(lines)-1])
	}
}

// checkFindings checks properties of the findings in any file.
func checkFindings(t *testing.T, text []byte, findings []rule.Finding) {
	t.Helper()
	lines := 0
	for range ascii.Lines(text) {
		lines++
	}
	for _, f := range findings {
		if !slices.ContainsFunc(Rules(), func(r rule.Rule) bool { return r.Name == f.Rule }) {
			t.Errorf("rule %q is not in the table", f.Rule)
		}
		if f.Line < 0 || f.Line > lines || f.Text == "" || strings.Contains(f.Text, "\n") {
			t.Errorf("%+v", f)
		}
	}
}

// TestSeed: each line of the list from the blogs gives one finding, whatever separates its columns.
func TestSeed(t *testing.T) {
	text := fixtures.ReadFile(t, fixtures.Path("lint", "seed-gmail.access"))
	for _, separator := range []string{"\t", " ", " \t  "} {
		findings := access.Check([]byte(strings.ReplaceAll(text, "\t", separator)), access.Options{Options: known})
		const ranges = 19
		for i, f := range findings {
			if f.Rule != "cidr" || f.Line != i+1 {
				t.Errorf("%q: %d: %+.100v", separator, i, f)
			}
		}
		if len(findings) != ranges {
			t.Errorf("%q: %d findings", separator, len(findings))
		}
	}
}

func TestKindOf(t *testing.T) {
	rows := []struct {
		path, text string
		want       Kind
	}{
		{"x", "", KindAccess},
		{"x.toml", "64.18.0.0/20 RELAY\n", KindConfig},
		{"x.cidr", "64.18.0.0/20 RELAY\n", KindTable},
		{"/etc/mail/access", "64.18.0.0/20 permit\n", KindAccess},
		{"list", "64.18.0.0/20 RELAY\n", KindAccess},
		{"list", "64.18.0.0/20 OK\n10.0.0.0/8 REJECT\n", KindAccess},
		{"/etc/postfix/list", "64.18.0.0/20 OK\n10.0.0.0/8 REJECT\n", KindTable},
		{"list", "64.18.0.0/20\tpermit\n10.0.0.0/8 REJECT\n", KindTable},
		{"list", "if 10.0.0.0/8\n10.1.0.0/16 OK\nendif\n", KindTable},
		{"list", "!10.0.0.0/8 REJECT\n", KindTable},
		{"list", "From:a@example.com OK\n64.18.0.0/20 RELAY\n", KindAccess},
		{"list", "example.com OK\n", KindAccess},
		{"list", "64.18.0.0/20 OK\nConnect:64.18.0.0/20 PERMIT\n", KindAccess},
		{"access.old", "64.18.0.0/20 permit\n", KindAccess},
		{"access.cidr", "64.18.0.0/20 permit\n", KindTable},
		{"list", "# c\n\nstate_dir = \"x\"\n", KindConfig},
		{"list", "# c\n[[source]]\nname = \"x\"\n", KindConfig},
		{"list", "[dns] # c\n", KindConfig},
		{"list", "[192.0.2.0]/24 permit\n", KindTable},
		{"list", "# c\n64.18.0.0/20\n2001:db8::/32\n", KindList},
		{"x.cidr", "64.18.0.0/20\n64.18.16.0/20 # c\n", KindList},
		{"access", "64.18.0.0/20\n", KindAccess},
		{"list", "192.0.2.7\nexample.com\n", KindAccess},
		{"list", "Srv_Features: V\na = b\n", KindAccess},
	}
	for _, row := range rows {
		if got := KindOf(row.path, []byte(row.text)); got != row.want {
			t.Errorf("%s, %q: %s, want %s", row.path, row.text, got, row.want)
		}
	}
	for _, name := range []string{"healthy.access", "seed-gmail.access", "keys.access"} {
		if got := KindOf("list", []byte(fixtures.ReadFile(t, fixtures.Path("lint", name)))); got != KindAccess {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{"healthy.cidr", "postscreen.cidr"} {
		if got := KindOf("list", []byte(fixtures.ReadFile(t, fixtures.Path("lint", name)))); got != KindTable {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// rulesOf gives the rules of the findings, in their order.
func rulesOf(findings []rule.Finding) string {
	var rules []string
	for _, f := range findings {
		rules = append(rules, f.Rule)
	}
	return strings.Join(rules, " ")
}

// ruleRows are texts in which exactly one rule finds something.
var ruleRows = []struct {
	rule    string
	kind    Kind
	text    string
	options access.Options
}{
	{"cidr", KindAccess, "64.18.0.0/20\tOK\n", access.Options{}},
	{"cidr", KindAccess, "From:64.18.0.0/20\tOK\n", access.Options{}},
	{"ipv6-prefix", KindAccess, "2001:db8:1\tOK\n", access.Options{}},
	{"ipv6-form", KindAccess, "IPv6:2001:0db8\tOK\n", access.Options{}},
	{"address-form", KindAccess, "192.0.2.\tOK\n", access.Options{}},
	{"address-form", KindAccess, "From:*.example.com\tOK\n", access.Options{}},
	{"blank-in-key", KindAccess, "Connect: 192.0.2\tOK\n", access.Options{}},
	{"value-comment", KindAccess, "192.0.2\tOK # us\n", access.Options{}},
	{"value", KindAccess, "192.0.2\tPERMIT\n", access.Options{}},
	{"skip", KindAccess, "192.0.2\tSKIP\n", access.Options{}},
	{"tag", KindAccess, "Conect:192.0.2\tOK\n", access.Options{}},
	{"name-form", KindAccess, "@example.com\tREJECT\n", access.Options{}},
	{"one-address", KindAccess, "192.0.2.0\tREJECT\n", access.Options{}},
	{"redundant", KindAccess, "192.0.2\tOK\nConnect:192.0.2\tOK\n", access.Options{}},
	{"redundant", KindTable, "192.0.2.0/24\tpermit\n192.0.2.7\tpermit\n", access.Options{}},
	{"wide", KindAccess, "172\tOK\n", access.Options{Options: known}},
	{"wide", KindTable, "172.0.0.0/8\tpermit\n", access.Options{}},
	{"special", KindAccess, "224\tOK\n", access.Options{}},
	{"special", KindTable, "8.8.8.0/24\tpermit\n10.1.0.0/16\tpermit\n", access.Options{}},
	{"mapped", KindTable, "::ffff:192.0.2.1\tpermit\n", access.Options{}},
	{"duplicate", KindAccess, "192.0.2\tOK\n192.0.2\tREJECT\n", access.Options{}},
	{"shadowed", KindAccess, "192.0.2\tOK\nConnect:192.0.2\tREJECT\n", access.Options{}},
	{"ipv6-unused", KindAccess, "Connect:IPv6:2a01:4f8\tOK\n", access.Options{CF: &sendmail.CF{}}},
	{"sender-domain", KindAccess, "192.0.2\tOK\n", access.Options{CF: &sendmail.CF{DelayChecks: true}}},
	{"shared-relay", KindAccess, "74.125\tRELAY\n", access.Options{Options: known}},
	{"missing-value", KindAccess, "192.0.2\n", access.Options{}},
	{"missing-value", KindTable, "192.0.2.0/24\n", access.Options{}},
	{"leading-blank", KindAccess, " 192.0.2\tOK\n", access.Options{}},
	{"leading-blank", KindAccess, " # us\n", access.Options{}},
	{"leading-blank", KindTable, " 192.0.2.0/24\tpermit\n", access.Options{}},
	{"long-line", KindAccess, "#" + strings.Repeat("x", 2000) + "\n", access.Options{}},
	{"control", KindAccess, "\xef\xbb\xbf192.0.2\tOK\n", access.Options{}},
	{"control", KindAccess, "192.0.2\tOK\r\n", access.Options{}},
	{"host-bits", KindTable, "192.0.2.7/24\tpermit\n", access.Options{}},
	{"pattern", KindTable, "example.com\tpermit\n", access.Options{}},
	{"pattern", KindTable, "192.0.2.0 /24 permit\n", access.Options{}},
	{"access-syntax", KindTable, "Connect:192.0.2\tpermit\n", access.Options{}},
	{"table-value", KindTable, "192.0.2.0/24\tRELAY\n", access.Options{}},
	{"unreachable", KindTable, "192.0.2.0/24\tpermit\n192.0.2.7\treject\n", access.Options{}},
	{"no-network", KindList, "192.0.2\n", access.Options{}},
	{"no-network", KindList, "8.8.8.0-8.8.8.255\n", access.Options{}},
	{"host-bits", KindList, "8.8.8.8/24\n", access.Options{}},
	{"redundant", KindList, "8.8.8.0/24 # dns\n8.8.8.8\n", access.Options{}},
	{"redundant", KindList, "8.8.8.8\n8.8.8.8/32\n", access.Options{}},
	{"wide", KindList, "8.0.0.0/8\n", access.Options{}},
	{"special", KindList, "10.1.0.0/16\n", access.Options{}},
	{"if", KindTable, "if 192.0.2.0/24\n", access.Options{}},
	{"if", KindTable, "endif\n", access.Options{}},
	{"block", KindAccess, block.Begin + "\n", access.Options{}},
	{"block", KindAccess, format.Header + "192.0.2\tOK\n", access.Options{}},
}

func TestRules(t *testing.T) {
	for _, row := range ruleRows {
		var findings []rule.Finding
		switch row.kind {
		case KindTable:
			findings = table.Check([]byte(row.text), format.UseNone, known)
		case KindList:
			findings = list.Check([]byte(row.text), known)
		default:
			findings = access.Check([]byte(row.text), row.options)
		}
		if got := rulesOf(findings); got != row.rule {
			t.Errorf("%s of %q: %+v", row.rule, row.text, findings)
		}
	}
}

// TestWideLimit has networks one bit wider than the limit of the guard, as wide, and one bit narrower, in every kind of file that
// people and other tools write: only the first is a finding.
func TestWideLimit(t *testing.T) {
	for _, row := range []struct {
		kind    Kind
		network string // without its length, or the key
		bits    int
		line    string
	}{
		{KindTable, "104.32.0.0/", 12, "\tpermit\n"}, {KindTable, "2a00:1400::/", 28, "\tpermit\n"},
		{KindList, "104.32.0.0/", 12, "\n"}, {KindList, "2a00:1400::/", 28, "\n"},
		{KindAccess, "Connect:104.32", 16, "\tOK\n"}, {KindAccess, "Connect:IPv6:2a00:1450", 32, "\tRELAY\n"},
	} {
		for _, narrower := range []int{-1, 0, 1} {
			text := row.network + fmt.Sprint(row.bits+narrower) + row.line
			options := rule.Options{Limits: rule.Limits{IPv4: row.bits, IPv6: row.bits}}
			var findings []rule.Finding
			switch row.kind {
			case KindTable:
				findings = table.Check([]byte(text), format.UseNone, options)
			case KindList:
				findings = list.Check([]byte(text), options)
			case KindAccess: // a key has the length of its octets or groups
				text = row.network + row.line
				options.Limits.IPv4, options.Limits.IPv6 = row.bits-narrower, row.bits-narrower
				findings = access.Check([]byte(text), access.Options{Options: options})
			}
			if wide := strings.Contains(rulesOf(findings), "wide"); wide != (narrower < 0) {
				t.Errorf("%q with a limit of %+v: %q", text, options.Limits, rulesOf(findings))
			}
		}
	}
}

func TestConfig(t *testing.T) {
	findings := Config(Configuration{
		Mistakes:     []*fault.AtLine{fault.At(2, "unknown key")},
		NoEffect:     []*fault.AtLine{fault.At(9, "without effect")},
		Ends:         []*fault.AtLine{fault.At(12, "has ended")},
		Missing:      []*fault.AtLine{fault.At(11, "file does not exist")},
		Mistaken:     []*fault.AtLine{fault.At(10, "not a network")},
		SharedRelays: []SharedRelay{{Source: "us", Title: "Google", Line: 7}},
	})
	if got := rulesOf(findings); got != "shared-relay config no-effect named-list named-file until" || findings[5].Line != 12 || findings[4].Line != 11 || findings[3].Line != 10 || findings[2].Line != 9 || findings[0].Line != 7 || findings[1].Text != "unknown key" {
		t.Errorf("%+v", findings)
	}
}

// TestEveryRuleFires: every rule has a row in which it finds something and no other rule does.
func TestEveryRuleFires(t *testing.T) {
	alone := map[string]bool{"config": true, "no-effect": true, "named-list": true, "named-file": true, "until": true, "dnsbl-now": true} // TestConfig, lint_dns.txtar
	for _, row := range ruleRows {
		alone[row.rule] = true
	}
	for _, row := range mapRows {
		alone[row.want] = true
	}
	for _, row := range cfRows {
		alone[row.want] = true
	}
	for _, row := range postfixRows {
		alone[row.want] = true
	}
	for _, r := range Rules() {
		if !alone[r.Name] {
			t.Errorf("no row for %s", r.Name)
		}
		if r.Severity != rule.Error && r.Severity != rule.Warning && r.Severity != rule.Note {
			t.Errorf("%s: severity %q", r.Name, r.Severity)
		}
	}
}

// TestRulesAreDocumented: every rule has texts and a name of its own, and when-refused.md lists it.
func TestRulesAreDocumented(t *testing.T) {
	page := fixtures.ReadFile(t, fixtures.Path("..", "docs", "when-refused.md"))
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.Name] || r.Catches == "" || r.Why == "" || !strings.Contains(page, "`"+r.Name+"`") {
			t.Errorf("%+v", r)
		}
		seen[r.Name] = true
	}
}
