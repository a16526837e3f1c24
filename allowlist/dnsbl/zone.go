package dnsbl

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mailallow/allowlist/ascii"
)

// kind is what a zone lists, and how.
type kind int

const (
	block   kind = iota // addresses that mail is refused from
	welcome             // addresses that mail is taken from: an A record is good news
	names               // domain names: not to be asked about addresses
)

// list is an entry in the table of zones: what is known of one.
type list struct {
	name     string // of the zone; see below
	below    bool   // the zones below that name, too
	operator string
	kind     kind
	answers  []answer // the first that fits counts
	bits     []bit    // the last octet is a bit mask
	lookup   string   // where to look an address up and ask for removal; ADDRESS stands for it
	terms    string   // of use, in a sentence
	standard bool     // asked where no zones are named: alive, and its terms allow to ask about one's own address
	dead     string   // since when and how; empty: alive
	dqs      string   // the zone's name below dq.spamhaus.net, where a key opens it
}

// Zone is a zone to ask.
type Zone struct {
	list
	// Written is its name as it was written, without a key.
	Written string

	asked string // below this name; it may hold the key
	key   string // that must not be seen
}

// Name is Written in the form to compare: lower case, no final dot.
func (z Zone) Name() string { return asciiLower(strings.TrimSuffix(z.Written, ".")) }

// Operator is who keeps the list, "" when that is not known.
func (z Zone) Operator() string { return z.operator }

// Terms of use of the public mirrors in a sentence, "" when not known.
func (z Zone) Terms() string { return z.terms }

// Names below which Spamhaus and Abusix answer whoever puts a key in front of the list's own name.
const (
	dqsDomain    = "dq.spamhaus.net"
	abusixDomain = "mail.abusix.zone"
)

// maxZone leaves room for the 64 octets of a reversed IPv6 address, of the 253 of a name.
const maxZone = 253 - 64

// ParseZone reads the name of a zone. With a DQS key (see ParseKey), the lists of Spamhaus are asked at their keyed
// names: zen.spamhaus.org at KEY.zen.dq.spamhaus.net. A key that is written in front of the zone itself is used, and
// not shown. An error shows no key either.
func ParseZone(written, dqsKey string) (Zone, error) {
	name := asciiLower(strings.TrimSuffix(written, "."))
	public, inlineKey := splitKey(name)
	z := Zone{list: find(public), Written: written, asked: name, key: inlineKey}
	if inlineKey != "" {
		z.Written = z.Written[len(inlineKey)+1:]
	}
	if err := CheckHost(name); err != nil || len(name) > maxZone {
		shown := ascii.Printable(hide(written, inlineKey), maxTextSize) // with its own escapes: no %q
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
		return z, fmt.Errorf("zone %q is asked with a key: write it into a file and name that as key_file", z.Written)
	}
	return z, nil
}

// splitKey takes the key off a name that has one in front.
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

// find gives the table's entry for a zone, or one that knows nothing.
func find(name string) list {
	for _, l := range table() {
		if name == l.name || l.dqs != "" && name == l.dqs+"."+dqsDomain || l.below && strings.HasSuffix(name, "."+l.name) {
			return l
		}
	}
	return list{}
}

// TakesKey reports whether a zone, as ParseZone reads it, wants a DQS key that is not written in front of it.
func TakesKey(written string) bool {
	public, key := splitKey(asciiLower(strings.TrimSuffix(written, ".")))
	return key == "" && (find(public).dqs != "" || strings.HasSuffix(public, "."+dqsDomain))
}

// StandardZones are asked where none are named.
func StandardZones() (names []string) {
	for _, l := range table() {
		if l.standard {
			names = append(names, l.name)
		}
	}
	return names
}

// Dead tells of a zone that it answers no more: what became of it, "" of one that is not known to be dead. A server
// that still asks it waits in vain, or refuses everybody on the day its domain goes to somebody else (docs/facts.md 18).
func Dead(zone string) string { return find(zone).dead }

// notAsked says why a zone is not asked about addresses, "" for one that is.
func (z Zone) notAsked() string {
	switch {
	case z.dead != "":
		return "not asked, the list is dead: " + z.dead + "; take it out of the configuration, and of the mail server's"
	case z.kind == names:
		return "not asked: it lists domain names, no addresses"
	}
	return ""
}

func (z Zone) lookup(addr netip.Addr) string {
	return strings.ReplaceAll(z.list.lookup, "ADDRESS", addr.String())
}

// Key lengths: those of Spamhaus have 26 characters; a longer one than 63 fits no label.
const (
	minKey = 6
	maxKey = 63
)

// ParseKey reads a key file: one line with letters, digits and hyphens. An error does not show what is in it.
func ParseKey(text []byte) (string, error) {
	key := strings.TrimSpace(string(text))
	switch {
	case key == "":
		return "", errors.New("there is no key in it")
	case strings.ContainsAny(key, "\r\n"):
		return "", errors.New("more than one line: it is to hold the key alone")
	case len(key) < minKey || len(key) > maxKey:
		return "", fmt.Errorf("a key has between %d and %d characters, and this has %d", minKey, maxKey, len(key))
	}
	for _, c := range []byte(key) {
		if !hostByte(c) || c == '_' {
			return "", errors.New("a key is made of letters, digits and hyphens alone")
		}
	}
	return key, nil
}

// CheckHost accepts what can be the name of a host or a zone: labels of at most 63 letters, digits, hyphens and
// underscores, 253 octets in all, the last label not a number, which would be a mistyped address.
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
			if !hostByte(c) {
				return errors.New("not a name: letters, digits, hyphens and dots alone")
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
