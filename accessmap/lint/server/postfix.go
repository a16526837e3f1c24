package server

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/program"
)

// postfixChecks are the checks of a rule on a main.cf. The kinds run in this order, the first two for each table.
type postfixChecks struct {
	use     rule.CheckIn[*postfixLinter, namedTable]   // one place that names the table
	table   rule.CheckIn[*postfixLinter, Table]        // all places together, if Postfix reads the table in each
	main    rule.Check[*postfixLinter]                 // the whole main.cf
	network rule.CheckIn[*postfixLinter, postfix.Item] // an item of mynetworks
}

// Postfix gives the findings that keep tables from taking effect, or let clients relay that should only send mail
// (docs/facts.md 10).
func Postfix(m *postfix.Main, tables []Table, o rule.Options) []rule.Finding {
	l := newPostfixLinter(m, tables, o)
	for _, t := range tables {
		l.table(t)
	}
	l.Each(func(c *postfixChecks) []rule.Finding { return c.main.Of(l) })
	for _, item := range m.Lists["mynetworks"].Items {
		l.Each(func(c *postfixChecks) []rule.Finding { return c.network.Of(l, item) })
	}
	return l.inMain()
}

// PostfixTable gives the findings that keep one table from taking effect.
func PostfixTable(m *postfix.Main, t Table) []rule.Finding {
	l := newPostfixLinter(m, []Table{t}, rule.Options{})
	l.table(t)
	return l.inMain()
}

func newPostfixLinter(m *postfix.Main, tables []Table, o rule.Options) *postfixLinter {
	return &postfixLinter{Run: rule.Run[postfixChecks]{Table: postfixRules()}, Main: m, tables: tables, Options: o}
}

// toPaste begins a fix that is a command, in which the path of main.cf is that of this host, below a root too.
const toPaste = "run:\npostconf "

// inMain gives the findings the path of main.cf, and to the paths in them the form that they have there.
func (l *postfixLinter) inMain() []rule.Finding {
	file := "/etc/postfix/main.cf"
	if l.ConfigDirectory != "" {
		file = strings.TrimSuffix(l.ConfigDirectory, "/") + "/main.cf"
	}
	for i, f := range l.Findings {
		f.File, f.Text = file, l.Inside(f.Text)
		if !strings.HasPrefix(f.Fix, toPaste) {
			f.Fix = l.Inside(f.Fix)
		}
		l.Findings[i] = f
	}
	return l.Findings
}

type postfixLinter struct {
	rule.Run[postfixChecks]
	*postfix.Main
	tables []Table
	not    bool // a file of patterns that mynetworks names with !
	rule.Options
}

// namedTable is a table and a place that names it.
type namedTable struct {
	Table
	use postfix.Use
}

func (l *postfixLinter) table(t Table) {
	for _, use := range l.Uses(t.Path) {
		named := namedTable{t, use}
		l.Each(func(c *postfixChecks) []rule.Finding { return c.use.Of(l, named) })
		if t.Missing || named.isOtherType() {
			return
		}
	}
	l.Each(func(c *postfixChecks) []rule.Finding { return c.table.Of(l, t) })
}

// isOtherType reports whether the place names a table of mailallow as another type than cidr.
func (t namedTable) isOtherType() bool { return t.Generated && t.use.Item.TableType() != "cidr" }

// list is the list of main.cf in which the reader of the table looks for it.
func (t Table) list() string {
	return map[format.Use]string{format.UsePostscreen: "postscreen_access_list", format.UseMyNetworks: "mynetworks"}[t.Use]
}

// isNamed reports whether main.cf names the table where its reader looks for it.
func (l *postfixLinter) isNamed(t Table) bool {
	return slices.ContainsFunc(l.Uses(t.Path), func(use postfix.Use) bool {
		if t.Use == format.UseSMTPD {
			return use.Item.Name == "check_client_access"
		}
		return use.List == t.list() && !postfix.Excludes(use.Item.Name)
	})
}

func namedOtherwise(l *postfixLinter, t namedTable) []rule.Finding {
	if !t.isOtherType() {
		return nil
	}
	fix := "write cidr:" + t.Path + " there"
	if t.list() == "" {
		fix = l.naming(t.Table, "")
	}
	return []rule.Finding{{Text: fmt.Sprintf("%s names %s as %s:, not as cidr:, so Postfix looks for another file, or reads another format",
		t.use.List, t.Path, t.use.Item.TableType()), Fix: fix}}
}

func notNamed(l *postfixLinter, t Table) []rule.Finding {
	if !t.Generated || l.isNamed(t) {
		return nil
	}
	text := fmt.Sprintf("no restriction list of smtpd names %s: Postfix does not read it", t.Path)
	if list := t.list(); list != "" {
		text = fmt.Sprintf("%s does not name %s: Postfix does not read it", list, t.Path)
	}
	for _, use := range l.Uses(t.Path) {
		if postfix.Excludes(use.Item.Name) {
			return []rule.Finding{{Text: fmt.Sprintf("%s names %s with !: no address in it may relay", use.List, t.Path), Fix: "remove the ! before it"}}
		}
	}
	return []rule.Finding{{Text: text, Fix: l.naming(t, "")}}
}

// naming gives the command that names the table in main.cf where it takes effect, in one list or, if that is empty, in all.
func (l *postfixLinter) naming(t Table, list string) string {
	settings, classes := []postfix.Setting{}, []string{}
	if list := t.list(); list != "" {
		settings = append(settings, l.Adding(list, "cidr:"+t.Path))
	} else {
		settings, classes = l.PermitBefore(t.Path)
	}
	config := ""
	if l.ConfigDirectory != "/etc/postfix" && l.ConfigDirectory != "" {
		config = "-c " + program.Quoted(l.ConfigDirectory) + " "
	}
	text, set := toPaste+config+"-e", false
	for _, s := range settings {
		if list == "" || list == s.Name {
			text, set = text+" "+program.Quoted(l.Inside(s.String())), true
		}
	}
	if l.Inside(l.ConfigDirectory) == l.ConfigDirectory { // below a root no Postfix runs
		text += " && postfix " + config + "reload"
	}
	for _, class := range classes {
		text += fmt.Sprintf("\nand put check_client_access cidr:%s first in the restriction class %s", l.Inside(t.Path), class)
	}
	if !set && len(classes) > 0 { // postconf has nothing to edit
		_, text, _ = strings.Cut(text, "\nand ")
	}
	return text
}

// commentInList finds comments behind an item of a list that decides about clients: main.cf has comments on lines of their own
// alone.
func commentInList(l *postfixLinter) []rule.Finding {
	for _, name := range append(postfix.RestrictionLists(), "postscreen_access_list") {
		for _, item := range l.Lists[name].Items {
			if item.Name[0] == '#' {
				return []rule.Finding{{Fix: "put the comment on a line of its own",
					Text: name + " has a comment behind a value, where main.cf has none: smtpd answers 451 to every client that comes to it, and postscreen ignores the rest"}}
			}
		}
	}
	return nil
}

func noTable(l *postfixLinter, t namedTable) []rule.Finding {
	if !t.Missing || t.isOtherType() {
		return nil
	}
	f := noFile(t.use.List, t.Path)
	if t.Generated {
		f.Fix = "run: mailallow update" + l.Flags
	}
	return []rule.Finding{f}
}

func noFile(list, path string) rule.Finding {
	return rule.Finding{Text: fmt.Sprintf("%s names %s, which does not exist: its lookups fail, and smtpd answers 451", list, path),
		Fix: "create it, or remove it from the list"}
}

func relayTable(l *postfixLinter, t namedTable) (found []rule.Finding) {
	if t.Missing || t.isOtherType() {
		return nil
	}
	if t.Permits && t.use.Item.Name == "check_client_access" && l.RelaysAt(t.use) {
		found = append(found, rule.Finding{Text: fmt.Sprintf("%s is before reject_unauth_destination in %s: every address it permits may relay to anywhere", t.use.Item, t.use.List),
			Fix: l.naming(t.Table, "")})
	}
	if t.use.List == "mynetworks" && !postfix.Excludes(t.use.Item.Name) && t.Use != format.UseMyNetworks {
		found = append(found, rule.Finding{Text: fmt.Sprintf("%s is in mynetworks, where any line that matches lets its addresses relay, whatever its value", t.Path),
			Fix: "remove it, and use a target with format = \"mynetworks-cidr\", which holds only the RELAY ranges"})
	}
	return found
}

// dnsblFirst finds the lists in which Postfix asks a DNSBL about a client that the table permits.
func dnsblFirst(l *postfixLinter, t Table) (found []rule.Finding) {
	if !t.permitsMail() || !l.isNamed(t) {
		return nil
	}
	asked := l.StillAsked(t.Path)
	for _, list := range postfix.RestrictionLists() {
		items := asked[list]
		if len(items) == 0 {
			continue
		}
		text := fmt.Sprintf("%s asks %s whatever %s says: a permit ends only the list that names the table", list, items[0], t.Path)
		if slices.ContainsFunc(l.Uses(t.Path), func(u postfix.Use) bool { return u.List == list }) {
			text = fmt.Sprintf("%s asks %s before %s", list, items[0], t.Path)
		}
		found = append(found, rule.Finding{Text: text, Fix: l.naming(t, list)})
	}
	return found
}

// permitsMail reports whether mailallow writes the table for smtpd to let clients in.
func (t Table) permitsMail() bool { return t.Generated && t.Permits && t.Use == format.UseSMTPD }

// postscreenFirst finds a postscreen that asks DNSBLs and reads no table of mailallow.
func postscreenFirst(l *postfixLinter) []rule.Finding {
	sites := l.Lists["postscreen_dnsbl_sites"].Items
	knowsList := slices.ContainsFunc(l.tables, func(t Table) bool { return t.Generated && t.Use == format.UsePostscreen })
	if !l.Postscreen || len(sites) == 0 || knowsList || !slices.ContainsFunc(l.tables, Table.permitsMail) {
		return nil
	}
	return []rule.Finding{{Text: fmt.Sprintf("postscreen asks %s before smtpd sees a client, and does not read your list", sites[0].Name),
		Fix: "add a target with format = \"postscreen-cidr\" and name it in postscreen_access_list"}}
}
