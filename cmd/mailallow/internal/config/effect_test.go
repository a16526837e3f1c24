package config

import (
	"slices"
	"strings"
	"testing"

	"mailallow/allowlist"
)

// TestWithoutEffect: every limit is warned of in the sources and targets that it does not bind, and in no other. The warnings of one
// cause are one.
func TestWithoutEffect(t *testing.T) {
	const (
		inline     = "a cidr list is its owner's word, and the guard does not judge it"
		total      = "only what is fetched with OK or RELAY has a total"
		fetched    = "only what is fetched has a deadline of its own"
		keys       = "only what is fetched with OK, RELAY or REJECT is held for its keys"
		expires    = "no cidr list expires, and nothing with REJECT or EXCLUDE"
		everything = "widest_ipv4 = 9\nwidest_ipv6 = 9\ntotal_ipv4 = 9\ntotal_ipv6 = 9\nmax_shrink = \"9%\"\nmax_grow = \"9%\"\nwindow = \"9d\"\nmax_age = \"9d\"\n"
		ofSource   = "deadline = \"9s\"\nmax_keys = 9\n"
		ofGuard    = "expire = \"9d\"\nallow_special = true\n"
		judged     = "widest_ipv4, widest_ipv6, max_shrink, max_grow, window, max_age"
	)
	source := func(keys string) string { return "[[source]]\nname = \"x\"\n" + keys }
	target := func(format, keys string) string {
		return "[[target]]\nformat = \"" + format + "\"\npath = \"" + format + "\"\n" + keys + "\n"
	}
	const (
		cidr = "cidr = [\"74.0.0.0/24\"]\naction = \"OK\"\n"
		file = "file = \"x\"\naction = \"OK\"\n"
		spf  = "spf = [\"a.test\"]\n"

		snapshot = "[snapshot]\nkeys = [\"RWRamdZOUWxtuJ3zjqeIV1SC7AVQ2wI2nYG46jP2m3PylRc2ScmwKqRz\"]\n"
	)
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"fetched", source(spf + "action = \"OK\"\n" + everything + ofSource), nil},
		{"relayed", source(spf + "action = \"RELAY\"\n" + everything + ofSource), nil},
		{"a document", source("url = \"https://a.test/\"\naction = \"RELAY\"\n" + everything + ofSource), nil},
		{"a provider", source("provider = \"google\"\naction = \"OK\"\n" + everything + ofSource), nil},
		{"a file", source(file + everything + ofSource), []string{
			`7: source "x": total_ipv4, total_ipv6 without effect: ` + total, `13: source "x": deadline without effect: ` + fetched,
			`14: source "x": max_keys without effect: ` + keys}},
		{"an inline list", source(cidr + everything + ofSource), []string{
			`5: source "x": ` + judged + ` without effect: ` + inline, `7: source "x": total_ipv4, total_ipv6 without effect: ` + total,
			`13: source "x": deadline without effect: ` + fetched, `14: source "x": max_keys without effect: ` + keys}},
		{"rejected", source(spf + "action = \"REJECT\"\n" + everything + ofSource), []string{
			`7: source "x": total_ipv4, total_ipv6 without effect: ` + total}},
		{"excluded", source(spf + "action = \"EXCLUDE\"\n" + everything + ofSource), []string{
			`7: source "x": total_ipv4, total_ipv6 without effect: ` + total, `14: source "x": max_keys without effect: ` + keys}},
		{"without IPv6", source(spf + "action = \"OK\"\nfamilies = [\"ipv4\"]\n" + everything), []string{
			`7: source "x": widest_ipv6, total_ipv6 without effect: families leaves out IPv6`}},
		{"without IPv4, inline", source(cidr + "families = [\"ipv6\"]\nwidest_ipv4 = 9\n"), []string{
			`6: source "x": widest_ipv4 without effect: ` + inline}},
		{"[guard] for one that is fetched", "[guard]\n" + everything + ofGuard + source(cidr) + strings.ReplaceAll(source(spf+"action = \"OK\"\n"), `"x"`, `"y"`), nil},
		{"[guard] for a file", "[guard]\n" + everything + ofGuard + source(file), []string{
			`4: [guard]: total_ipv4, total_ipv6 without effect: ` + total}},
		{"[guard] for what keeps out", "[guard]\n" + everything + ofGuard + source(spf+"action = \"REJECT\"\n"), []string{
			`4: [guard]: total_ipv4, total_ipv6 without effect: ` + total, `10: [guard]: expire without effect: ` + expires}},
		{"[guard] for inline lists, in one line each cause", "[guard]\n" + everything + ofGuard + source(cidr) + strings.ReplaceAll(source(cidr), `"x"`, `"y"`), []string{
			`2: [guard]: ` + judged + ` without effect: ` + inline, `4: [guard]: total_ipv4, total_ipv6 without effect: ` + total,
			`10: [guard]: expire without effect: ` + expires}},
		{"[guard] for sources that it does not bind for two causes",
			"[guard]\nwidest_ipv6 = 9\n" + source(cidr) + strings.ReplaceAll(source(spf+"families = [\"ipv4\"]\naction = \"OK\"\n"), `"x"`, `"y"`), []string{
				`2: [guard]: widest_ipv6 without effect: ` + inline + `; families leaves out IPv6`}},
		{"[guard] for no source", "[guard]\n" + everything + ofGuard, nil},
		{"a source that a snapshot defines", snapshot + source("from = \"snapshot\"\naction = \"OK\"\n"+everything+ofSource), []string{
			`15: source "x": deadline without effect: ` + fetched}},
		{"targets", target("cidr", "max_keys = 9\nonly = [\"REJECT\"]") + target("sendmail-access", "max_keys = 9\nonly = [\"OK\", \"REJECT\"]") +
			target("mynetworks-cidr", "only = [\"OK\", \"RELAY\"]") + target("rbldnsd", "only = [\n\"RELAY\",\n\"REJECT\"]"), []string{
			`4: cidr target: max_keys without effect: there are no keys in its file`,
			`14: mynetworks-cidr target: OK in only without effect: its file never holds that`,
			`20: rbldnsd target: REJECT in only without effect: its file never holds that`}},
		{"inline tables", "guard.total_ipv4 = 9\nsource = [{name = \"x\", cidr = [\"74.0.0.0/24\"], action = \"OK\", window = \"9d\"}]\n", []string{
			`1: [guard]: total_ipv4 without effect: ` + total, `2: source "x": window without effect: ` + inline}},
	} {
		s, err := Parse("c.toml", []byte(row.text), Flags{})
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		var got []string
		for _, w := range s.Warnings {
			got = append(got, strings.TrimPrefix(w.Error(), "c.toml:"))
		}
		if strings.Join(got, "\n") != strings.Join(row.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", row.name, strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
	}
	for _, k := range limitKeys(new(allowlist.Limits)) {
		if !slices.ContainsFunc(effects(), func(e effect) bool { return slices.Contains(e.keys, k.name) }) {
			t.Errorf("effects does not say in which sources %s has one", k.name)
		}
	}
	// Beside a mistake only the mistakes are told.
	if s, err := Parse("c.toml", []byte(source(cidr+"total_ipv4 = 99\n")), Flags{}); err == nil || s.Warnings != nil {
		t.Errorf("%v, %v", err, s.Warnings)
	}
}
