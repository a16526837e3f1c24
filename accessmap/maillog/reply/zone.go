package reply

import (
	"strings"

	"mailallow/accessmap/maillog/token"
)

// introducer is an entry of introductions.
type introducer struct {
	words     string
	ambiguous bool
}

func (i introducer) group() group {
	if i.ambiguous {
		return maybeIntroduction
	}
	return introduction
}

// introductions are the words before the name of a list. An ambiguous one also comes before other names, so it counts only
// if the name looks like a list.
var introductions = [...]introducer{
	{"blocked using", false}, {"blackhole site", false}, {"listed at", false}, {"listed in", false}, {"listed on", false},
	{"listed by", false}, {"blacklisted by", false}, {"found in", false}, {"found on", false}, {"blacklist:", false},
	{"blocked by", true}, {"refused by", true}, {"rejected by", true}, {"denied by", true}, {"according to", true},
	{"blacklist", true}, {"dnsbl", true}, {"rbl", true}, {" at", true}, {" using", true},
}

// introducesPage reports whether an introduction comes before a page of a list that has no other name there.
func (t *text) introducesPage() bool {
	if !t.has(introduction) {
		return false
	}
	for _, before := range introductions {
		_, after, ok := strings.Cut(t.string, before.words)
		if ok && !before.ambiguous && token.HasAnyPrefix(strings.TrimLeft(after, " :="), "http://", "https://") {
			return true
		}
	}
	return false
}

// introducedZone gives the list after one of the introductions in a text.
func (t *text) introducedZone() string {
	if !t.has(introduction|maybeIntroduction) || strings.Contains(t.string, "not listed") {
		return ""
	}
	for _, before := range introductions {
		if !t.has(before.group()) {
			continue
		}
		for _, after, ok := strings.Cut(t.string, before.words); ok; _, after, ok = strings.Cut(after, before.words) {
			if after != "" && token.InName(after[0]) { // the "dnsbl" of dnsbl-2.example.org is no introduction
				continue
			}
			if zone := zoneAfter(after, before.ambiguous); zone != "" {
				return zone
			}
		}
	}
	return ""
}

func zoneAfter(after string, ambiguous bool) (zone string) {
	after = strings.TrimLeft(after, " :=[\"'(")
	for _, filler := range [...]string{"the ", "dnsbl ", "rbl ", "list "} {
		after = strings.TrimPrefix(after, filler)
	}
	after, page := token.CutAnyPrefix(after, "http://", "https://")
	end := strings.IndexAny(after, " ;,/)]\"'=?")
	if end < 0 {
		end = len(after)
	}
	name := token.DomainIn(after[:end])
	if name == "" || strings.Contains(after[:end], "@") {
		return ""
	}
	if known := zoneOf(name); known != "" {
		return known
	}
	if first, _, _ := strings.Cut(name, "."); ambiguous && !looksLikeList(name) || page && isPageLabel(first) {
		return "" // the host of a page is no zone
	}
	return name
}

// looksLikeList reports whether a label of a name is usual for a list.
func looksLikeList(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case strings.HasPrefix(label, "rbl"), strings.HasSuffix(label, "rbl"), strings.Contains(label, "dnsbl"), strings.Contains(label, "blackhole"), strings.Contains(label, "blacklist"),
			strings.Contains(label, "blocklist"), strings.HasPrefix(label, "relays"):
			return true
		}
		switch label {
		case "bl", "dul", "zen", "sbl", "xbl", "pbl":
			return true
		}
	}
	return false
}

// mentionedZone gives the list of the first domain in a text that is a list's or an operator's, else the list of the first
// other name of one. Only lists of the wanted groups count. With statements, another name counts only where one says something
// of it, or of an address.
func (t *text) mentionedZone(wanted group, all statements) (zone string) {
	if wanted&listName != 0 && t.has(listDomain) || wanted&serviceName != 0 && t.has(serviceDomain) {
		for name := range token.Domains(t.string) {
			if l := listOf(name); l != nil && l.group()&wanted != 0 {
				return l.zoneFor(name)
			}
		}
	}
	if !t.has(wanted) {
		return ""
	}
	first, longest := len(t.string), 0
	for i := range lists() {
		l := &lists()[i]
		if l.group()&wanted == 0 {
			continue
		}
		for _, word := range l.Words {
			at := token.WordIn(t.string, word)
			if at < 0 || at > first || at == first && len(word) <= longest || all != nil && all.at(at)&(listing|block|refusal|subject|ownAddress) == 0 {
				continue
			}
			first, longest, zone = at, len(word), l.Zone
		}
	}
	return zone
}

// unknownList gives the first name in a text that looks like a list and is in no table, because administrators also ask other
// lists.
func unknownList(text string) string {
	for name := range token.Domains(text) {
		if listOf(name) == nil && looksLikeList(name) { // a known one here is a welcome list
			return name
		}
	}
	return ""
}

// listOrService gives the list that the reply of a private service names, else the service.
func (t *text) listOrService(service string) string {
	if zone := t.introducedZone(); zone != "" && !Private(zone) && listOf(zone) != nil {
		return zone
	}
	if zone := t.mentionedZone(listName, nil); zone != "" {
		return zone
	}
	if service != "" {
		return service
	}
	return t.mentionedZone(listName|serviceName, nil)
}
