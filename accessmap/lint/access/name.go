package access

import (
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist/pattern"
)

// namesAndMail are the tags under which Sendmail looks up names of hosts, domains and mail addresses.
var namesAndMail = [...]string{"", "connect", "from", "to", "spam"}

var (
	// equalsTag matches a tag with = in place of its colon.
	equalsTag = pattern.New(`^(connect|from|to|spam)=`)
	// detail matches the mail address with which Sendmail looks up all details of a user (ruleset F of cf/m4/proto.m4).
	detail = pattern.New(`^[^*]+\+\*@[^*]*$`)
)

func neverMatches(text, advice string) *address.Fault {
	return &address.Fault{Fault: rule.Fault{Text: text + ": this key never matches", Advice: advice}}
}

// tagWords are words that people write as a tag, after other programs or by a slip of the finger. Any other unknown tag may be one
// of rulesets of their own.
var tagWords = map[string]string{
	"conect": "Connect:", "connet": "Connect:", "conncet": "Connect:", "connnect": "Connect:", "connection": "Connect:", "conn": "Connect:",
	"ip": "Connect:", "ipv4": "Connect:", "ip4": "Connect:", "ip6": "Connect:", "addr": "Connect:", "address": "Connect:", "net": "Connect:",
	"network": "Connect:", "cidr": "Connect:", "host": "Connect:", "hostname": "Connect:", "client": "Connect:", "server": "Connect:",
	"relay": "Connect:", "allow": "Connect:", "deny": "Connect:", "block": "Connect:", "reject": "Connect:", "accept": "Connect:",
	"whitelist": "Connect:", "blacklist": "Connect:", "helo": "Connect:", "ehlo": "Connect:",
	"form": "From:", "fron": "From:", "frm": "From:", "sender": "From:", "domain": "From:", "email": "From:", "mail": "From:", "mailfrom": "From:",
	"recipient": "To:", "rcpt": "To:", "rcptto": "To:", "too": "To:",
	"spamfriend": "Spam:", "spams": "Spam:",
	"greetpuase": "GreetPause:", "greet": "GreetPause:", "greet_pause": "GreetPause:",
	"client_rate": "ClientRate:", "rate": "ClientRate:", "client_conn": "ClientConn:",
}

// unknownTag finds a tag that Sendmail looks up nowhere.
func unknownTag(_ *linter, line *textLine) *address.Fault {
	k := line.key
	if equalsTag().MatchString(k.Address) {
		return neverMatches("a tag ends in a colon", "write "+strings.Replace(line.written, "=", ":", 1))
	}
	meant := tagWords[k.Tag]
	if meant == "" {
		return nil
	}
	_, _, fault := address.Read(key.Key{Tag: "connect", Address: k.Address}, nil)
	if _, ok := key.Parse(k.Address); ok || fault != nil {
		meant = "Connect:"
	}
	return neverMatches("Sendmail's own rulesets know no tag "+line.written[:len(k.Tag)], "write "+meant+line.written[len(k.Tag)+1:])
}

// nameForm finds a key for a name or a mail address that is not as Sendmail looks it up: the whole, then without its first
// labels (docs/facts.md 30).
func nameForm(l *linter, line *textLine) *address.Fault {
	k := line.key
	if !slices.Contains(namesAndMail[:], k.Tag) {
		return nil
	}
	tag, name := line.written[:len(line.written)-len(k.Address)], line.written[len(line.written)-len(k.Address):]
	first, _, isList := strings.Cut(name, ",")
	inner, isBracketed := strings.CutPrefix(name, "<")
	switch {
	case isList:
		return neverMatches("an access map knows no lists", "write a line for each, the first as "+tag+first)
	case isBracketed:
		return neverMatches("Sendmail looks a mail address up without < and >", "write "+tag+strings.TrimSuffix(inner, ">"))
	case strings.Contains(name, "*") && !detail().MatchString(name):
		return neverMatches("an access map knows no wildcards", "write the name without the part that has the *: a name also matches all names that end in it")
	case strings.HasPrefix(name, "@"):
		return neverMatches("Sendmail looks a domain up without @", "write "+tag+name[1:])
	case strings.HasPrefix(name, ".") && (l.CF == nil || !l.CF.DotDomains):
		return neverMatches("Sendmail looks a name up without a dot before it, unless FEATURE(`lookupdotdomain') is on",
			"write "+tag+strings.TrimLeft(name, ".")+", which also matches all names that end in it")
	case strings.HasSuffix(name, ".") && len(name) > 1:
		return neverMatches("Sendmail looks a name up without a dot at its end", "write "+tag+strings.TrimRight(name, "."))
	case strings.HasSuffix(name, ":"):
		return neverMatches("Sendmail looks a name up without a colon at its end", "write "+tag+strings.TrimRight(name, ":"))
	}
	return nil
}

// onlyZero finds the key of one address that ends in .0, which its writer takes for a network. If the file has the next address
// too, the addresses are a list of hosts.
func onlyZero(l *linter) (found []rule.Finding) {
	hosts := map[netip.Addr]bool{}
	for _, line := range l.lines {
		if p, _ := key.Parse(key.Cut(line.folded).Address); p.IsValid() && p.IsSingleIP() {
			hosts[p.Addr()] = true
		}
	}
	for _, line := range l.lines {
		addr := line.prefix.Addr()
		if line.form != formEntry || !line.prefix.IsValid() || !addr.Is4() || !line.prefix.IsSingleIP() || !line.key.ForClients() ||
			addr.As4()[3] != 0 || hosts[addr.Next()] || hosts[addr.Prev()] {
			continue
		}
		shortest := addr.String()
		for strings.HasSuffix(shortest, ".0") {
			shortest = strings.TrimSuffix(shortest, ".0")
		}
		tag := line.written[:len(line.written)-len(line.key.Address)]
		found = append(found, line.Found(rule.Shown(line.written)+": the key of this one address, and of no network: Sendmail looks an address up whole, then without its last octets",
			"if the network is meant, write "+tag+shortest))
	}
	return found
}
