package config

import (
	"fmt"
	"slices"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/document"
	"mailallow/cmd/mailallow/internal/exit"
)

func (r reader) uniqueName(names map[string]int, at, name string) {
	switch before, twice := names[name]; {
	case name == "":
		r.problem(at+".name", "the source has no name")
	case len(name) > maxNameBytes || strings.ContainsFunc(name, func(c rune) bool { return !ascii.Shows(c) }):
		r.problem(at+".name", "the name %q is longer than %d bytes or has characters that cannot be printed", name, maxNameBytes)
	case twice:
		r.problem(at+".name", "the name %q is that of the source on line %d already", name, before)
	}
	names[name] = r.lines[at+".name"]
}

func (r reader) source(at string, c sourceConfig, limits allowlist.Limits) allowlist.Source {
	src := allowlist.Source{
		Name: c.Name, Action: r.action(at, c.Action),
		SPF: c.SPF, Provider: c.Provider, URL: c.URL, Select: c.Select, Insecure: c.Insecure, File: c.File, CIDR: c.CIDR,
	}
	src.Limits = r.totals(src, c.limitsConfig, r.limits(at, c.limitsConfig, limits))
	r.duration(at+".deadline", c.Deadline, &src.Bounds.Deadline)
	r.number(at+".max_keys", c.MaxKeys, 1, maxKeys, &src.Bounds.Keys)
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"spf", c.SPF != nil}, {"provider", c.Provider != ""}, {"url", c.URL != ""}, {"file", c.File != ""}, {"cidr", c.CIDR != nil}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	switch {
	case len(kinds) == 0:
		r.problem(at, "source %q has no addresses: write one of spf, provider, url, file, cidr", c.Name)
	case len(kinds) > 1:
		r.problem(at, "source %q has %s: only one of them", c.Name, strings.Join(kinds, " and "))
	}
	if c.URL == "" && (c.Select != "" || c.Insecure) {
		r.problem(at, "source %q: select and insecure belong to a url", c.Name)
	}
	if c.SPF != nil && (len(c.SPF) == 0 || slices.Contains(c.SPF, "")) {
		r.problem(at+".spf", "source %q: spf names no domain", c.Name)
	}
	if c.Provider != "" {
		r.provider(at+".provider", c.Provider)
	}
	if c.URL != "" {
		r.check(at+".url", allowlist.CheckURL(c.URL))
	}
	if c.Select != "" {
		r.check(at+".select", document.CheckSelect(c.Select))
	}
	if c.File != "" {
		src.FilePath = r.rooted(c.File)
	}
	for i, item := range c.CIDR {
		if _, _, err := document.ParseCIDR(item); err != nil {
			r.problem(fmt.Sprintf("%s.cidr[%d]", at, i), "%w", err)
		}
	}
	return src
}

// action is the action of the source, else the one at the top of the file. There is no
// default: RELAY on the range of a shared provider lets all its customers relay.
func (r reader) action(at, written string) allowlist.Action {
	place := at + ".action"
	if written == "" && r.text.Action != "" {
		a, _ := allowlist.ParseAction(r.text.Action) // Settings has checked it
		return a
	}
	if written == "" {
		r.problem(at, "the source has no action: write action = \"OK\" (accepted past DNSBLs), \"RELAY\" (may also relay to anywhere), \"REJECT\" or \"EXCLUDE\" in it, or once at the top of the file")
		return allowlist.None
	}
	a, err := allowlist.ParseAction(written)
	if err != nil {
		r.problem(place, "%w", err)
	}
	return a
}

func (r reader) provider(at, name string) {
	p, ok := allowlist.ProviderByName(name)
	if ok && p.Unlistable != "" {
		r.problem(at, "provider %q cannot be listed: %s", name, p.Unlistable)
	}
	if ok {
		return
	}
	all, err := allowlist.Providers()
	r.check(at, err)
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	hint := exit.Nearest(name, names)
	if hint == "" {
		hint = ": 'mailallow providers' lists those there are"
	}
	r.problem(at, "unknown provider %q%s", name, hint)
}

func (r reader) guard(g guardConfig) allowlist.Limits {
	limits := r.limits("guard", g.limitsConfig, allowlist.DefaultLimits())
	r.duration("guard.expire", g.Expire, &limits.Expire)
	limits.AllowSpecial = g.AllowSpecial
	return limits
}

func (r reader) limits(at string, l limitsConfig, limits allowlist.Limits) allowlist.Limits {
	r.number(at+".widest_ipv4", l.WidestIPv4, 0, 32, &limits.WidestIPv4)
	r.number(at+".widest_ipv6", l.WidestIPv6, 0, 128, &limits.WidestIPv6)
	r.number(at+".total_ipv4", l.TotalIPv4, 0, 32, &limits.TotalIPv4)
	r.number(at+".total_ipv6", l.TotalIPv6, 0, 128, &limits.TotalIPv6)
	r.percent(at+".max_shrink", l.MaxShrink, &limits.MaxShrink)
	r.percent(at+".max_grow", l.MaxGrow, &limits.MaxGrow)
	r.duration(at+".window", l.Window, &limits.Window)
	r.duration(at+".max_age", l.MaxAge, &limits.MaxAge)
	return limits
}

// totals gives the limits of a source with the totals that bind it: RELAY has smaller ones unless the configuration has some,
// and files, REJECT and EXCLUDE have none.
func (r reader) totals(src allowlist.Source, own limitsConfig, limits allowlist.Limits) allowlist.Limits {
	guard := r.text.Guard
	switch {
	case src.Static(), src.Action == allowlist.Reject, src.Action == allowlist.Exclude:
		limits.TotalIPv4, limits.TotalIPv6 = 0, 0
	case src.Action == allowlist.Relay:
		if own.TotalIPv4 == nil && guard.TotalIPv4 == nil {
			limits.TotalIPv4 = allowlist.RelayTotalIPv4
		}
		if own.TotalIPv6 == nil && guard.TotalIPv6 == nil {
			limits.TotalIPv6 = allowlist.RelayTotalIPv6
		}
	}
	return limits
}
