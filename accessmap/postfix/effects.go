package postfix

import (
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// Doing is the effect of a table's line for a client, in one of the lists that name the table.
type Doing string

const (
	EndsList    Doing = "ends-list"  // a permit: the rest of the list is not asked
	RelaysToAll Doing = "relays"     // a permit before every restriction that refuses foreign recipients
	Member      Doing = "member"     // of mynetworks, with any value: permit_mynetworks permits the client
	NotMember   Doing = "not-member" // of mynetworks, because the list names the table with "!"
	Exempt      Doing = "exempt"     // from all tests of postscreen
	Refuses     Doing = "refuses"    // a REJECT
	OnlyLogs    Doing = "logs"       // a REJECT after warn_if_reject
	GoesOn      Doing = "goes-on"    // no line: the next restriction is asked
	NotAsked    Doing = "not-asked"  // the restriction does not look the client's address up in the table; of a Step: it is not known

	// These are of Steps alone.
	Counts       Doing = "counts"          // a list in the DNS has the client, and its weight counts for postscreen
	DefersPermit Doing = "defers-a-permit" // a later permit becomes a deferral
	DefersReject Doing = "defers-a-reject" // a later refusal becomes a deferral
	Discards     Doing = "discards"        // the mail is accepted and thrown away
)

// Effect is the effect of a table's line for a client, in one list.
type Effect struct {
	List  string
	Class string // the restriction class that names the table; empty: the list itself names it
	Does  Doing
	// DNSBLs are the zones before the table in the same list. Postfix asks them first.
	DNSBLs []string
}

// Effects returns the effect of a line with that value in every list of main.cf that names the table of the file at path. An
// empty value means that the table has no line for the client.
func (m *Main) Effects(path, value string) (effects []Effect) {
	for _, use := range m.Uses(path) {
		e := Effect{List: use.List, Class: use.Item.Class, Does: m.does(use, value)}
		for _, d := range use.DNSBLs {
			e.DNSBLs = append(e.DNSBLs, d.Zone())
		}
		effects = append(effects, e)
	}
	return effects
}

func (m *Main) does(use Use, value string) Doing {
	permits := ascii.IsWord(value, "permit") || ascii.IsWord(value, "OK") || ascii.IsWord(value, "RELAY")
	switch {
	case value == "", ascii.IsWord(value, "dunno") && use.List != "mynetworks":
		return GoesOn
	case use.List == "mynetworks" && Excludes(use.Item.Name):
		return NotMember
	case use.List == "mynetworks":
		return Member
	case use.List == "postscreen_access_list" && ascii.IsWord(value, "permit"):
		return Exempt
	case use.List != "postscreen_access_list" && use.Item.Name != "check_client_access":
		return NotAsked
	case !permits && use.Item.WarnOnly:
		return OnlyLogs
	case !permits:
		return Refuses
	case m.RelaysAt(use):
		return RelaysToAll
	}
	return EndsList
}

// RelaysAt reports whether a permit at that place lets the client relay: it is before every restriction that refuses foreign
// recipients, in smtpd_relay_restrictions, or in smtpd_recipient_restrictions if smtpd_relay_restrictions has no such
// restriction (docs/facts.md 10).
func (m *Main) RelaysAt(use Use) bool {
	const relay, recipient = "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
	guards := func(i Item) bool {
		return !i.WarnOnly && slices.Contains([]string{"reject_unauth_destination", "defer_unauth_destination", "reject", "defer"}, i.Name)
	}
	before := m.Lists[use.List].Items[:use.Position]
	switch use.List {
	case relay:
		return !slices.ContainsFunc(before, guards)
	case recipient:
		return !slices.ContainsFunc(before, guards) && !slices.ContainsFunc(m.Lists[relay].Items, guards)
	}
	return false
}

// Zone is the zone that the restriction asks, without the answers that it filters for (ZONE=d.d.d.d).
func (i Item) Zone() string {
	zone, _, _ := strings.Cut(i.Argument, "=")
	return zone
}
