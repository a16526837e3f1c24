package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/allowlist/ascii"
	"mailallow/allowlist/dnsq"
	"mailallow/allowlist/spf"
	"mailallow/cmd/mailallow/internal/exit"
)

// settings are a configuration as a run uses it.
type settings struct {
	path     string // of the configuration
	absent   bool   // there is none: everything is its default
	stateDir string
	metrics  string // the file for Prometheus; empty: none
	dns      dnsq.Config
	spf      spf.Limits
	deadline time.Duration // for fetching all sources
	sources  []allowlist.Source
	targets  []accessmap.Target
	dnsbl    dnsblSettings
}

// within bounds what is asked of the network.
func (s *settings) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.deadline, fmt.Errorf("not done within deadline = %s", s.deadline))
}

const (
	defaultConfig     = "/etc/mailallow/mailallow.toml"
	defaultStateDir   = "/var/lib/mailallow"
	defaultSendmailCF = "/etc/mail/sendmail.cf"

	// defaultDeadline is far above what any network needs and below the hour of a timer.
	defaultDeadline = 5 * time.Minute

	maxNameBytes   = 64 // of a source: it stands in comments, tables and metrics
	maxAttempts    = 10
	maxConcurrency = 1024
)

// settings checks what the values mean. root is put before every absolute path
// but that of the configuration itself; it is usually empty. The error holds
// everything that is wrong with the file, keys included.
func (c *configFile) settings(root string) (*settings, error) {
	dir, err := filepath.Abs(filepath.Dir(c.path))
	if err == nil && root != "" {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return nil, err
	}
	r := reader{configFile: c, root: root, dir: dir}
	s := &settings{path: c.path, absent: c.absent, stateDir: r.rooted(c.text.StateDir, defaultStateDir)}
	s.dns, s.spf = r.dns(c.text.DNS)
	s.deadline = defaultDeadline
	r.duration("dns.deadline", c.text.DNS.Deadline, &s.deadline)
	limits := r.guard(c.text.Guard)
	if top := c.text.Action; top != "" {
		_, err := allowlist.ParseAction(top)
		r.check("action", err)
	}
	if c.text.MetricsFile != "" {
		s.metrics = r.rooted(c.text.MetricsFile, "")
	}
	s.dnsbl = r.dnsbl(c.text.DNSBL)
	names := map[string]int{}
	for i, src := range c.text.Source {
		at := fmt.Sprintf("source[%d]", i)
		r.uniqueName(names, at, src.Name)
		s.sources = append(s.sources, r.source(at, src, limits))
	}
	paths := map[string]int{}
	for i, t := range c.text.Target {
		at := fmt.Sprintf("target[%d]", i)
		target := r.target(at, t)
		if before, twice := paths[target.Path]; twice && t.Path != "" {
			r.problem(at+".path", "the path %s is that of the target on line %d already", t.Path, before)
		}
		if target.Path == s.metrics && t.Path != "" {
			r.problem(at+".path", "the path %s is that of metrics_file", t.Path)
		}
		paths[target.Path] = c.lines[at+".path"]
		s.targets = append(s.targets, target)
	}
	return s, c.err()
}

// reader turns written values into ones that are used, and notes what is wrong.
type reader struct {
	*configFile
	root string
	dir  string // of the configuration, absolute
}

// rooted gives a path below root; one that is not absolute is relative to the
// configuration file.
func (r reader) rooted(path, otherwise string) string {
	if path == "" {
		path = otherwise
	}
	if filepath.IsAbs(path) {
		return filepath.Join(r.root, path)
	}
	return filepath.Join(r.dir, path)
}

// program gives a program as it is run: a bare name is looked for on PATH, and a
// relative path begins where the configuration is, wherever the run was started.
func (r reader) program(name string) string {
	if !strings.Contains(name, "/") || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.dir, name)
}

func (r reader) dns(d dnsConfig) (dnsq.Config, spf.Limits) {
	for i, resolver := range d.Resolvers {
		if _, err := dnsq.New(dnsq.Config{Resolvers: []string{resolver}}); err != nil {
			r.problem(fmt.Sprintf("dns.resolvers[%d]", i), "%w", err)
		}
	}
	limits := spf.DefaultLimits()
	r.number("dns.max_lookups", d.MaxLookups, 1, 100_000, &limits.Lookups)
	r.number("dns.max_depth", d.MaxDepth, 1, 1000, &limits.Depth)
	r.number("dns.max_record_bytes", d.MaxRecord, 1, 256<<10, &limits.RecordBytes)
	config := dnsq.Config{Resolvers: d.Resolvers, RequireAD: d.RequireAD}
	r.duration("dns.timeout", d.Timeout, &config.Timeout)
	r.number("dns.attempts", d.Attempts, 1, maxAttempts, &config.Attempts)
	r.number("dns.concurrency", d.Concurrency, 1, maxConcurrency, &config.Concurrency)
	return config, limits
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
	r.percent(at+".max_shrink", l.MaxShrink, &limits.MaxShrink)
	r.percent(at+".max_grow", l.MaxGrow, &limits.MaxGrow)
	r.duration(at+".max_age", l.MaxAge, &limits.MaxAge)
	return limits
}

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
		Name: c.Name, Action: r.action(at, c.Action), Limits: r.limits(at, c.limitsConfig, limits),
		SPF: c.SPF, Provider: c.Provider, URL: c.URL, Select: c.Select, Insecure: c.Insecure, File: c.File, CIDR: c.CIDR,
	}
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
		r.problem(at, "source %q says not where its addresses come from: one of spf, provider, url, file, cidr", c.Name)
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
		r.check(at+".select", allowlist.CheckSelect(c.Select))
	}
	if c.File != "" {
		src.FilePath = r.rooted(c.File, "")
	}
	for i, item := range c.CIDR {
		if _, _, err := allowlist.ParseCIDR(item); err != nil {
			r.problem(fmt.Sprintf("%s.cidr[%d]", at, i), "%w", err)
		}
	}
	return src
}

// action is that of the source, else the one at the top of the file. There is no
// default: RELAY on a shared provider's range opens the host to all its customers.
func (r reader) action(at, written string) allowlist.Action {
	place := at + ".action"
	if written == "" && r.text.Action != "" {
		a, _ := allowlist.ParseAction(r.text.Action) // the top of the file has been looked at
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

func (r reader) target(at string, c targetConfig) accessmap.Target {
	format, err := accessmap.FormatByName(c.Format)
	if err != nil {
		r.problem(at+".format", "%w", err)
	}
	if c.Path == "" {
		r.problem(at, "the target has no path")
	}
	t := accessmap.Target{
		Format: format, Path: r.rooted(c.Path, ""), WholeFile: c.Mode == "file", Map: c.Map, Makemap: c.Makemap,
		SendmailCF: r.rooted(c.SendmailCF, defaultSendmailCF), CFOptional: c.SendmailCF == "", OnChange: c.OnChange,
	}
	if filepath.IsAbs(c.Path) {
		t.Root = r.root
	}
	if t.Map == "" {
		t.Map = accessmap.MapAuto
	}
	r.oneOf(at+".mode", c.Mode, "block", "file")
	r.oneOf(at+".map", c.Map, accessmap.MapTypes()...)
	if err == nil && !format.Map && (c.Map != "" || c.Makemap != "" || c.SendmailCF != "") {
		r.problem(at, "map, makemap and sendmail_cf belong to sendmail-access: a %s target has no map", format.Name)
	}
	if err == nil && !format.Block && c.Mode == "block" {
		r.problem(at+".mode", "a %s file is mailallow's as a whole: there is no block in it", format.Name)
	}
	if c.OnChange != nil && (len(c.OnChange) == 0 || c.OnChange[0] == "") {
		r.problem(at+".on_change", "on_change names no program: it is a list like [\"postfix\", \"reload\"]")
	}
	if len(c.OnChange) > 0 {
		t.OnChange = append([]string{r.program(c.OnChange[0])}, c.OnChange[1:]...)
	}
	t.Makemap = r.program(c.Makemap)
	if r.root != "" {
		t.OnChange = nil // the services below another root are not the ones that run here
	}
	t.Want = r.selection(at, c)
	return t
}

func (r reader) selection(at string, c targetConfig) accessmap.Selection {
	var want accessmap.Selection
	r.number(at+".max_keys", c.MaxKeys, 1, 100_000_000, &want.MaxKeys)
	if c.Families != nil {
		want.NoIPv4, want.NoIPv6 = !slices.Contains(c.Families, "ipv4"), !slices.Contains(c.Families, "ipv6")
		if want.NoIPv4 && want.NoIPv6 {
			r.problem(at+".families", "families names neither \"ipv4\" nor \"ipv6\"")
		}
	}
	for i, family := range c.Families {
		r.oneOf(fmt.Sprintf("%s.families[%d]", at, i), family, "ipv4", "ipv6")
	}
	if c.Only != nil && len(c.Only) == 0 {
		r.problem(at+".only", "only names no action")
	}
	for i, name := range c.Only {
		a, err := allowlist.ParseAction(name)
		switch {
		case err != nil:
			r.problem(fmt.Sprintf("%s.only[%d]", at, i), "%w", err)
		case a == allowlist.Exclude:
			r.problem(fmt.Sprintf("%s.only[%d]", at, i), "EXCLUDE stands in no output")
		}
		want.Only = append(want.Only, a)
	}
	return want
}

func (r reader) check(at string, err error) {
	if err != nil {
		r.problem(at, "%w", err)
	}
}

func (r reader) oneOf(at, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		r.problem(at, "%s: %q is not one of %s", keyOf(at), value, strings.Join(known, ", "))
	}
}

// keyOf is the key at the end of a place: that of "source[2].max_age" is max_age.
func keyOf(place string) string { return place[strings.LastIndexByte(place, '.')+1:] }

func (r reader) number(at string, value *int, least, most int, into *int) {
	switch {
	case value == nil:
	case *value < least || *value > most:
		r.problem(at, "%s = %d is not between %d and %d", keyOf(at), *value, least, most)
	default:
		*into = *value
	}
}

func (r reader) duration(at, value string, into *time.Duration) {
	if value == "" {
		return
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		r.problem(at, "%s = %q is no duration: write \"500ms\", \"2s\" or \"72h\"", keyOf(at), value)
		return
	}
	*into = d
}

func (r reader) percent(at, value string, into *allowlist.Percent) {
	if value == "" {
		return
	}
	digits, isPercent := strings.CutSuffix(value, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !isPercent {
		r.problem(at, "%s = %q is no share: write \"30%%\"", keyOf(at), value)
		return
	}
	*into = allowlist.Percent(n)
}
