package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/format"
	"mailallow/accessmap/key"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist"
	"mailallow/allowlist/dnsbl"
)

// permitDocument is where a permit for the client changes the verdict: a place in main.cf, or a key of the access map. All of them
// together are needed.
type permitDocument struct {
	List   string `json:"list"`   // of main.cf, or access
	Before string `json:"before"` // the item; empty: first in the list
	Class  string `json:"class"`  // the restriction class that has the item
	Key    string `json:"key"`    // of the access map, to have the value OK
	Relays bool   `json:"relays"` // there it would let the client relay
}

func newPermits(places []postfix.Place) []permitDocument {
	permits := []permitDocument{}
	for _, p := range places {
		d := permitDocument{List: p.List, Class: p.Before.Class, Relays: p.Relays}
		if p.Before.List == p.List {
			d.Before = p.Before.Item.String()
		}
		permits = append(permits, d)
	}
	return permits
}

// in says where a permit has to go. tables are the configured tables, by the lists that read them.
func (p permitDocument) in(tables map[format.Use]string) string {
	item := "check_client_access cidr:" + tables[format.UseSMTPD]
	if p.List == "postscreen_access_list" {
		item = "cidr:" + tables[format.UsePostscreen]
	}
	before := p.Before
	if p.Class != "" {
		before += " of class " + p.Class
	}
	switch {
	case p.Key != "":
		return p.Key + " OK"
	case p.Before == "":
		return item + " first in " + p.List
	case p.Relays:
		return item + " before " + before + " in " + p.List + ", and both behind reject_unauth_destination, for it would relay there"
	}
	return item + " before " + before + " in " + p.List
}

// ownTables are the tables of the configuration, by the lists that read them; FILE stands for one that it lacks.
func (x *explanation) ownTables() map[format.Use]string {
	tables := map[format.Use]string{format.UseSMTPD: "FILE", format.UsePostscreen: "FILE"}
	for _, target := range slices.Backward(x.settings.Targets) {
		if target.Format.Use != format.UseNone {
			tables[target.Format.Use] = target.Path
		}
	}
	return tables
}

// filter is a key of a target that keeps an address out of its file, although the list lets it in.
type filter struct{ path, address, change string }

// filters gives those of the configuration for an address.
func (x *explanation) filters(d addressDocument) (found []filter) {
	action, err := allowlist.ParseAction(d.Action)
	if err != nil || action != allowlist.OK && action != allowlist.Relay {
		return nil
	}
	v4 := netip.MustParseAddr(d.Address).Is4()
	for _, t := range x.settings.Targets {
		key := ""
		switch {
		case v4 && t.Want.NoIPv4 || !v4 && t.Want.NoIPv6:
			key = "families"
		case !t.Takes(action) && t.Format.Takes(action, nil):
			key = "only"
		default:
			continue
		}
		found = append(found, filter{t.Path, d.Address, fmt.Sprintf("%s of the target %s in %s: the list has the address with %s, and this key keeps it out of the file", key, t.Path, x.settings.Path, action)})
	}
	return found
}

// filterErrors is the filter that takes the listings of most lists, and none of their error answers (docs/facts.md 29).
const filterErrors = "=127.0.0.[2..11]"

// postfixChanges says what would change a refusal, each change on its own. accepts reports whether the mail is accepted if the
// question of a step has another answer.
func postfixChanges(w postfix.Walk, permits []permitDocument, tables map[format.Use]string, filters []filter, accepts func(s postfix.Step, value string) bool) (changes []string) {
	by := *w.By
	for _, f := range filters {
		for _, s := range w.Steps {
			s.Asked = f.address // which the table does not have yet
			if slices.Contains([]string{s.Name, s.Argument}, "cidr:"+f.path) && accepts(s, "permit") {
				changes = append(changes, f.change)
			}
		}
	}
	switch {
	case by.Why != "" && len(permits) == 0:
		return append(changes, "repair it: "+by.Why)
	case by.Reply == "":
		return changes
	case by.Answer != "" && strings.Contains(by.Name+by.Argument, ":"):
		value := "OK"
		if by.List == "postscreen_access_list" {
			value = "permit"
		}
		if accepts(by, value) {
			changes = append(changes, fmt.Sprintf("%s for %s in %s, in place of %q", value, by.Asked, strings.TrimPrefix(by.Item.String(), "check_client_access "), by.Answer))
		}
	}
	for _, s := range w.Steps {
		zone := cmp.Or(s.Zone(), siteZone(s.Name))
		asks := s == by || s.List == "postscreen_dnsbl_sites" && s.Does == postfix.Counts && by.List == s.List
		if asks && isErrorAnswer(zone, s.Answer) && !strings.Contains(s.Name+s.Argument, "=") && accepts(s, "") {
			changes = append(changes, fmt.Sprintf("%s%s in %s, since %s is no listing", zone, filterErrors, s.List, s.Answer))
		}
	}
	if len(permits) > 0 {
		var places []string
		for _, p := range permits {
			places = append(places, p.in(tables))
		}
		changes = append(changes, "a permit for it: "+strings.Join(places, "; and "))
	}
	return changes
}

// siteZone is the zone of an item of postscreen_dnsbl_sites.
func siteZone(site string) string {
	return site[:len(site)-len(strings.TrimLeft(site, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."))]
}

// isErrorAnswer reports whether a list's addresses in the DNS say that it did not answer.
func isErrorAnswer(zone, answer string) bool {
	codes := addresses(answer)
	z, err := dnsbl.ParseZone(zone, "")
	if err != nil || len(codes) == 0 {
		return false
	}
	state, _ := z.Read(codes)
	return state == dnsbl.Error
}

func addresses(text string) (all []netip.Addr) {
	for _, field := range strings.Fields(text) {
		if addr, err := netip.ParseAddr(strings.TrimSuffix(field, ".")); err == nil {
			all = append(all, addr)
		}
	}
	return all
}

// meaning says what a list's addresses in the DNS mean; empty: there are none, or they are listings of a list without known codes.
func meaning(zone, answer string) string {
	codes := addresses(answer)
	if len(codes) == 0 {
		return ""
	}
	if dead := dnsbl.Dead(zone); dead != "" {
		return "a dead list: " + dead
	}
	z, err := dnsbl.ParseZone(zone, "")
	if err != nil {
		return ""
	}
	state, text := z.Read(codes)
	if state == dnsbl.Listed && z.Operator() == "" {
		return ""
	}
	return text
}

// sendmailChanges says what would change a refusal by the last lookup of the ruleset that refuses: each on its own.
func sendmailChanges(by sendmail.MapLookup, c sendmail.Client, mapPath string, filters []filter) (changes []string, permits []permitDocument) {
	whole := key.Connect + string(key.Append(nil, netip.PrefixFrom(c.Addr, c.Addr.BitLen())))
	if zone := by.Zone(c.Addr); isErrorAnswer(zone, by.Value) {
		changes = append(changes, fmt.Sprintf("FEATURE(`enhdnsbl') for %s as mailallow lint prints it, since %s is no listing", zone, strings.TrimSuffix(by.Value, ".")))
	}
	switch {
	case by.Map == "access" && by.Failed:
		return []string{"a map that Sendmail can read"}, []permitDocument{}
	case by.Map == "access":
		return []string{fmt.Sprintf("OK for the key %s, in place of %q", by.Key, by.Value)}, []permitDocument{{List: "access", Key: by.Key}}
	case mapPath == "":
		return append(changes, "FEATURE(`access_db'), with "+whole+" OK in the map"), []permitDocument{}
	}
	for _, f := range filters {
		if f.path == mapPath {
			changes = append(changes, f.change)
		}
	}
	return append(changes, whole+" OK in "+mapPath), []permitDocument{{List: "access", Key: whole}}
}
