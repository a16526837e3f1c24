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
	// DNSBLs are the blocklists that stand before it in the same list: they are asked first.
	DNSBLs []Item
}

// Uses are all places where main.cf names the table made from the file at path, whatever type it names it with (cidr:,
// texthash:, hash:, proxy:cidr:, inside unionmap:{} and pipemap:{}), and, in mynetworks, as a file of its own.
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

// StillAsked are the blocklists of smtpd that refuse a client although the table made from path permits it: in their
// list no check_client_access of the table stands before them. A permit in another list does not help (docs/facts.md 10).
// The key is the list's name.
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

// DNSBLZones are the zones that smtpd and postscreen ask about a client's address, each once, in their order.
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
	for _, item := range m.Lists["postscreen_dnsbl_sites"].Items {
		add(item.Name)
	}
	return zones
}

// asksDNSBL reports whether the restriction refuses clients by a blocklist, for their address or their name. Lists of
// sender, recipient and HELO domains (reject_rhsbl_sender and the like) judge something else than the client.
func (i Item) asksDNSBL() bool {
	return slices.Contains([]string{"reject_rbl_client", "reject_maps_rbl", "reject_rhsbl_client", "reject_rhsbl_reverse_client"}, i.Name)
}

// names reports whether the item is, or has as its argument, the table made from the file at path.
func (i Item) names(path string) bool {
	table := i.Argument
	if i.Argument == "" {
		table = strings.TrimPrefix(i.Name, "!")
	}
	return namesTable(table, path, maxExpansion)
}

// TableType is the type that the item names its table with; cidr where it stands among others (unionmap:{}).
func (i Item) TableType() string {
	table := i.Argument
	if table == "" {
		table = strings.TrimPrefix(i.Name, "!")
	}
	if kind, _, ok := strings.Cut(strings.TrimPrefix(table, "proxy:"), ":"); ok && !strings.Contains(table, "cidr:") {
		return kind
	}
	return "cidr"
}

func namesTable(table, path string, depth int) bool {
	if filepath.IsAbs(table) {
		return filepath.Clean(table) == filepath.Clean(path)
	}
	class, rest, ok := strings.Cut(table, ":")
	if inside, braced := strings.CutPrefix(rest, "{"); braced && depth > 0 && (class == "unionmap" || class == "pipemap") {
		return slices.ContainsFunc(splitPostfix(strings.TrimSuffix(inside, "}")), func(t string) bool {
			return namesTable(t, path, depth-1)
		})
	}
	return ok && depth > 0 && namesTable(rest, path, depth-1)
}
