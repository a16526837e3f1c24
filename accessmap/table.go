package accessmap

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
)

// TableLine is the line of a table that decides for an address.
type TableLine struct {
	Line    int // from 1
	Network netip.Prefix
	Value   string // empty in a file without actions
}

// FindLine gives the first line, in file order, whose network holds addr, as Postfix takes it (cidr_table(5), docs/facts.md 9);
// ok is false when there is none, and for formats that are no lists of networks. Lines that Postfix skips, one with host
// bits for instance, decide nothing here either; patterns that mailallow does not write (if, !) are not read.
func (f Format) FindLine(text []byte, addr netip.Addr) (found TableLine, ok bool) {
	if f.line == nil {
		return found, false
	}
	addr = addr.Unmap()
	all := lines(text)
	for i := 0; i < len(all); i++ {
		first, line := i+1, string(all[i])
		for ; f.Postfix && i+1 < len(all) && goesOn(all[i+1]); i++ {
			if next := string(all[i+1]); !isRemark(next) {
				line += next
			}
		}
		network, value, ok := f.line(line)
		if ok && network.Contains(addr) {
			return TableLine{first, network, value}, true
		}
	}
	return found, false
}

// goesOn reports whether a line belongs to the one above: it begins with a blank, or says nothing (postconf(5)).
func goesOn(line []byte) bool { return isRemark(string(line)) || isSpace(line[0]) }

// isRemark reports whether a line is blank or a comment.
func isRemark(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// networkLine reads a line of a table: a network, blanks, and the rest as the value.
func networkLine(line string) (network netip.Prefix, value string, ok bool) {
	if line == "" || line[0] == '#' || isSpace(line[0]) {
		return network, "", false
	}
	word, value := line, ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		word, value = line[:i], strings.TrimSpace(line[i:])
	}
	if network, ok = parsePrefix(word); !ok {
		addr, err := netip.ParseAddr(word)
		network, ok = netip.PrefixFrom(addr, addr.BitLen()), err == nil
	}
	return network, value, ok && network == network.Masked()
}

// jsonLine reads the line on which an entry of writeJSON begins; the sources may go on below.
func jsonLine(line string) (network netip.Prefix, value string, ok bool) {
	var e jsonEntry
	line, _, ok = strings.Cut(strings.TrimLeft(line, " ,"), `,"sources":`)
	if !ok || json.Unmarshal([]byte(line+"}"), &e) != nil || !e.Prefix.IsValid() {
		return network, "", false
	}
	return e.Prefix, e.Action.String(), true
}

// Doing is what a table does for a client in one of the lists that name it.
type Doing string

// What a table can do. EndsList is all that a permit does in most lists (docs/facts.md 10).
const (
	EndsList    Doing = "ends-list"
	RelaysToAll Doing = "relays"     // a permit where nothing has refused foreign recipients yet
	Member      Doing = "member"     // of mynetworks, whatever the value: what permits mynetworks permits it
	NotMember   Doing = "not-member" // of mynetworks: the table stands behind "!"
	Exempt      Doing = "exempt"     // from all of postscreen's tests
	Refuses     Doing = "refuses"    // a REJECT
	OnlyLogs    Doing = "logs"       // a REJECT behind warn_if_reject
	GoesOn      Doing = "goes-on"    // no line: the next restriction is asked
	NotAsked    Doing = "not-asked"
)

// Effect is what a table does for a client in one list.
type Effect struct {
	List  string
	Class string // the restriction class it stands in, empty for none
	Does  Doing
	// DNSBLs are those that stand before the table in the same list: they are asked first.
	DNSBLs []string
}

// Effects are those of a line's value, empty for no line, in every list of main.cf that names the table at path.
func (m *PostfixMain) Effects(path, value string) (effects []Effect) {
	for _, use := range m.Uses(path) {
		e := Effect{List: use.List, Class: use.Item.Class, Does: m.does(use, value)}
		for _, d := range use.DNSBLs {
			e.DNSBLs = append(e.DNSBLs, d.Zone())
		}
		effects = append(effects, e)
	}
	return effects
}

func (m *PostfixMain) does(use PostfixUse, value string) Doing {
	permits := isWord(value, "permit") || isWord(value, "OK") || isWord(value, "RELAY")
	switch {
	case value == "", isWord(value, "dunno") && use.List != "mynetworks":
		return GoesOn
	case use.List == "mynetworks" && strings.HasPrefix(use.Item.Name, "!"):
		return NotMember
	case use.List == "mynetworks":
		return Member
	case use.List == "postscreen_access_list" && isWord(value, "permit"):
		return Exempt
	case use.List != "postscreen_access_list" && !use.Item.asksAddress(use.List):
		return NotAsked
	case !permits && use.Item.WarnOnly:
		return OnlyLogs
	case !permits:
		return Refuses
	case m.relaysAt(use):
		return RelaysToAll
	}
	return EndsList
}

// asksAddress reports whether the restriction looks the client's address up in its table.
func (i PostfixItem) asksAddress(list string) bool {
	return i.Name == "check_client_access" || i.Name == "" && list == "smtpd_client_restrictions"
}

// relaysAt reports whether a permit at that place lets the client relay: in smtpd_relay_restrictions, or in the recipient
// restrictions where those are empty, before anything that refuses foreign recipients (docs/facts.md 10).
func (m *PostfixMain) relaysAt(use PostfixUse) bool {
	const relay, recipient = "smtpd_relay_restrictions", "smtpd_recipient_restrictions"
	guards := func(i PostfixItem) bool {
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
func (i PostfixItem) Zone() string {
	zone, _, _ := strings.Cut(i.Argument, "=")
	return zone
}

// ListNames are the restriction lists, in the order in which smtpd goes through them.
func (m *PostfixMain) ListNames() []string { return restrictionLists() }
