package postfix

import (
	"path/filepath"
	"slices"
	"strings"
)

// Use is a place where main.cf names a table.
type Use struct {
	List     string
	Position int // in the list's Items, from 0
	Item     Item
	// DNSBLs are the blocklists before it in the same list. Postfix asks them first.
	DNSBLs []Item
}

// Uses returns every place where main.cf names the table of the file at path: with any type (cidr:, texthash:, hash:,
// proxy:cidr:), inside unionmap:{} and pipemap:{}, and without a type as a file in mynetworks.
func (m *Main) Uses(path string) (uses []Use) {
	for _, name := range slices.Concat(RestrictionLists(), AddressLists()) {
		var dnsbls []Item
		for i, item := range m.Lists[name].Items {
			if item.asksDNSBL() {
				dnsbls = append(dnsbls, item)
			}
			if item.names(path) {
				uses = append(uses, Use{name, i, item, slices.Clone(dnsbls)})
			}
		}
	}
	return uses
}

// StillAsked returns, by list, the blocklists of smtpd that can refuse a client although the table of the file at path
// permits it: no check_client_access with the table is before them in their list, and a permit in another list does not
// help (docs/facts.md 10).
func (m *Main) StillAsked(path string) map[string][]Item {
	asked := map[string][]Item{}
	for _, name := range RestrictionLists() {
		for _, item := range m.Lists[name].Items {
			if item.Name == "check_client_access" && !item.WarnOnly && item.names(path) {
				break
			}
			if item.asksDNSBL() && !item.WarnOnly {
				asked[name] = append(asked[name], item)
			}
		}
	}
	return asked
}

// DNSBLZones returns the zones that smtpd asks about a client's address, and postscreen where it is on port 25, each once, in their order.
func (m *Main) DNSBLZones() (zones []string) {
	add := func(argument string) {
		zone, _, _ := strings.Cut(argument, "=")
		zone, _, _ = strings.Cut(zone, "*")
		if zone != "" && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	for _, name := range RestrictionLists() {
		for _, item := range m.Lists[name].Items {
			if item.Name == "reject_rbl_client" {
				add(item.Argument)
			}
		}
	}
	if m.Postscreen { // else nobody looks at its sites
		for _, item := range m.Lists["postscreen_dnsbl_sites"].Items {
			add(item.Name)
		}
	}
	return zones
}

// asksDNSBL reports whether the restriction refuses clients whose address or name is in a blocklist. Blocklists of sender,
// recipient and HELO domains (reject_rhsbl_sender and others) do not count.
func (i Item) asksDNSBL() bool {
	return slices.Contains([]string{"reject_rbl_client", "reject_maps_rbl", "reject_rhsbl_client", "reject_rhsbl_reverse_client"}, i.Name)
}

// names reports whether the item, or its argument, is the table of the file at path.
func (i Item) names(path string) bool {
	return namesTable(i.table(), path, maxNesting)
}

// table is the TYPE:TABLE of the item, or the file of an entry in mynetworks.
func (i Item) table() string {
	if i.Argument != "" {
		return i.Argument
	}
	return strings.TrimLeft(i.Name, "!")
}

// Excludes reports whether a pattern keeps clients out of mynetworks: each ! before it turns its meaning.
func Excludes(pattern string) bool {
	return (len(pattern)-len(strings.TrimLeft(pattern, "!")))%2 == 1
}

// TableType is the type with which the item names its table, without proxy:. It is cidr for an item that names a cidr table
// among others (unionmap:{}), and for a file without a type in mynetworks. Of one in a restriction it is "no type".
func (i Item) TableType() string {
	table := i.table()
	if i.Argument != "" && filepath.IsAbs(table) {
		return "no type"
	}
	if kind, _, ok := strings.Cut(strings.TrimPrefix(table, "proxy:"), ":"); ok && !strings.Contains(table, "cidr:") {
		return kind
	}
	return "cidr"
}

// Inline gives the rules of the cidr table that is written in the item itself, with the braces that each should have.
func (i Item) Inline() (rules []string) {
	if inside, ok := strings.CutPrefix(i.table(), "cidr:{"); ok {
		rules = split(strings.TrimSuffix(inside, "}"))
	}
	return rules
}

// namesTable reports whether a TYPE:TABLE is the table of the file at path, alone or, at most depth levels deep, inside others.
func namesTable(table, path string, depth int) bool {
	if filepath.IsAbs(table) {
		return filepath.Clean(table) == filepath.Clean(path)
	}
	class, rest, ok := strings.Cut(table, ":")
	if inside, braced := strings.CutPrefix(rest, "{"); braced && depth > 0 && (class == "unionmap" || class == "pipemap") {
		return slices.ContainsFunc(split(strings.TrimSuffix(inside, "}")), func(t string) bool {
			return namesTable(t, path, depth-1)
		})
	}
	return ok && depth > 0 && namesTable(rest, path, depth-1)
}
