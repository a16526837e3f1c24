package postfix

import (
	"slices"
	"strings"
)

// Setting is a line of main.cf.
type Setting struct{ Name, Value string }

func (s Setting) String() string { return s.Name + " = " + s.Value }

// group is a restriction with its argument and the warn_if_reject before it, or another word of a list.
type group []string

// groups cuts the value of a restriction list into its restrictions. A restriction class is one.
func groups(value string) (all []group) {
	words, known := split(value), restrictionsByName()
	for i := 0; i < len(words); i++ {
		g := group{words[i]}
		for strings.EqualFold(g[len(g)-1], "warn_if_reject") && i+1 < len(words) {
			i++
			g = append(g, words[i])
		}
		if known[strings.ToLower(words[i])].argument && i+1 < len(words) {
			i++
			g = append(g, words[i])
		}
		all = append(all, g)
	}
	return all
}

// item is the restriction of a group by itself.
func (g group) item() Item {
	i := Item{Name: strings.ToLower(g[0])}
	if i.WarnOnly = i.Name == "warn_if_reject"; i.WarnOnly && len(g) > 1 {
		i.Name = strings.ToLower(g[1])
	}
	return i
}

func (g group) asksDNSBL() bool { return !g.item().WarnOnly && g.item().asksDNSBL() }

// refusesForeign reports whether the group refuses recipients of other servers to all clients, so that a permit behind it lets
// none relay.
func (g group) refusesForeign() bool {
	return !g.item().WarnOnly && slices.Contains([]string{"reject_unauth_destination", "defer_unauth_destination"}, g.item().Name)
}

func joined(all []group) string {
	var words []string
	for _, g := range all {
		words = append(words, strings.Join(g, " "))
	}
	return strings.Join(words, ", ")
}

// PermitBefore gives the lines of main.cf with which smtpd permits the clients of the cidr table at path before it asks a
// DNSBL about them, in each list that asks one, and lets none of them relay for it. If no list asks any, the table is the first
// in smtpd_client_restrictions. Classes are the restriction classes in which a DNSBL is asked: they need the same, by hand.
func (m *Main) PermitBefore(path string) (settings []Setting, classes []string) {
	asked := m.StillAsked(path)
	wrong := map[string]bool{} // where a permit lets relay, or the table is named as another type
	named := false
	for _, use := range m.Uses(path) {
		if use.Item.Name == "check_client_access" {
			wrong[use.List] = wrong[use.List] || m.RelaysAt(use) || use.Item.TableType() != "cidr"
			named = named || !wrong[use.List]
		}
	}
	for _, name := range RestrictionLists() {
		if len(asked[name]) == 0 && !wrong[name] {
			continue
		}
		var all []group
		for _, g := range groups(m.Lists[name].Value) {
			if !g.names(path) {
				all = append(all, g)
			}
		}
		if slices.ContainsFunc(all, group.asksDNSBL) {
			all, named = m.permitted(name, all, path), true
		} else if len(asked[name]) > 0 { // a class asks it
			classes, named = append(classes, asked[name][0].Class), true
			continue
		}
		settings = append(settings, Setting{name, joined(all)})
	}
	if !named {
		const first = "smtpd_client_restrictions"
		settings = append(settings, Setting{first, joined(append([]group{permitOf(path)}, groups(m.Lists[first].Value)...))})
	}
	return settings, classes
}

func permitOf(path string) group { return group{"check_client_access", "cidr:" + path} }

// names reports whether the group permits the clients of the table at path.
func (g group) names(path string) bool {
	return g.item().Name == "check_client_access" && namesTable(g[len(g)-1], path, 1)
}

// permitted puts the table before the first DNSBL of a list. If no restriction before that refuses recipients of other servers,
// a permit there would let its clients relay: then the DNSBLs move behind such a restriction.
func (m *Main) permitted(list string, all []group, path string) []group {
	at := slices.IndexFunc(all, group.asksDNSBL)
	if m.decidesRelaying(list) && !slices.ContainsFunc(all[:at], group.refusesForeign) {
		all, at = behindRelaying(all, at)
	}
	return slices.Concat(all[:at], []group{permitOf(path)}, all[at:])
}

// decidesRelaying reports whether a permit in the list may let a client relay.
func (m *Main) decidesRelaying(list string) bool {
	return m.RelaysAt(Use{List: list})
}

// behindRelaying moves the DNSBLs from number at on behind the restriction that refuses foreign recipients, and gives the place
// of the first.
func behindRelaying(all []group, at int) ([]group, int) {
	guard := slices.IndexFunc(all, group.refusesForeign)
	if guard < 0 {
		return slices.Concat(all[:at], []group{{"reject_unauth_destination"}}, all[at:]), at + 1
	}
	var before, moved []group
	for _, g := range all[:guard+1] {
		if g.asksDNSBL() {
			moved = append(moved, g)
		} else {
			before = append(before, g)
		}
	}
	return slices.Concat(before, moved, all[guard+1:]), len(before)
}

// Adding gives the line of main.cf with one more item in a list of addresses: in mynetworks the last, in
// postscreen_access_list behind permit_mynetworks, before what may refuse its clients.
func (m *Main) Adding(list, item string) Setting {
	words := split(m.Lists[list].Value)
	at := len(words)
	if list == "postscreen_access_list" {
		at = 1 + slices.Index(words, "permit_mynetworks")
	}
	return Setting{list, strings.Join(slices.Concat(words[:at], []string{item}, words[at:]), ", ")}
}
