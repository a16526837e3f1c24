package reply

import (
	"strings"
	"sync"

	"mailallow/accessmap/maillog/token"
	"mailallow/allowlist/dnsbl"
)

// list is a DNS list, or a private list of a service, with its names in logs. Its Zone is the Zone of judgements.
type list struct{ dnsbl.Named }

// group is the group of the words; 0: a reply that names the list names no blocklist.
func (l *list) group() group {
	switch {
	case l.Welcome:
		return 0
	case Private(l.Zone):
		return serviceName
	}
	return listName
}

func (l *list) domainGroup() group {
	if Private(l.Zone) {
		return serviceDomain
	}
	return listDomain
}

// zoneFor gives the zone for a name that is one of the domains or below it.
func (l *list) zoneFor(name string) string {
	if Private(l.Zone) || l.Single || name == l.Zone {
		return l.Zone
	}
	for _, d := range l.Domains {
		if name == d {
			return l.Zone
		}
	}
	if first, _, _ := strings.Cut(name, "."); isPageLabel(first) {
		return l.Zone
	}
	if _, top, _ := strings.Cut(l.Zone, "."); !strings.HasSuffix(name, top[strings.LastIndexByte(top, '.')+1:]) {
		return l.Zone // a page, because the zone is in another top-level domain
	}
	return token.HideKeys(name)
}

// isPageLabel reports whether a label begins the names of web pages, and not of zones.
func isPageLabel(label string) bool {
	switch label {
	case "www", "www2", "check", "query", "lookup", "support", "portal", "my", "bbl", "app", "docs", "wiki", "help", "removal", "ipadmin", "ipcheck", "search",
		"admin", "blocklist", "postmaster", "mail", "web", "tools", "community", "delist", "unblock":
		return true
	}
	return false
}

// lists are the DNS lists, and then the services.
var lists = sync.OnceValue(func() (all []list) {
	for _, l := range dnsbl.All() {
		all = append(all, list{l})
	}
	for _, s := range services {
		all = append(all, list{dnsbl.Named{Zone: s.name, Domains: s.domains, Words: s.words}})
	}
	return all
})

// byDomain gives the list of each domain and zone.
var byDomain = sync.OnceValue(func() map[string]*list {
	domains := map[string]*list{}
	for i := range lists() {
		l := &lists()[i]
		for _, d := range l.Domains {
			domains[d] = l
		}
		if !Private(l.Zone) {
			domains[l.Zone] = l
		}
	}
	return domains
})

// listOf finds the list of a domain name, by the longest domain that the name ends in; nil: there is none.
func listOf(name string) *list {
	domains := byDomain()
	for name != "" {
		if l := domains[name]; l != nil {
			return l
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return nil
}

// zoneOf gives the zone or the service of a domain name; empty: no list has the name, or it is a welcome list.
func zoneOf(name string) string {
	l := listOf(name)
	if l == nil || l.Welcome {
		return ""
	}
	return l.zoneFor(name)
}

// Private reports whether the Zone of a judgement is a private service, which nobody can ask over DNS.
func Private(zone string) bool { return zone != "" && !strings.Contains(zone, ".") }

// listsDomains reports whether a list has domain names in it, and no addresses.
func listsDomains(zone string) bool {
	if zone == "" {
		return false
	}
	if l := listOf(zone); l != nil && l.OfNames {
		return true
	}
	first, _, _ := strings.Cut(zone, ".")
	return strings.HasPrefix(first, "rhsbl") || first == "dbl" || first == "uribl" || first == "surbl"
}

// ListOf gives the known list that a name is below, or the name itself.
func ListOf(name string) string {
	if l := listOf(name); l != nil && strings.HasSuffix(name, "."+l.Zone) {
		return l.Zone
	}
	return name
}
