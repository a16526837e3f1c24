package access

import (
	"fmt"
	"net/netip"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
)

// wide finds keys that let in more public addresses than one network of the guard's limit.
func wide(l *linter) (found []rule.Finding) {
	for line := range l.clients(l.Limits.Wide) {
		if !line.letsIn() {
			continue
		}
		text := fmt.Sprintf("%s: this is %s", rule.Shown(line.written), line.prefix)
		advice := "write longer keys, for the networks that are meant"
		if inside := rule.PrivateIn(line.prefix); inside.IsValid() {
			text += fmt.Sprintf(", of which only %s is private", inside)
			first, count := key.Of(inside)
			if advice = "if your own network is meant, write its keys, as " + key.Text(line.key, first); count > 1 {
				advice += " to " + key.Text(line.key, key.Nth(first, count-1))
			}
		} else if line.prefix == netip.MustParsePrefix("1::/16") {
			advice = "for the host itself write " + key.Text(line.key, netip.MustParsePrefix("::1/128"))
		}
		effect := "lets all of it send mail to your users"
		if line.says(allowlist.Relay) {
			effect = "lets all of it relay through this server"
		}
		found = append(found, line.Found(text+": "+line.means+" "+effect, advice))
	}
	return found
}

// special finds keys that let in addresses from which no mail can come. Private networks are one's own.
func special(l *linter) (found []rule.Finding) {
	for line := range l.clients(rule.NoSender) {
		if line.letsIn() {
			found = append(found, line.Found(fmt.Sprintf("%s: no client has an address of %s, which is special-purpose space", rule.Shown(line.written), line.prefix),
				"remove it"))
		}
	}
	return found
}

// letsIn reports whether the entry of clients lets them in.
func (line *textLine) letsIn() bool { return line.hold == nil && line.accepts() }

// unusedIPv6 counts the OK keys for IPv6 clients, mailallow's included, if nothing in this sendmail.cf would refuse the clients that
// they let in: the DNSBL features ask about IPv4 clients alone.
func unusedIPv6(l *linter) []rule.Finding {
	if l.CF == nil || l.CF.ChecksIPv6 {
		return nil
	}
	keys := 0
	for _, raw := range ascii.Lines(l.text) {
		read := makemap.ReadLine(string(raw))
		k := key.Cut(read.Key)
		if !k.ForClients() || !strings.HasPrefix(k.Address, address.Family) || !strings.EqualFold(read.Value, allowlist.OK.String()) {
			continue
		}
		if _, ok := key.Parse(k.Address); ok {
			keys++
		}
	}
	if keys == 0 {
		return nil
	}
	return []rule.Finding{{Text: fmt.Sprintf("the OK keys for IPv6 clients (%s) change nothing: nothing in this sendmail.cf refuses such a client before it looks at mail: "+
		"DNSBL features ask about IPv4 alone, and there is no rate or connection control, greet_pause or require_rdns", ascii.Count(keys)),
		Fix: `families = ["ipv4"] in the target leaves mailallow's out`}}
}
