package dnsbl

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"unicode/utf8"

	"mailallow/allowlist/ascii"
)

// kind says which kind of entries a zone has.
type kind int

const (
	block   kind = iota // addresses to refuse mail from
	welcome             // addresses to accept mail from: an A record is a recommendation
	score               // addresses with a score for their reputation, good and bad: an A record is no listing
	names               // domain names: Check does not ask about addresses
)

// list is an entry in the table of zones.
type list struct {
	name     string   // of the zone
	below    bool     // the entry is also for all zones below name and domains
	domains  []string // of the operator, where they are not the end of name; in a log they mean this list
	words    []string // names of the list in texts without a domain
	single   bool     // the operator has no other zone: in a log, every name below the domains means this list
	operator string
	kind     kind
	ofNames  bool     // most of its entries are domain names, although it answers about addresses too
	answers  []answer // the first that fits counts
	bits     []bit    // not nil: the last octet of a code is a bit mask
	lookup   string   // the page to look an address up and ask for removal, with ADDRESS for the address
	terms    string   // of use, in a sentence
	standard bool     // one of StandardZones: alive, and its terms allow questions about one's own address
	filter   string   // the codes that are listings, as Postfix filters for them; empty: the list has no other codes that look like one
	dead     string   // the end of the list, in a sentence; empty if it is alive
	source   string   // of dead: the public page that says so
	dqs      string   // the name below dq.spamhaus.net under which a key opens the zone
}

// Zone is a zone to ask.
type Zone struct {
	list
	// Written is its name as it was written, without a key.
	Written string

	asked string // the name that questions end in; it may hold the key
	key   string // secret
}

// Name gives Written in the form to compare: in lower case, without a final dot.
func (z Zone) Name() string { return ascii.Lower(strings.TrimSuffix(z.Written, ".")) }

// Operator gives the operator of the list, or "" for an unknown list.
func (z Zone) Operator() string { return z.operator }

// Terms gives the terms of use of the public mirrors in a sentence, or "" for an unknown list.
func (z Zone) Terms() string { return z.terms }

// Below these names, a key before the name of the list opens the lists of Spamhaus and Abusix.
const (
	dqsDomain    = "dq.spamhaus.net"
	abusixDomain = "mail.abusix.zone"
)

// maxZone leaves room for the 64 octets of a reversed IPv6 address, of the 253 of a name.
const maxZone = 253 - 64

// ParseZone reads the name of a zone. With a DQS key (see ParseKey), Check asks the lists of Spamhaus under their keyed
// names: zen.spamhaus.org under KEY.zen.dq.spamhaus.net. ParseZone takes a key that is written before the zone out of
// Written. Its errors show no key.
func ParseZone(written, dqsKey string) (Zone, error) {
	name := ascii.Lower(strings.TrimSuffix(written, "."))
	public, inlineKey := splitKey(name)
	z := Zone{list: find(public), Written: written, asked: name, key: inlineKey}
	if inlineKey != "" {
		z.Written = z.Written[len(inlineKey)+1:]
	}
	if err := CheckHost(name); err != nil || len(name) > maxZone {
		shown := ascii.Printable(hide(written, inlineKey), maxTextSize) // has escapes, so it is not for %q
		if err == nil {
			err = fmt.Errorf("longer than %d octets", maxZone)
		}
		return z, fmt.Errorf("zone \"%s\": %w", shown, err)
	}
	sub, below := strings.CutSuffix(public, "."+dqsDomain)
	switch {
	case inlineKey != "":
	case z.dqs != "" && dqsKey != "":
		z.asked, z.key = dqsKey+"."+z.dqs+"."+dqsDomain, dqsKey
	case below && dqsKey != "":
		z.asked, z.key = dqsKey+"."+sub+"."+dqsDomain, dqsKey
	case below:
		return z, fmt.Errorf("zone %q needs a key: write the key into a file and set key_file to its path", z.Written)
	}
	return z, nil
}

// splitKey cuts off the key before a name, if there is one.
func splitKey(name string) (public, key string) {
	for _, domain := range []string{dqsDomain, abusixDomain} {
		if rest, found := strings.CutSuffix(name, "."+domain); found {
			if dot := strings.LastIndexByte(rest, '.'); dot >= 0 {
				return name[dot+1:], name[:dot]
			}
		}
	}
	return name, ""
}

// index finds the entries of the table by name, and those that also hold below a domain.
var index = sync.OnceValue(func() (found struct{ exact, below map[string]*list }) {
	found.exact, found.below = map[string]*list{}, map[string]*list{}
	for i := range table() {
		l := &table()[i]
		found.exact[l.name] = l
		if l.dqs != "" {
			found.exact[l.dqs+"."+dqsDomain] = l
		}
		if l.below {
			found.below[l.name] = l
			for _, domain := range l.domains {
				found.below[domain] = l
			}
		}
	}
	return found
})

// entry gives the table's entry for a zone; nil: there is none.
func entry(name string) *list {
	lists := index()
	if l := lists.exact[name]; l != nil {
		return l
	}
	for domain := name; domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if l := lists.below[domain]; l != nil {
			return l
		}
	}
	return nil
}

// find gives the table's entry for a zone. A zone that is not in it is one of the kind that its name says.
func find(name string) list {
	if l := entry(name); l != nil {
		return *l
	}
	return list{kind: namedKind(name)}
}

// namedKind gives the kind of a zone by the labels that operators of welcome lists choose.
func namedKind(name string) kind {
	for label := range strings.SplitSeq(name, ".") {
		switch label {
		case "wl", "swl", "iwl", "dwl", "dnswl", "white", "whitelist", "whitelisted", "allowlist", "welcomelist":
			return welcome
		}
	}
	return block
}

// TakesKey reports whether ParseZone would use a DQS key for a zone: a list of Spamhaus without a key before its name.
func TakesKey(written string) bool {
	public, key := splitKey(ascii.Lower(strings.TrimSuffix(written, ".")))
	return key == "" && (find(public).dqs != "" || strings.HasSuffix(public, "."+dqsDomain))
}

// StandardZones gives the zones to ask if the configuration names none.
func StandardZones() (names []string) {
	for _, l := range table() {
		if l.standard {
			names = append(names, l.name)
		}
	}
	return names
}

// Dead gives the end of a dead zone in a sentence, or "" for any other zone. A server that still asks a dead zone waits in
// vain, or refuses all mail once its domain has a new owner (docs/facts.md 18).
func Dead(zone string) string { return findWritten(zone).dead }

// Filter gives the codes of a zone that are listings, in the form of postconf(5) (127.0.0.[2..11]), if the zone also has codes
// that say something else and that a server without the filter takes for listings (docs/facts.md 17 and 29); else "".
func Filter(zone string) string { return findWritten(zone).filter }

// findWritten gives the table's entry for a zone as it is written in settings, perhaps with a key.
func findWritten(written string) list {
	public, _ := splitKey(ascii.Lower(strings.TrimSuffix(written, ".")))
	return find(public)
}

// notAsked gives the reason why Check does not ask a zone, or "".
func (z Zone) notAsked() string {
	switch {
	case z.dead != "":
		return "not asked, the list is dead: " + z.dead + "; take it out of the configuration, and of the mail server's"
	case z.kind == names:
		return "not asked: it lists domain names, not addresses"
	}
	return ""
}

// Named is a list with its names in logs.
type Named struct {
	Zone    string
	Domains []string // of the operator: a page there means the list, and another name below one is another list
	Words   []string // in texts without a domain, in lower case
	Single  bool     // the operator has no other list: every name below the domains means this one
	Welcome bool     // it recommends or scores addresses: being in it is no listing
	OfNames bool     // it lists domain names
}

// All gives all lists of the table. Dead ones are among them, because old logs name them and servers still ask them.
func All() (all []Named) {
	for _, l := range table() {
		all = append(all, l.named())
	}
	return all
}

func (l list) named() Named {
	return Named{l.name, l.domains, l.words, l.single, l.kind == welcome || l.kind == score, l.kind == names || l.ofNames}
}

// Ended is a dead zone with its end, and the page that says so.
type Ended struct{ Zone, End, Source string }

// DeadLists gives all dead zones.
func DeadLists() (ended []Ended) {
	for _, l := range table() {
		if l.dead != "" {
			ended = append(ended, Ended{l.name, l.dead, l.source})
		}
	}
	return ended
}

// OfNames reports whether the zone lists domain names and no addresses.
func (z Zone) OfNames() bool { return z.kind == names }

func (z Zone) lookup(addr netip.Addr) string {
	return strings.ReplaceAll(z.list.lookup, "ADDRESS", addr.String())
}

// Bounds of a key in characters: those of Spamhaus have 26, and a DNS label has at most 63.
const (
	minKey = 6
	maxKey = 63
)

// ParseKey reads the text of a key file: one line of 6 to 63 letters, digits and hyphens. Its errors do not show the text.
func ParseKey(text []byte) (string, error) {
	key := strings.TrimSpace(string(text))
	switch {
	case key == "":
		return "", errors.New("there is no key in it")
	case strings.ContainsAny(key, "\r\n"):
		return "", errors.New("more than one line: write only the key into it")
	case len(key) < minKey || len(key) > maxKey:
		return "", fmt.Errorf("a key has between %d and %d characters, and this has %d", minKey, maxKey, len(key))
	}
	for _, c := range []byte(key) {
		if !hostByte(c) || c == '_' {
			return "", errors.New("a key has only letters, digits and hyphens")
		}
	}
	return key, nil
}

// CheckHost returns an error unless name can be the name of a host or a zone: labels of 1 to 63 letters, digits, hyphens
// and underscores, at most 253 octets in all. The last label is not a number, because such a name is a mistyped address.
func CheckHost(name string) error {
	name = strings.TrimSuffix(name, ".")
	if len(name) > 253 {
		return errors.New("longer than 253 octets")
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return errors.New("not a name: a label has 1 to 63 octets")
		}
		for _, c := range []byte(label) {
			switch {
			case hostByte(c):
			case c >= utf8.RuneSelf:
				return errors.New("not a name: for letters other than a to z use its xn-- form")
			default:
				return errors.New("not a name: only letters, digits, hyphens and dots are allowed")
			}
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		return errors.New("neither an address nor a name")
	}
	return nil
}

func hostByte(c byte) bool {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return letter || '0' <= c && c <= '9' || c == '-' || c == '_'
}
