package access

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// maxShared bounds the findings about one provider in a file. One more finding counts the other lines.
const maxShared = 8

// sharedRelay finds entries with RELAY for hosts that send for many customers.
func sharedRelay(l *linter) (found []rule.Finding) {
	if l.Shared == nil {
		return nil
	}
	lines := map[string]int{} // of each provider
	rest := map[string]int{}  // index of the finding that counts the other lines
	for line := range l.each {
		if line.form != formEntry || !line.key.ForClients() || !line.says(allowlist.Relay) || line.hold != nil {
			continue
		}
		prefix, _, _ := address.Read(line.key, l.CF)
		if !prefix.IsValid() || l.Limits.Wide(prefix) {
			continue
		}
		title := l.Shared(prefix)
		if title == "" {
			continue
		}
		lines[title]++
		switch n := lines[title]; {
		case n <= maxShared:
			found = append(found, line.Found(rule.Shown(line.written)+": it holds hosts of "+title+
				": RELAY lets each of their customers relay through this server, OK only lets their mail in", line.written+line.separator+allowlist.OK.String()))
		case n == maxShared+1:
			rest[title] = len(found)
			found = append(found, line.Found("", "write OK instead of RELAY"))
			fallthrough
		default:
			found[rest[title]].Text = fmt.Sprintf("from this line on %s more lines have RELAY for hosts of %s", ascii.Count(n-maxShared), title)
		}
	}
	return found
}

// hold is the reason why --fix leaves an entry with RELAY that matches nothing today: it would relay for others.
type hold struct {
	why    string
	advice string // what to write; empty: the same with OK
}

const mayRelay = " could relay through this server with RELAY"

// advise gives the fix of a held entry. proposal has its lines with OK.
func (w *entryWork) advise(proposal []string) string {
	if w.hold.advice != "" {
		return w.hold.advice
	}
	advice := "to let their mail in, write\n"
	if w.keyFault == nil || w.keyFault.Certain {
		advice = "to let their mail in, write OK in place of RELAY; --fix then writes\n"
	}
	return advice + strings.Join(proposal, "\n")
}

// holds finds the reason to hold an entry; nil: there is none. An entry that relays today is not held.
func (l *linter) holds(w *entryWork) *hold {
	if w.keyFault == nil && w.valueFault == nil && !w.hidden {
		return nil
	}
	value, meant := w.means, []netip.Prefix{w.prefix}
	if w.valueFault != nil {
		value = cmp.Or(w.valueFault.value, w.valueFault.likely)
	}
	if w.keyFault != nil {
		meant = w.keyFault.Meant
	}
	if !w.key.ForClients() || !strings.EqualFold(value, allowlist.Relay.String()) || strings.Contains(w.key.Address, "@") {
		return nil
	}
	for _, p := range meant {
		isAddress, name := p.IsValid(), w.key.Address
		if !isAddress { // perhaps [192.0.2.7], the name of a client that has none
			p, isAddress = key.Parse(strings.Trim(name, "[]"))
		}
		switch hosts, wide := l.Others(p); {
		case !isAddress && name != "localhost" && !strings.HasPrefix(name, "localhost."):
			return &hold{why: "RELAY would let every host of that name relay through this server, whosever it is"}
		case !isAddress:
		case wide:
			return &hold{hosts + mayRelay, "write the networks that are meant"}
		case hosts != "":
			return &hold{why: hosts + mayRelay}
		}
	}
	return nil
}
