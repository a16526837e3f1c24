package postfix

import "strings"

// List is one parameter with a list, whose items Postfix looks at in their order.
type List struct {
	Name  string
	Set   bool   // main.cf or master.cf sets it
	Known bool   // false: it is not set, and postconf reports no default
	Value string // expanded, on one line
	Items []Item
}

// Item is a restriction with its argument, or a network, table or zone of the other lists.
type Item struct {
	Name     string // check_client_access, reject_rbl_client, permit_mynetworks, 192.0.2.0/24, cidr:/etc/postfix/x, ...
	Argument string // cidr:/etc/postfix/x, zen.spamhaus.org=127.0.0.[2..11]; empty where the restriction takes none
	Class    string // the restriction class that holds it; empty: the list itself holds it
	WarnOnly bool   // after warn_if_reject: Postfix only logs what it would refuse
}

func (i Item) String() string { return strings.TrimSpace(i.Name + " " + i.Argument) }

// RestrictionLists are the restriction lists of smtpd, in its order at RCPT with smtpd_delay_reject and
// smtpd_relay_before_recipient_restrictions (postconf(5)). A permit ends only its own list (docs/facts.md 10).
func RestrictionLists() []string {
	return []string{"smtpd_client_restrictions", "smtpd_helo_restrictions", "smtpd_sender_restrictions",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
		"smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions"}
}

// AddressLists are the lists of networks, tables and zones.
func AddressLists() []string {
	return []string{"mynetworks", "postscreen_access_list", "postscreen_dnsbl_sites"}
}

// bareTable is the restriction that Postfix adds to a TYPE:TABLE without one; empty for a list that allows none.
func bareTable(list string) string {
	return map[string]string{
		"smtpd_client_restrictions": "check_client_access", "smtpd_helo_restrictions": "check_helo_access",
		"smtpd_sender_restrictions": "check_sender_access", "smtpd_relay_restrictions": "check_recipient_access",
		"smtpd_recipient_restrictions": "check_recipient_access", "smtpd_etrn_restrictions": "check_etrn_access",
	}[list]
}

// items reads restrictions as they are in a list, or in the value of an access table that the list names.
func (m *Main) items(text, list string) []Item {
	p := restrictionParser{m, bareTable(list), maxItems}
	return p.items(split(text), Item{}, maxNesting)
}

// restrictionParser reads a restriction list and replaces each restriction class by its restrictions.
type restrictionParser struct {
	*Main
	bare string // of bareTable
	left int    // the bound for further items and classes
}

// items gives the restrictions of a list, or those of a class with the properties of its place.
func (p *restrictionParser) items(words []string, place Item, depth int) (items []Item) {
	warn := place.WarnOnly
	for i := 0; i < len(words) && p.left > 0; i++ {
		p.left--
		item := Item{Name: strings.ToLower(words[i]), Class: place.Class, WarnOnly: warn}
		class, isClass := p.classes[words[i]]
		known, isKnown := p.known[item.Name]
		if item.Name == "warn_if_reject" {
			warn = true
			continue
		}
		warn = place.WarnOnly
		switch {
		case isClass && !isKnown && depth > 0:
			items = append(items, p.items(split(class), Item{Class: words[i], WarnOnly: item.WarnOnly}, depth-1)...)
			continue
		case known.argument && i+1 < len(words):
			i++
			item.Argument = words[i]
		case strings.Contains(item.Name, ":"):
			item.Name, item.Argument = p.bare, words[i]
		}
		items = append(items, p.hidden(item))
	}
	return items
}
