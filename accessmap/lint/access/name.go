package access

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"mailallow/accessmap/key"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist/ascii"
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

// knownTags are the tags that Sendmail's rulesets and features look up (cf/m4/proto.m4 and cf/feature of 8.17), folded.
var knownTags = [...]string{"authinfo", "bcc", "certissuer", "certsubject", "clientconn", "clientrate", "clt_features", "compat", "connect", "from",
	"greetpause", "qgrp", "rhs", "spam", "srv_features", "tls_clt", "tls_clt_features", "tls_rcpt", "tls_srv", "tls_srv_features", "to", "try_tls",
	"xconnect"}

// tagWords are words that people write as a tag, after other programs.
var tagWords = [...]struct {
	tag   string
	words []string
}{
	{"Connect:", []string{"ip", "ipv4", "ip4", "ip6", "addr", "address", "net", "network", "cidr", "host", "hostname", "client", "server", "relay", "allow",
		"deny", "block", "reject", "accept", "whitelist", "blacklist", "helo", "ehlo", "connection", "conn"}},
	{"From:", []string{"sender", "domain", "email", "mail", "mailfrom", "form"}},
	{"To:", []string{"recipient", "rcpt", "rcptto"}},
}

// meantTag gives the tag that an unknown one means, by the words of other programs or a slip of the finger; "": none is near. Any
// other unknown tag may be one of rulesets of the host's own.
func meantTag(tag string) string {
	if tag == "" || slices.Contains(knownTags[:], tag) {
		return ""
	}
	for _, t := range tagWords {
		if slices.Contains(t.words, tag) {
			return t.tag
		}
	}
	slips := 2
	if len(tag) < 6 {
		slips = 1
	}
	for _, meant := range []string{"Connect:", "From:", "Spam:", "GreetPause:", "ClientRate:", "ClientConn:"} {
		if levenshtein.ComputeDistance(tag, ascii.Lower(strings.TrimSuffix(meant, ":"))) <= slips {
			return meant
		}
	}
	return ""
}

// unknownTag finds a tag that Sendmail looks up nowhere.
func unknownTag(_ *linter, line *textLine) *address.Fault {
	k := line.key
	if equalsTag().MatchString(k.Address) {
		return neverMatches("a tag ends in a colon", "write "+strings.Replace(line.written, "=", ":", 1))
	}
	if host, isURL := strings.CutPrefix(k.Address, "//"); isURL {
		host, _, _ = strings.Cut(host, "/")
		return neverMatches("Sendmail looks up names of hosts and domains, and no URL", "write "+host)
	}
	meant := meantTag(k.Tag)
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
	first := name[:strings.IndexAny(name+",", ",;")]
	bare := strings.Trim(name, `<>"'()`)
	what, meant := foreign(k.Address, name)
	switch {
	case first != name:
		return neverMatches("an access map knows no lists", "write a line for each, the first as "+tag+first)
	case bare != name && bare != "":
		return neverMatches("Sendmail looks a name or a mail address up without quotes or brackets around it", "write "+tag+bare)
	case what != "":
		return neverMatches("Sendmail looks up no key with "+what, "write "+tag+meant)
	case strings.Contains(name, "://"), strings.HasSuffix(name, "/"):
		_, host, isURL := strings.Cut(name, "://")
		if !isURL {
			host = name
		}
		host, _, _ = strings.Cut(host, "/")
		return neverMatches("Sendmail looks up names of hosts and domains, and no URL", "write "+tag+host)
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

// isTag reports whether a folded word is a tag of names and mail addresses, or means one.
func isTag(word string) bool {
	return word != "" && slices.Contains(namesAndMail[:], word) || meantTag(word) != ""
}

// signs are what other programs have before an entry that is taken back.
const signs = "!~-+^"

// foreign finds an address or a name as other programs write them, and gives the key that was meant.
func foreign(address, name string) (what, meant string) {
	before, behind, _ := strings.Cut(name, ":")
	open := strings.IndexByte(name, '[')
	_, isAddress := key.Parse(ascii.Lower(strings.TrimLeft(name, signs)))
	second, _, _ := strings.Cut(address, ":")
	inner := strings.Trim(name, signs+"*[]{}`")
	tag, _, hasTag := strings.Cut(ascii.Lower(inner), ":")
	plain := strings.Map(func(r rune) rune {
		if r > '~' {
			return -1
		}
		return r
	}, inner)
	_, isPlain := key.Parse(ascii.Lower(plain))
	switch {
	case isPlain && plain != inner: // quotation marks of a page, a blank of no width
		return "signs other than ASCII", plain
	case isAddress && strings.IndexByte(signs, name[0]) >= 0:
		return "a sign before it", strings.TrimLeft(name, signs)
	case open > 0 && strings.HasSuffix(name, "]"):
		return "a name and its address", name[open+1 : len(name)-1]
	case strings.Contains(before, ".") && number().MatchString(behind):
		return "a port", before
	case hasTag && inner != name && isTag(tag):
		return "signs around its tag", inner
	case behind != "" && isTag(second):
		return "two tags", behind
	}
	return "", ""
}

// onlyZero finds the key of one address that ends in .0, which its writer takes for a network. If the file has the next address
// too, the addresses are a list of hosts.
func onlyZero(l *linter) (found []rule.Finding) {
	endsInZero := func(p netip.Prefix) bool { return p.Addr().Is4() && p.IsSingleIP() && p.Addr().As4()[3] == 0 }
	isHost := map[netip.Addr]bool{} // of the addresses after those that end in .0
	for line := range l.clients(endsInZero) {
		isHost[line.prefix.Addr().Next()] = false
	}
	if len(isHost) == 0 {
		return nil
	}
	for line := range l.each {
		if p, ok := key.Parse(key.Cut(line.folded).Address); ok && p.IsSingleIP() {
			if _, wanted := isHost[p.Addr()]; wanted {
				isHost[p.Addr()] = true
			}
		}
	}
	for line := range l.clients(endsInZero) {
		if isHost[line.prefix.Addr().Next()] {
			continue
		}
		shortest := line.prefix.Addr().String()
		for strings.HasSuffix(shortest, ".0") {
			shortest = strings.TrimSuffix(shortest, ".0")
		}
		tag := line.written[:len(line.written)-len(line.key.Address)]
		found = append(found, line.Found(rule.Shown(line.written)+": the key of this one address, and of no network: Sendmail looks an address up whole, then without its last octets",
			"if the network is meant, write "+tag+shortest))
	}
	return found
}
