package sendmail

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"mailallow/accessmap/block"
	"mailallow/accessmap/key"
	"mailallow/accessmap/makemap"
	"mailallow/allowlist/ascii"
)

// Entry is a key of an access map with its value.
type Entry struct {
	makemap.Entry
	ByHand bool // a person wrote the line, not mailallow
}

// Text is an access map that is asked as Sendmail's rulesets ask it.
type Text struct {
	entries map[string]Entry
	names   []Entry // keys of host names that people wrote, in the order of the text
}

// NewText reads the text that a map is made from. whole tells that all of it is mailallow's; else only what stands
// between the markers is.
func NewText(text []byte, whole bool) *Text {
	first, last := 1, len(text) // lines that are ours; a text has no more lines than bytes
	if !whole {
		first, last = 0, -1
		if m, err := block.Extract(text); err == nil && m.Found {
			first = bytes.Count(m.Before, []byte("\n")) + 1
			last = first + 1 + bytes.Count(m.Inside, []byte("\n"))
		}
	}
	a := &Text{entries: map[string]Entry{}}
	entries := makemap.ReadText(text).Entries // what makemap refuses is not in the map
	for _, e := range entries {
		entry := Entry{Entry: e, ByHand: e.Line < first || e.Line > last}
		a.entries[e.Key] = entry
		if entry.ByHand && isNameKey(e.Key) {
			a.names = append(a.names, entry)
		}
	}
	return a
}

// TextOf is an AccessText of a map as it was dumped, or of the answers for some of its keys; it has no lines.
func TextOf(held map[string]string) *Text {
	a := &Text{entries: make(map[string]Entry, len(held))}
	for key, value := range held {
		a.entries[key] = Entry{Entry: makemap.Entry{Key: key, Value: value}}
	}
	return a
}

// NameKeys are the keys that people wrote for names of client hosts, in the order of the text. In check_relay such a key
// decides before the address is looked at (docs/facts.md 3).
func (a *Text) NameKeys() []Entry { return a.names }

// isNameKey tells a key for host names: tagged Connect: or not at all, and neither an address nor an address of mail.
func isNameKey(written string) bool {
	k := key.Cut(written)
	if !k.ForClients() || k.Address == "localhost" || strings.ContainsAny(k.Address, "@/") ||
		strings.HasPrefix(k.Address+":", strings.ToLower(key.IPv6)) || key.IsBareIPv6(k.Address) {
		return false
	}
	return strings.Trim(k.Address, "0123456789.") != ""
}

// Client is who connects.
type Client struct {
	Addr netip.Addr
	// Name is what Sendmail calls the client: the name of its PTR record that leads back to the address, or
	// UnnamedClient where there is none. Empty: not known, and then no key of a name is looked at.
	Name string
}

// UnnamedClient is the name of a client that has none that leads back to its address: Sendmail's ${client_name} is the
// address in brackets then, and such keys are looked up, too.
const UnnamedClient = "[]"

// AddressKeys are the keys by which Sendmail looks an address up, in its order (ruleset A): the longest first, and of
// each length the tagged one before the untagged (docs/facts.md 1 to 3).
func AddressKeys(addr netip.Addr) []string {
	whole, separator := clientAddr(addr)
	return cutKeys(whole, func(key string) (string, bool) {
		at := strings.LastIndex(key, separator)
		return key[:max(at, 0)], at > 0
	})
}

// clientAddr is an address as Sendmail's ${client_addr} has it, in lower case as keys are.
func clientAddr(addr netip.Addr) (text, separator string) {
	addr = addr.Unmap().WithZone("")
	text = strings.ToLower(string(key.Append(nil, netip.PrefixFrom(addr, addr.BitLen()))))
	if addr.Is4() {
		return text, "."
	}
	return text, ":"
}

// Keys are those of the client's name, in the order of ruleset D: the whole name, then without its first label, and so
// on; an address in brackets loses its last part.
func (c Client) Keys() []string {
	if c.Name == UnnamedClient {
		text, separator := clientAddr(c.Addr)
		return cutKeys("["+text+"]", func(key string) (string, bool) {
			at := strings.LastIndex(key, separator)
			return key[:max(at, 0)] + "]", at > 0
		})
	}
	name := ascii.Lower(strings.TrimSuffix(c.Name, "."))
	if name == "" {
		return nil
	}
	return cutKeys(name, func(key string) (string, bool) {
		_, rest, more := strings.Cut(key, ".")
		return rest, more && rest != ""
	})
}

func cutKeys(k string, shorter func(string) (string, bool)) (keys []string) {
	for more := true; more; k, more = shorter(k) {
		keys = append(keys, strings.ToLower(key.Connect)+k, k)
	}
	return keys
}

// Outcome is how check_relay ends for a client.
type Outcome string

// The outcomes. Undecided goes on to the DNSBLs and whatever else the configuration asks.
const (
	Undecided   Outcome = "undecided"
	Accepted    Outcome = "accepted"
	Refused     Outcome = "refused"
	Discarded   Outcome = "discarded"
	Quarantined Outcome = "quarantined"
)

// Ruling is what Sendmail's rulesets make of a client by an access map alone. What class R (relay-domains), class w, TLS
// or a login allow beside the map is not in it.
type Ruling struct {
	// Names and Addresses are the keys that match the client's name and its address, in the order in which they are
	// asked: the first of each decides, the others are never reached.
	Names, Addresses []Entry

	Relay Outcome // of check_relay
	By    *Entry  // the key that decided it, or the one with SKIP that ended the lookup; nil: none
	Reply string  // Refused, Quarantined: what the client or the postmaster is told

	Relays   bool   // check_rcpt: it may send to anywhere
	RelaysBy *Entry // nil with Relays: it is the host itself
}

// Rule asks the map for a client: in check_relay its name first and then its address; in check_rcpt its address first and
// then its name, where only RELAY counts (docs/facts.md 3 and 4). skip tells that access_db was configured with `skip'.
func (a *Text) Rule(c Client, skip bool) Ruling {
	r := Ruling{Names: a.matching(c.Keys()), Addresses: a.matching(AddressKeys(c.Addr)), Relay: Undecided}
	for _, found := range [][]Entry{r.Names, r.Addresses} {
		if len(found) == 0 {
			continue
		}
		r.By = &found[0]
		if r.Relay, r.Reply = meaning(found[0].Value, skip); r.Relay != Undecided {
			break
		}
	}
	if r.Relays = c.Addr.Unmap() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || c.Addr == netip.IPv6Loopback(); r.Relays {
		return r
	}
	both := [][]Entry{r.Addresses}
	if c.Name != UnnamedClient { // check_rcpt takes no name that does not lead back
		both = append(both, r.Names)
	}
	for _, found := range both {
		if len(found) > 0 && ascii.IsWord(found[0].Value, "RELAY") {
			r.Relays, r.RelaysBy = true, &found[0]
			break
		}
	}
	return r
}

func (a *Text) matching(keys []string) (found []Entry) {
	for _, key := range keys {
		if e, ok := a.entries[key]; ok {
			found = append(found, e)
		}
	}
	return found
}

// meaning is what check_relay does with a value. What it does not know is an error reply with the value as its text, a
// comment behind OK included (docs/facts.md 4).
func meaning(value string, skip bool) (o Outcome, reply string) {
	value = strings.TrimSpace(value)
	switch word, rest, tagged := strings.Cut(value, ":"); {
	case ascii.IsWord(value, "OK"), ascii.IsWord(value, "RELAY"):
		return Accepted, ""
	case ascii.IsWord(value, "REJECT"):
		return Refused, "550 5.7.1 Access denied"
	case ascii.IsWord(value, "DISCARD"):
		return Discarded, ""
	case ascii.IsWord(value, "SKIP") && skip:
		return Undecided, ""
	case tagged && ascii.IsWord(word, "QUARANTINE") && rest != "":
		return Quarantined, rest
	case tagged && ascii.IsWord(word, "ERROR") && rest != "":
		if code, text, ok := strings.Cut(rest, ":"); ok && isEnhancedCode(code) {
			rest = text
		}
		return Refused, strings.Trim(rest, `"`)
	}
	return Refused, value
}

// isEnhancedCode tells the D.S.N of ERROR:D.S.N:text.
func isEnhancedCode(s string) bool {
	parts := strings.Split(s, ".")
	return len(parts) == 3 && !slices.Contains(parts, "")
}

// KeyDifference is a key with two values; an empty one is none.
type KeyDifference struct {
	Key       string `json:"key"`
	Planned   string `json:"planned"`
	Installed string `json:"installed"`
}

// Compare gives the keys that a lookup of the client may come to, in its order, where two maps differ.
func (a *Text) Compare(installed *Text, c Client) (differs []KeyDifference) {
	for _, key := range append(c.Keys(), AddressKeys(c.Addr)...) {
		if planned, is := a.entries[key].Value, installed.entries[key].Value; planned != is {
			differs = append(differs, KeyDifference{key, planned, is})
		}
	}
	return differs
}
