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

// askedZone is a DNSBL that a server asks, and the place where its settings name it.
type askedZone struct {
	place   string // the parameter, or the feature of Sendmail
	written string // with its filter and weight, without its key
	zone    string // the name to find it by
	// filtered reports that the server takes only some answers for listings.
	filtered bool
}

// zonesOf gives the DNSBLs that smtpd and postscreen ask, each once a place.
func zonesOf(m *postfix.Main) (zones []askedZone) {
	add := func(place, before, argument string) {
		bare, _, _ := strings.Cut(argument, "*")
		zone, _, filtered := strings.Cut(bare, "=")
		z := askedZone{place, strings.TrimSpace(before + " " + dnsbl.HideKeys(argument)), zone, filtered}
		if zone != "" && !slices.Contains(zones, z) {
			zones = append(zones, z)
		}
	}
	for _, name := range postfix.RestrictionLists() {
		for _, item := range m.Lists[name].Items {
			if strings.HasPrefix(item.Name, "reject_rbl_") || strings.HasPrefix(item.Name, "reject_rhsbl_") {
				add(name, item.Name, item.Argument)
			}
		}
	}
	if m.Postscreen {
		for _, item := range m.Lists["postscreen_dnsbl_sites"].Items {
			add("postscreen_dnsbl_sites", "", item.Name)
		}
	}
	return zones
}

// featuresOf gives the DNSBLs that a sendmail.cf asks.
func featuresOf(cf *sendmail.CF) (zones []askedZone) {
	for _, d := range cf.DNSBLs {
		zones = append(zones, askedZone{"sendmail.cf", "a DNSBL feature for " + d.Zone, d.Zone, d.Filtered})
	}
	return zones
}

// deadFeatures finds lists that have ended, in a sendmail.cf.
func deadFeatures(m *namedMap) (found []rule.Finding) {
	for _, z := range featuresOf(m.CF) {
		if end := dnsbl.Dead(z.zone); end != "" {
			found = append(found, deadZone(z, end, "take the FEATURE with "+z.zone+" out of it: "+rebuilding))
		}
	}
	return found
}

// unfilteredFeatures finds lists whose refusals to answer are taken for listings, in a sendmail.cf. FEATURE(`dnsbl') has no filter;
// the patterns of FEATURE(`enhdnsbl') are its arguments from the fourth on.
func unfilteredFeatures(m *namedMap) (found []rule.Finding) {
	for _, z := range featuresOf(m.CF) {
		codes := dnsbl.Filter(z.zone)
		if codes == "" || z.filtered {
			continue
		}
		pattern := octets().ReplaceAllString(codes, "$$-") + "."
		found = append(found, rule.Finding{Text: unfiltered(z), Fix: fmt.Sprintf("in place of its FEATURE write in sendmail.mc, build sendmail.cf again and restart Sendmail:\n"+
			"FEATURE(`enhdnsbl', `%s', `\"550 Refused: \" $&{client_addr} \" is listed by %s\"', `t', `%s')dnl", z.zone, operator(z), pattern)})
	}
	return found
}

// octets matches the alternatives for an octet in a filter of postconf(5).
var octets = pattern.New(`\[[0-9.]+\]`)

// operator names who runs a list, for a reply that does not name the zone, in which an account key may be.
func operator(z askedZone) string {
	if zone, err := dnsbl.ParseZone(z.zone, ""); err == nil && zone.Operator() != "" {
		return zone.Operator()
	}
	return "a blocklist"
}

// keysShown finds replies that tell every refused client the account key.
func keysShown(m *namedMap) (found []rule.Finding) {
	for _, d := range m.DNSBLs {
		if d.ShowsKey {
			found = append(found, rule.Finding{Text: fmt.Sprintf("the reply for %s names the zone with its account key: every client that is refused gets the key", d.Zone),
				Fix: "give the FEATURE a text of its own as its second argument, without the zone: " + rebuilding})
		}
	}
	return found
}

const rebuilding = "in sendmail.mc; then build sendmail.cf again and restart Sendmail"

// deadZones finds lists that have ended.
func deadZones(l *postfixLinter) (found []rule.Finding) {
	for _, z := range zonesOf(l.Main) {
		if end := dnsbl.Dead(z.zone); end != "" {
			found = append(found, deadZone(z, end, "take it out of "+z.place))
		}
	}
	return found
}

func deadZone(z askedZone, end, fix string) rule.Finding {
	return rule.Finding{Text: fmt.Sprintf("%s has %s: %s. It lists nobody, may keep every client waiting, and refuses all mail once its name answers everything",
		z.place, z.written, end), Fix: fix}
}

// unfilteredZones finds lists whose refusals to answer are taken for listings.
func unfilteredZones(l *postfixLinter) (found []rule.Finding) {
	for _, z := range zonesOf(l.Main) {
		codes := dnsbl.Filter(z.zone)
		if codes == "" || z.filtered {
			continue
		}
		bare, weight, weighs := strings.Cut(z.written, "*")
		line := bare + "=" + codes
		if weighs {
			line += "*" + weight
		}
		found = append(found, rule.Finding{Text: unfiltered(z), Fix: "write there: " + line})
	}
	return found
}

func unfiltered(z askedZone) string {
	return fmt.Sprintf("%s has %s without the codes that are listings: if the list does not answer this resolver, its code 127.255.255.254 counts as a listing, and all mail is refused",
		z.place, z.written)
}
