package server

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/postfix"
	"mailallow/allowlist/dnsbl"
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
		found = append(found, rule.Finding{Text: fmt.Sprintf("%s has %s without the codes that are listings: if the list does not answer this resolver, its code 127.255.255.254 counts as a listing, and all mail is refused",
			z.place, z.written), Fix: "write there: " + line})
	}
	return found
}
