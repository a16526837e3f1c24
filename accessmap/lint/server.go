package lint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/makemap"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
)

// Sendmail says what keeps the access file at textPath from taking effect. mapType is the type its map is made
// as; empty, MapAuto: as sendmail.cf says. Files and directories on the map's path are looked at, not opened.
func Sendmail(cf *sendmail.CF, textPath, mapType string) (findings []Finding) {
	add := func(rule, text, fix string) {
		findings = append(findings, Finding{File: cf.Path, Rule: rule, Text: text, Fix: fix})
	}
	const rebuild = " in sendmail.mc, make sendmail.cf anew and restart Sendmail"
	switch {
	case !cf.HasAccessMap():
		add("no-access-map", "there is no access map (no Kaccess line): Sendmail asks no list of yours",
			"add FEATURE(`access_db', `hash -T<TMPF> "+cf.Inside(textPath)+"')"+rebuild)
		return findings
	case !cf.Names(textPath):
		add("other-map", fmt.Sprintf("Sendmail reads the access map %s %s, not one made from %s", cf.AccessClass, shown(cf.AccessPath), textPath),
			"name "+shown(cf.AccessPath)+" as the path of the target, or change FEATURE(`access_db')"+rebuild)
		return findings
	}
	if mapType == "" || mapType == makemap.Auto {
		mapType = cf.AccessClass
	}
	mapPath, err := makemap.UsualFile(mapType, textPath)
	if err != nil {
		add("other-map", fmt.Sprintf("Sendmail reads its access map as %s, which makemap does not make from a text", shown(cf.AccessClass)),
			"change FEATURE(`access_db') to hash, btree or cdb"+rebuild)
		return findings
	}
	for _, why := range cf.RefusesType(mapType) {
		add("other-map", why.Err.Error(), why.Hint)
	}
	if cf.CompressedIPv6 {
		add("compressed-ipv6", "UseCompressedIPv6Addresses is on: Sendmail looks addresses up with ::, and no exact keys for a network exist then",
			"remove confUSE_COMPRESSED_IPV6_ADDRESSES"+rebuild+"; or families = [\"ipv4\"]")
	}
	return append(findings, lintMapFile(cf, mapType, textPath, mapPath)...)
}

// lintMapFile says why Sendmail could not open the map.
func lintMapFile(cf *sendmail.CF, mapType, textPath, mapPath string) (findings []Finding) {
	info, err := os.Stat(mapPath)
	if errors.Is(err, fs.ErrNotExist) {
		text := "the map " + mapPath + " is not there: every lookup fails for the time being, and mail is answered 451"
		if slices.Contains(cf.AccessFlags, "-o") {
			text = "the map " + mapPath + " is not there, and -o lets Sendmail go on without it: no list of yours is asked"
		}
		return []Finding{{File: cf.Path, Rule: "no-map", Text: text, Fix: "run: makemap " + mapType + " " + textPath + " < " + textPath}}
	}
	why := cf.RefusesPath(mapPath)
	if err == nil {
		if refused := cf.RefusesFile(mapPath, info); refused != nil {
			why = append(why, refused)
		}
	}
	for _, w := range why {
		findings = append(findings, Finding{File: cf.Path, Rule: "unsafe-map", Text: w.Err.Error(), Fix: w.Hint})
	}
	return findings
}

// PermitsAny reports whether a line of a cidr table permits.
func PermitsAny(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && line[0] != '#' &&
			slices.Contains([]string{"permit", "ok", "relay"}, strings.ToLower(fields[1])) {
			return true
		}
	}
	return false
}

// Postfix says what keeps tables from taking effect, and where one lets more than mail through (docs/facts.md 10). shared
// is as in AccessOptions.
func Postfix(m *postfix.Main, tables []Table, options Options) (findings []Finding) {
	l := &postfixLinter{Main: m, file: strings.TrimSuffix(m.ConfigDirectory, "/") + "/main.cf"}
	if m.ConfigDirectory == "" {
		l.file = "/etc/postfix/main.cf"
	}
	greeted := false // postscreen knows whom to let by
	for _, t := range tables {
		l.table(t)
		greeted = greeted || t.Ours && t.Use == format.UsePostscreen
	}
	smtpd := slices.ContainsFunc(tables, func(t Table) bool { return t.Ours && t.Use == format.UseSMTPD && t.Permits })
	if sites := m.Lists["postscreen_dnsbl_sites"]; m.Postscreen && len(sites.Items) > 0 && smtpd && !greeted {
		l.add("dnsbl-first", fmt.Sprintf("postscreen asks %s before smtpd sees a client, and knows no list of yours", sites.Items[0].Name),
			"add a target with format = \"postscreen-cidr\" and name it in postscreen_access_list")
	}
	l.myNetworks(options)
	return l.findings
}

type postfixLinter struct {
	*postfix.Main
	file     string
	findings []Finding
}

func (l *postfixLinter) add(rule, text, fix string) {
	l.findings = append(l.findings, Finding{File: l.file, Rule: rule, Text: l.Inside(text), Fix: l.Inside(fix)})
}

// placeOf is where a table of each use belongs.
func placeOf(t Table) (list, setting string) {
	switch t.Use {
	case format.UsePostscreen:
		return "postscreen_access_list", "postscreen_access_list = permit_mynetworks, cidr:" + t.Path
	case format.UseMyNetworks:
		return "mynetworks", "mynetworks = 127.0.0.0/8 [::1]/128 cidr:" + t.Path
	}
	return "smtpd_client_restrictions", "smtpd_client_restrictions = check_client_access cidr:" + t.Path
}

func (l *postfixLinter) table(t Table) {
	named := false
	for _, use := range l.Uses(t.Path) {
		if other := use.Item.TableType(); other != "cidr" && t.Ours {
			l.add("not-named", fmt.Sprintf("%s names %s as %s: and not as cidr:, so Postfix looks for another file, or reads it otherwise",
				use.List, t.Path, other), "write cidr:"+t.Path+" there")
			return
		}
		if t.Missing {
			fix := "make it, or take it out"
			if t.Ours {
				fix = "run: mailallow update"
			}
			l.add("no-map", fmt.Sprintf("%s names %s, which is not there: its lookups fail, and smtpd answers 451", use.List, t.Path), fix)
			return
		}
		client := use.Item.Name == "check_client_access"
		list, _ := placeOf(t)
		named = named || (t.Use == format.UseSMTPD && client) || use.List == list && t.Use != format.UseSMTPD
		if t.Permits && client && l.RelaysAt(use) {
			l.add("relay-table", fmt.Sprintf("%s stands before reject_unauth_destination in %s: every address it permits may relay to anywhere",
				use.Item, use.List), "name it in smtpd_client_restrictions; addresses that are to relay belong into mynetworks")
		}
		if use.List == "mynetworks" && t.Use != format.UseMyNetworks {
			l.add("relay-table", fmt.Sprintf("%s is in mynetworks, where any line that matches lets its addresses relay, whatever its value", t.Path),
				"take it out, and use a target with format = \"mynetworks-cidr\", which holds the RELAY ranges alone")
		}
	}
	if !t.Ours {
		return
	}
	if !named {
		list, setting := placeOf(t)
		l.add("not-named", fmt.Sprintf("%s does not name %s: Postfix does not read it", list, t.Path), "put first in its list: "+setting)
		return
	}
	if t.Use != format.UseSMTPD || !t.Permits {
		return
	}
	asked := l.StillAsked(t.Path)
	for _, list := range postfix.RestrictionLists() {
		items := asked[list]
		if len(items) == 0 {
			continue
		}
		text := fmt.Sprintf("%s asks %s whatever %s says: a permit ends only the list it stands in", list, items[0], t.Path)
		if slices.ContainsFunc(l.Uses(t.Path), func(u postfix.Use) bool { return u.List == list }) {
			text = fmt.Sprintf("%s asks %s before %s", list, items[0], t.Path)
		}
		l.add("dnsbl-first", text, fmt.Sprintf("put check_client_access cidr:%s right before %s in %s, behind reject_unauth_destination if that is there",
			t.Path, items[0], list))
	}
}

// myNetworks finds the hosts of shared providers among those that may relay.
func (l *postfixLinter) myNetworks(o Options) {
	for _, item := range l.Lists["mynetworks"].Items {
		p, fault := readPattern(item.Name)
		if o.Shared == nil || fault != nil {
			continue
		}
		if title := o.Shared(p); title != "" {
			l.add("shared-relay", fmt.Sprintf("mynetworks has %s, which holds hosts of %s: each of their customers may relay through this server",
				item.Name, title), "take it out, and let their mail in with a table of permits")
		}
	}
}
