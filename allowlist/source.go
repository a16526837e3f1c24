package allowlist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"mailallow/allowlist/notation"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/spf"
)

// Source is one list of addresses with its action. Exactly one of SPF, Provider,
// Hosts, URL, File, CIDR and FromSnapshot says where the addresses come from.
type Source struct {
	Name   string
	Action Action
	Life

	SPF      []string // names whose SPF policy is listed
	Provider string   // a name of the catalogue
	Hosts    []string // host names; mx:DOMAIN for the hosts of an MX
	URL      string   // a document on the web
	Select   string   // the jq query for a JSON document; empty to read the document as text
	Insecure bool     // allow http to hosts other than loopback
	CAFile   string   // certificate authorities of the server in PEM, in place of the system's; the path to open, or empty
	File     string   // a list on disk: its path in the configuration
	FilePath string   // the path to open: File, resolved against the configuration's directory
	CIDR     []string // networks and addresses, in the configuration

	FromSnapshot bool // a signed snapshot has the definition, with the addresses

	NoIPv4, NoIPv6 bool // nothing of the family is asked or taken
	// AcceptPermError takes of a policy with a permerror what passes before the error. It is not part of the definition: the
	// guard compares what is left with the whole policy.
	AcceptPermError bool

	Limits Limits
	Bounds Bounds
}

// Static reports whether the addresses are in a file or in the configuration of
// this host. Such a source may name special-purpose space, and it is not missing
// if a snapshot does not hold it.
func (s Source) Static() bool { return s.File != "" || s.Inline() }

// AsksDNS reports whether the addresses come from DNS answers alone.
func (s Source) AsksDNS() bool {
	p, _ := ProviderByName(s.Provider)
	return s.SPF != nil || s.Hosts != nil || len(p.SPF) > 0 && p.URL == ""
}

// takes reports whether the source takes networks of the family of p.
func (s Source) takes(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return !s.NoIPv4
	}
	return !s.NoIPv6
}

// Inline reports whether the addresses are in the configuration, where the
// administrator wrote each of them: no limit binds them.
func (s Source) Inline() bool { return s.CIDR != nil }

// Definition gives a digest of the place where the addresses come from; it is empty for one that a snapshot defines. The name,
// the action and the limits do not change it. A provider has the definition of
// its SPF names, so that writing the names out changes nothing.
func (s Source) Definition() string {
	var parts []string
	switch p, _ := ProviderByName(s.Provider); {
	case s.FromSnapshot:
		return ""
	case s.Inline():
		ranges, _, _ := s.readCIDR()
		for p := range ranges.Minimal() {
			parts = append(parts, "cidr "+p.String())
		}
	case s.File != "":
		parts = []string{"file " + s.File}
	case s.URL != "":
		parts = []string{"url " + s.URL, "select " + s.Select}
	case p.URL != "":
		parts = []string{"url " + p.URL, "select " + p.Select}
	case s.Hosts != nil:
		for _, name := range s.hostNames() {
			parts = append(parts, "host "+name.String())
		}
	default:
		for _, name := range append(slices.Clone(s.SPF), p.SPF...) {
			parts = append(parts, "spf "+canonicalName(name))
		}
		slices.Sort(parts)
	}
	for _, family := range []struct {
		name string
		left bool
	}{{"ipv4", s.NoIPv4}, {"ipv6", s.NoIPv6}} {
		if family.left {
			parts = append(parts, "without "+family.name)
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// canonicalName gives one spelling for all spellings of a domain name.
func canonicalName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Problem is a fact about a source that a person should know. It need not stop
// the source. Kind is one word for scripts.
type Problem struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Resolved is one source with its ranges.
type Resolved struct {
	Name string
	// Definition is the Source.Definition of the source when it was resolved.
	Definition string
	// Time is the time of the fetch, in UTC and whole seconds.
	Time time.Time
	// Validator names the state of the document that gave the ranges; nil for other sources.
	Validator *Validator
	// Ranges are canonical; they may overlap.
	Ranges Ranges
}

// Age gives the age of the ranges at now, never below zero.
func (r Resolved) Age(now time.Time) time.Duration { return max(0, now.Sub(r.Time)) }

// Fetched is the result for one source: its ranges, or the error of the fetch.
type Fetched struct {
	Resolved
	Problems []Problem
	Err      error
}

// Fetcher resolves sources. All sources share its fields.
type Fetcher struct {
	Resolver spf.Resolver
	SPF      spf.Limits
	Now      time.Time
	// Web gets the documents of URL sources; if it is nil, URL sources fail.
	Web *Web
	// Last holds the last good states. If it has a URL source under the same definition, the server sends the document
	// only if it has changed.
	Last []Resolved
	// Done, if set, is called at the end of each source, from several goroutines.
	Done func(name string)
}

// Fetch resolves all sources at the same time and gives the results in the order
// of sources. An error of one source is in its result and does not stop the others.
func (f *Fetcher) Fetch(ctx context.Context, sources []Source) []Fetched {
	out := make([]Fetched, len(sources))
	one := func(i int) {
		out[i] = f.fetch(ctx, sources[i])
		if f.Done != nil {
			f.Done(sources[i].Name)
		}
	}
	if len(sources) == 1 { // no goroutine has to start
		one(0)
		return out
	}
	var wait sync.WaitGroup
	for i := range sources {
		wait.Go(func() { one(i) })
	}
	wait.Wait()
	return out
}

// fetch resolves one source within its bounds.
func (f *Fetcher) fetch(ctx context.Context, src Source) Fetched {
	out := Fetched{Resolved: Resolved{Name: src.Name, Definition: src.Definition(), Time: f.Now}}
	bounds := src.bounds()
	if !src.Static() {
		var cancel context.CancelFunc
		ctx, cancel = bounds.within(ctx)
		defer cancel()
	}
	f.resolve(ctx, src, &out)
	if out.Err == nil {
		out.Err = bounds.check(out.Ranges)
	}
	if out.Err != nil {
		out.Ranges = Ranges{}
	}
	return out
}

func (f *Fetcher) resolve(ctx context.Context, src Source, out *Fetched) {
	if p, ok := ProviderByName(src.Provider); ok && p.URL != "" {
		src.URL, src.Select = p.URL, p.Select
	}
	switch {
	case src.FromSnapshot:
		out.Err = errors.New("it is defined in a snapshot, and this run has none: name one with --snapshot or in [snapshot] url")
	case src.Inline():
		out.Ranges, out.Problems, out.Err = src.readCIDR()
	case src.File != "":
		out.Ranges, out.Problems, out.Err = f.readFile(src)
	case src.URL != "":
		f.document(ctx, src, out)
	case src.Hosts != nil:
		out.Ranges, out.Err = f.lookUp(ctx, src)
	case src.Provider != "":
		out.Ranges, out.Problems, out.Err = f.provider(ctx, src)
	default:
		out.Ranges, out.Problems, out.Err = f.walk(ctx, src, src.SPF)
	}
}

// document fetches the document of a URL source, or takes the last good ranges if
// the document has not changed. It keeps the validator only of a document without
// problems: a problem of an unchanged document, or the special-purpose space that
// the guard drops, would be reported in the first run alone.
func (f *Fetcher) document(ctx context.Context, src Source, out *Fetched) {
	if f.Web == nil {
		out.Err = errors.New("documents on the web are not fetched in this run")
		return
	}
	var last *Resolved
	if at := slices.IndexFunc(f.Last, func(r Resolved) bool { return r.Name == src.Name && r.Definition == out.Definition }); at >= 0 {
		last = &f.Last[at]
	}
	var doc Document
	doc, out.Problems, out.Err = f.Web.Document(ctx, src, last)
	out.Ranges = doc.Ranges
	if len(out.Problems) == 0 && !doc.Ranges.NameSpecial() {
		out.Validator = doc.Validator
	}
}

// readCIDR reads an inline list. Its errors name the item; the caller adds the line.
func (s Source) readCIDR() (ranges Ranges, _ []Problem, _ error) {
	var problems Few
	var failed []error
	for _, item := range s.CIDR {
		p, note, err := notation.ParseOwn(item)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if note != "" {
			problems.Add("canonicalised", func() string { return note })
		}
		if s.takes(p) {
			ranges.Add(Range{Prefix: p, Path: provenance.Of("cidr " + p.String())})
		}
	}
	return ranges, problems.inSource(), errors.Join(failed...)
}
