package server

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/accessmap/sendmail"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/pattern"
)

// AskedZone is a DNSBL that a server asks, and the place where its settings name it.
type AskedZone struct {
	Place   string // the parameter, or sendmail.cf
	Written string // with its filter and weight, without its key
	Zone    string // the name to find it by
	// Filtered reports that the server takes only some answers for listings, and no refusal to answer, or that it refuses nobody.
	Filtered bool
	Names    bool // it is asked about names, and not about addresses
}

// PostfixZones gives the DNSBLs that smtpd and postscreen ask, each once a place.
func PostfixZones(m *postfix.Main) (zones []AskedZone) {
	add := func(place, before, argument string, warnOnly bool) {
		bare, _, _ := strings.Cut(m.WithKey(argument), "*")
		zone, filter, filtered := strings.Cut(bare, "=")
		filtered = warnOnly || filtered && !postfix.TakesRefusal(filter)
		z := AskedZone{place, strings.TrimSpace(before + " " + dnsbl.HideKeys(argument)), zone, filtered, strings.HasPrefix(before, "reject_rhsbl_")}
		if zone != "" && !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	for _, name := range postfix.RestrictionLists() {
		for _, item := range m.Lists[name].Items {
			if strings.HasPrefix(item.Name, "reject_rbl_") || strings.HasPrefix(item.Name, "reject_rhsbl_") {
				add(name, item.Name, item.Argument, item.WarnOnly)
			}
		}
	}
	if m.Postscreen {
		for _, item := range m.Lists["postscreen_dnsbl_sites"].Items {
			add("postscreen_dnsbl_sites", "", item.Name, false)
		}
	}
	return zones
}

// SendmailZones gives the DNSBLs that a sendmail.cf asks.
func SendmailZones(cf *sendmail.CF) (zones []AskedZone) {
	for _, d := range cf.DNSBLs {
		zones = append(zones, AskedZone{"sendmail.cf", "a DNSBL feature for " + d.Zone, d.Zone, d.Filtered, false})
	}
	return zones
}

// deadFeatures finds lists that have ended, in a sendmail.cf.
func deadFeatures(m *namedMap) (found []rule.Finding) {
	for _, z := range SendmailZones(m.CF) {
		if end := dnsbl.Dead(z.Zone); end != "" {
			found = append(found, deadZone(z, end, "remove the FEATURE with "+z.Zone+rebuild))
		}
	}
	return found
}

// unfilteredFeatures finds lists whose refusals to answer are taken for listings, in a sendmail.cf.
func unfilteredFeatures(m *namedMap) (found []rule.Finding) {
	for _, z := range SendmailZones(m.CF) {
		if dnsbl.Filter(z.Zone) != "" && !z.Filtered {
			found = append(found, rule.Finding{Text: unfiltered(z), Fix: filteredFeature(z)})
		}
	}
	return found
}

// filteredFeature advises a feature that takes only listings for listings, for a list whose other answers dnsbl.Filter knows.
// Its replies do not name the zone if an account key is in it. FEATURE(`dnsbl') has no filter; the patterns of
// FEATURE(`enhdnsbl') are its arguments from the fourth on.
func filteredFeature(z AskedZone) string {
	later, key := "t", ""
	if hasKey(z) {
		later, key = `"451 Try again: " $&{client_addr} " could not be looked up"`, "with your key in place of KEY, "
	}
	codes := octets().ReplaceAllString(dnsbl.Filter(z.Zone), "$$-") + "."
	return fmt.Sprintf("%sin place of its FEATURE write"+rebuild+":\n"+
		"FEATURE(`enhdnsbl', `%s', `\"550 Refused: \" $&{client_addr} \" is listed by %s\"', `%s', `%s')dnl", key, z.Zone, operator(z), later, codes)
}

// hasKey reports whether the name of a list has KEY in place of the account key.
func hasKey(z AskedZone) bool { return strings.HasPrefix(z.Zone, "KEY.") }

// octets matches the alternatives for an octet in a filter of postconf(5).
var octets = pattern.New(`\[[0-9.]+\]`)

// operator names who runs a list, for a reply that does not name the zone, in which an account key may be.
func operator(z AskedZone) string {
	if zone, err := dnsbl.ParseZone(z.Zone, ""); err == nil && zone.Operator() != "" {
		return zone.Operator()
	}
	return "a blocklist"
}

// keysShown finds replies that tell every refused client the account key.
func keysShown(m *namedMap) (found []rule.Finding) {
	for _, d := range m.DNSBLs {
		if !d.ShowsKey {
			continue
		}
		fix := "give the FEATURE texts without the zone as its second argument and, if it has one, as its third" + rebuild
		if dnsbl.Filter(d.Zone) != "" {
			fix = filteredFeature(AskedZone{Zone: d.Zone})
		}
		found = append(found, rule.Finding{Text: fmt.Sprintf("the reply for %s names the zone with its account key: every client that is refused gets the key", d.Zone), Fix: fix})
	}
	return found
}

// replyWithoutZone is default_rbl_reply of postconf(5) without the zone.
const replyWithoutZone = "default_rbl_reply = $rbl_code Service unavailable; $rbl_class [$rbl_what] blocked${rbl_reason?; $rbl_reason}"

// zoneKeysShown finds replies of Postfix that tell every refused client the account key.
func zoneKeysShown(l *postfixLinter) (found []rule.Finding) {
	smtpd, postscreen := l.NamesZones()
	for _, z := range PostfixZones(l.Main) {
		ofPostscreen := z.Place == "postscreen_dnsbl_sites"
		switch {
		case dnsbl.HideKeys(z.Zone) == z.Zone:
		case ofPostscreen && postscreen:
			found = append(found, keyShown(z, "with your key in place of KEY, write in main.cf:\npostscreen_dnsbl_reply_map = inline:{ { "+dnsbl.HideKeys(z.Zone)+" = a blocklist } }"))
		case !ofPostscreen && smtpd:
			found = append(found, keyShown(z, "write in main.cf:\n"+replyWithoutZone))
		}
	}
	return found
}

func keyShown(z AskedZone, fix string) rule.Finding {
	return rule.Finding{Text: fmt.Sprintf("%s has %s: the reply names the zone with its account key: every client that is refused gets the key", z.Place, z.Written), Fix: fix}
}

// deadZones finds lists that have ended.
func deadZones(l *postfixLinter) (found []rule.Finding) {
	for _, z := range PostfixZones(l.Main) {
		if end := dnsbl.Dead(z.Zone); end != "" {
			found = append(found, deadZone(z, end, "take it out of "+z.Place))
		}
	}
	return found
}

func deadZone(z AskedZone, end, fix string) rule.Finding {
	return rule.Finding{Text: fmt.Sprintf("%s has %s: %s. It lists nobody, may keep every client waiting, and refuses all mail once its name answers everything",
		z.Place, z.Written, end), Fix: fix}
}

// unfilteredZones finds lists whose refusals to answer are taken for listings.
func unfilteredZones(l *postfixLinter) (found []rule.Finding) {
	for _, z := range PostfixZones(l.Main) {
		codes := dnsbl.Filter(z.Zone)
		if codes == "" || z.Filtered {
			continue
		}
		bare, weight, weighs := strings.Cut(z.Written, "*")
		bare, _, _ = strings.Cut(bare, "=")
		line := bare + "=" + codes
		if weighs {
			line += "*" + weight
		}
		found = append(found, rule.Finding{Text: unfiltered(z), Fix: "write there: " + line})
	}
	return found
}

func unfiltered(z AskedZone) string {
	filter := " without the codes that are listings"
	if strings.Contains(z.Written, "=") {
		filter = ", which takes more than the codes that are listings"
	}
	return fmt.Sprintf("%s has %s%s: if the list does not answer this resolver, its code 127.255.255.254 counts as a listing, and all mail is refused",
		z.Place, z.Written, filter)
}

// Unanswering gives the finding about a list whose result for an ordinary address is no statement about that address; nil: the
// list is in order.
func Unanswering(z AskedZone, r dnsbl.Result) []rule.Finding {
	if r.State != dnsbl.Error && r.State != dnsbl.Unknown || r.NoFamily {
		return nil
	}
	f := rule.Finding{Text: fmt.Sprintf("%s has %s: %s", z.Place, z.Written, r.Meaning),
		Fix: "take the list out until it answers this host's resolver, or ask it through a resolver that it answers"}
	l := rule.Run[struct{}]{}
	l.Report(dnsblNow(), f)
	return l.Findings
}
