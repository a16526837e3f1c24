package config

import (
	"cmp"
	"errors"
	"strings"

	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/document"
	"mailallow/allowlist/hosts"
	"mailallow/allowlist/notation"
	"mailallow/allowlist/spf"
	"mailallow/cmd/mailallow/internal/exit"
)

// source reads a [[source]]. limits are those of [guard].
func (r *reader) source(at string, table map[string]any, limits allowlist.Limits) {
	src := allowlist.Source{Limits: limits}
	var action, from string
	var families []string
	r.table(at, table, append([]key{
		{"name", &src.Name},
		{"action", &action},
		{"spf", &src.SPF},
		{"provider", &src.Provider},
		{"hosts", &src.Hosts},
		{"url", &src.URL},
		{"select", &src.Select},
		{"insecure", &src.Insecure},
		{"ca_file", &src.CAFile},
		{"file", &src.File},
		{"cidr", &src.CIDR},
		{"from", &from},
		{"families", &families},
		{"accept_permerror", &src.AcceptPermError},
		{"deadline", &src.Bounds.Deadline},
		{"max_keys", number{&src.Bounds.Keys, 1, maxKeys}},
		{"reason", &src.Reason},
		{"owner", &src.Owner},
		{"until", &src.Until},
	}, limitKeys(&src.Limits)...))
	r.uniqueName(at, src.Name)
	src.Action = r.actionOf(at, action)
	r.life(at, src)
	r.totals(at, &src)
	src.FromSnapshot = from != ""
	r.fromSnapshot(at, from, families, src)
	r.origin(at, src)
	src.NoIPv4, src.NoIPv6 = r.families(at, families)
	if src.File != "" {
		src.FilePath = r.rooted(src.File)
	}
	if src.CAFile != "" {
		src.CAFile = r.rooted(src.CAFile)
	}
	r.Sources = append(r.Sources, src)
}

func (r *reader) uniqueName(at, name string) {
	switch before, twice := r.names[name]; {
	case name == "":
		r.problem(at+".name", "the source has no name")
	case len(name) > maxNameBytes || !ascii.AllShow(name):
		r.problem(at+".name", "the name %q is longer than %d bytes or has characters that cannot be printed", name, maxNameBytes)
	case name != strings.TrimSpace(name):
		r.problem(at+".name", "the name %q begins or ends with a blank, which --accept does not take", name)
	case twice:
		r.problem(at+".name", "the name %q is that of the source on line %d already", name, before)
	}
	r.names[name] = r.lines[at+".name"]
}

// life checks what is written about a source for those who come later.
func (r *reader) life(at string, src allowlist.Source) {
	for _, k := range []struct{ name, text string }{{".reason", src.Reason}, {".owner", src.Owner}} {
		if len(k.text) > maxReasonBytes || !ascii.AllShow(k.text) {
			r.problem(at+k.name, "source %q: %s is longer than %d bytes or has characters that cannot be printed", src.Name, k.name[1:], maxReasonBytes)
		}
	}
	if !src.Until.IsZero() && src.Action.KeepsOut() {
		r.problem(at+".until", "source %q: until does not go with %s: what is kept out must not come in because time has passed; take the source out yourself when it is no longer wanted",
			src.Name, src.Action)
	}
}

// origin checks where the addresses of a source come from.
func (r *reader) origin(at string, src allowlist.Source) {
	var kinds []string
	all := []string{"spf", "provider", "hosts", "url", "file", "cidr"}
	written := func(key string) bool { return r.lines[below(at, key)] > 0 } // if with a value of a wrong type
	for _, kind := range append(all, "from") {                              // from is for those who have their list from a publisher
		if written(kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		r.problem(at, "source %q has no addresses: write one of %s", src.Name, strings.Join(all, ", "))
	case len(kinds) > 1:
		r.problem(at, "source %q has %s: only one of them", src.Name, strings.Join(kinds, " and "))
	}
	if !written("url") && (src.Select != "" || src.Insecure || src.CAFile != "") {
		r.problem(at, "source %q: select, insecure and ca_file belong to a url", src.Name)
	}
	if p, _ := allowlist.ProviderByName(src.Provider); src.AcceptPermError && !written("spf") && (!written("provider") || p.URL != "") {
		r.problem(at+".accept_permerror", "source %q: accept_permerror belongs to an SPF policy", src.Name)
	}
	if src.SPF != nil && len(src.SPF) == 0 {
		r.problem(at+".spf", "source %q: spf names no domain", src.Name)
	}
	for i, domain := range src.SPF {
		if err := spf.CheckDomain(domain); err != nil {
			r.problem(item(at+".spf", i), "spf %s: %w", QuotedWord(domain), err)
		}
	}
	r.hosts(at+".hosts", src)
	if src.Provider != "" {
		r.provider(at+".provider", src.Provider)
	}
	switch {
	case src.URL != "" && src.Insecure:
		r.check(at+".url", allowlist.CheckURL(src.URL))
	case src.URL != "":
		err := allowlist.CheckSecure(src.URL)
		if errors.Is(err, allowlist.ErrClear) {
			err = allowlist.ErrClearSource
		}
		r.check(at+".url", err)
	}
	if src.Select != "" {
		r.check(at+".select", document.CheckSelect(src.Select))
	}
	for i, network := range src.CIDR {
		if _, _, err := notation.ParseOwn(network); err != nil {
			r.problem(item(at+".cidr", i), "%w", err)
		}
	}
}

// hosts checks the host names of a source.
func (r *reader) hosts(at string, src allowlist.Source) {
	if src.Hosts != nil && len(src.Hosts) == 0 {
		r.problem(at, "source %q: hosts names no host", src.Name)
	}
	if n, most := len(src.Hosts), hosts.DefaultLimits().Hosts; n > most {
		r.problem(at, "source %q has %d hosts: %d is the most, since one without an address makes them all stale", src.Name, n, most)
		return
	}
	for i, written := range src.Hosts {
		name := hosts.ParseName(written)
		if prefix, _, err := notation.ParseCIDR(name.Domain); err == nil {
			r.problem(item(at, i), "host %s is an address: write %s into cidr, in a source of its own", QuotedWord(written), prefix)
		} else if err := dnsbl.CheckHost(name.Domain); err != nil {
			r.problem(item(at, i), "host %s: %w; write mail.example.org, or mx:example.org for the hosts of its MX", QuotedWord(written), err)
		}
	}
}

// actionOf is the action of the source, else the one at the top of the file. There is no
// default: RELAY on the range of a shared provider lets all its customers relay.
func (r *reader) actionOf(at, written string) allowlist.Action {
	text := cmp.Or(written, r.action)
	if text == "" && r.lines["action"] > 0 { // without a value
		return allowlist.None
	}
	if text == "" {
		r.problem(at+".action", "the source has no action: write action = \"OK\" (accepted past DNSBLs), \"RELAY\" (may also relay to anywhere), \"REJECT\" or \"EXCLUDE\" in it, or once at the top of the file")
		return allowlist.None
	}
	a, err := allowlist.ParseAction(text)
	if written != "" { // document checks the other one
		r.check(at+".action", err)
	}
	return a
}

func (r *reader) provider(at, name string) {
	p, known := allowlist.ProviderByName(name)
	switch {
	case known && p.Unlistable != "":
		r.problem(at, "provider %q cannot be listed: %s", name, p.Unlistable)
	case !known:
		all, err := allowlist.Providers()
		r.check(at, err)
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		r.problem(at, "unknown provider %q%s", name, cmp.Or(exit.Nearest(name, names), ": 'mailallow providers' lists those there are"))
	}
}

// limitKeys are the keys that [guard] and every source have.
func limitKeys(l *allowlist.Limits) []key {
	return []key{
		{"widest_ipv4", number{&l.WidestIPv4, 0, 32}},
		{"widest_ipv6", number{&l.WidestIPv6, 0, 128}},
		{"total_ipv4", number{&l.TotalIPv4, 0, 32}},
		{"total_ipv6", number{&l.TotalIPv6, 0, 128}},
		{"max_shrink", &l.MaxShrink},
		{"max_grow", &l.MaxGrow},
		{"window", &l.Window},
		{"max_age", &l.MaxAge},
	}
}

// totals gives a source the totals that bind it: RELAY has smaller ones unless the configuration has some, and files,
// REJECT and EXCLUDE have none.
func (r *reader) totals(at string, src *allowlist.Source) {
	written := func(key string) bool { return r.lines[at+key] > 0 || r.lines["guard"+key] > 0 }
	switch {
	case src.Static(), src.Action.KeepsOut():
		src.Limits.TotalIPv4, src.Limits.TotalIPv6 = 0, 0
	case src.Action == allowlist.Relay:
		if !written(".total_ipv4") {
			src.Limits.TotalIPv4 = allowlist.RelayTotalIPv4
		}
		if !written(".total_ipv6") {
			src.Limits.TotalIPv6 = allowlist.RelayTotalIPv6
		}
	}
}
