package postfix

import (
	"slices"
	"strings"

	"mailallow/allowlist/ascii"
)

// Doing is what a table does for a client in one of the lists that name it.
type Doing string

const EndsList Doing = "ends-list"

const RelaysToAll Doing = "relays" // a permit where nothing has refused foreign recipients yet

const Member Doing = "member" // of mynetworks, whatever the value: what permits mynetworks permits it

const NotMember Doing = "not-member" // of mynetworks: the table stands behind "!"

const Exempt Doing = "exempt" // from all of postscreen's tests

const Refuses Doing = "refuses" // a REJECT

const OnlyLogs Doing = "logs" // a REJECT behind warn_if_reject

const GoesOn Doing = "goes-on" // no line: the next restriction is asked

const NotAsked Doing = "not-asked"

// Effect is what a table does for a client in one list.
type Effect struct {
	List  string
	Class string // the restriction class it stands in, empty for none
	Does  Doing
	// DNSBLs are those that stand before the table in the same list: they are asked first.
	DNSBLs []string
}

// Effects are those of a line's value, empty for no line, in every list of main.cf that names the table at path.
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
	case use.List == "mynetworks" && strings.HasPrefix(use.Item.Name, "!"):
		return NotMember
	case use.List == "mynetworks":
		return Member
	case use.List == "postscreen_access_list" && ascii.IsWord(value, "permit"):
		return Exempt
	case use.List != "postscreen_access_list" && !use.Item.asksAddress(use.List):
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

// asksAddress reports whether the restriction looks the client's address up in its table.
func (i Item) asksAddress(list string) bool {
	return i.Name == "check_client_access" || i.Name == "" && list == "smtpd_client_restrictions"
}

// RelaysAt reports whether a permit at that place lets the client relay: in smtpd_relay_restrictions, or in the recipient
// restrictions where those are empty, before anything that refuses foreign recipients (docs/facts.md 10).
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

// Zone is the zone that the restriction asks, without the answers it waits for.
func (i Item) Zone() string {
	zone, _, _ := strings.Cut(i.Argument, "=")
	return zone
}

// ListNames are the restriction lists, in the order in which smtpd goes through them.
func (m *Main) ListNames() []string { return RestrictionLists() }
