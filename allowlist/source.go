package allowlist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"mailallow/allowlist/spf"
)

// Source is one list of addresses and what is to be done with it. Exactly one of
// SPF, Provider, URL, File and CIDR says where the addresses come from.
type Source struct {
	Name   string
	Action Action

	SPF      []string // names whose SPF policy is listed
	Provider string   // a name of the catalogue
	URL      string   // a document on the web
	Select   string   // what to take from it, in jq
	Insecure bool     // http to other hosts than loopback
	File     string   // a list on disk; its path as the configuration has it
	FilePath string   // the same, resolved: what is opened
	CIDR     []string // networks and addresses, in the configuration itself

	Limits Limits
}

// Static tells whether the addresses are the administrator's own and are read
// rather than fetched: such a source may name special-purpose space, and a
// snapshot that does not hold it does not make it missing.
func (s Source) Static() bool { return s.File != "" || s.Inline() }

// Inline tells whether the addresses stand in the configuration itself: they are
// its owner's word, which no limit binds.
func (s Source) Inline() bool { return s.CIDR != nil }

// Definition is a digest of what is fetched, and of nothing else: not the name,
// the action or the limits. A provider's is that of the names it stands for, so
// that writing the names out changes nothing.
func (s Source) Definition() string {
	var parts []string
	switch p, _ := ProviderByName(s.Provider); {
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
	default:
		for _, name := range append(slices.Clone(s.SPF), p.SPF...) {
			parts = append(parts, "spf "+strings.ToLower(strings.TrimSuffix(name, ".")))
		}
		slices.Sort(parts)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Problem is something that a person should know of a source, whether or not it
// was fatal to it. Kind is one word for scripts.
type Problem struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Fetched is what became of one source: ranges, or the error that kept them away.
type Fetched struct {
	Resolved
	Problems []Problem
	Err      error
}

// Fetcher resolves sources. Its fields are shared by all of them.
type Fetcher struct {
	Resolver spf.Resolver
	SPF      spf.Limits
	Now      time.Time
	// MaxFileBytes bounds what is read of a file source; zero means 64 MiB.
	MaxFileBytes int64
	// Web gets the documents of URL sources; without it they are errors.
	Web *Web
	// Last is the last good state, or nil: a URL source that stands in it under
	// the same definition is fetched only if the document changed since.
	Last *Snapshot
	// Done, when set, is called as each source ends, from several goroutines.
	Done func(name string)
}

// Fetch resolves all sources at once; what comes back is in their order. One
// that fails does not stop the others: its error is in its own place.
func (f *Fetcher) Fetch(ctx context.Context, sources []Source) []Fetched {
	out := make([]Fetched, len(sources))
	var wait sync.WaitGroup
	for i, src := range sources {
		wait.Go(func() {
			out[i] = f.fetch(ctx, src)
			if f.Done != nil {
				f.Done(src.Name)
			}
		})
	}
	wait.Wait()
	return out
}

func (f *Fetcher) fetch(ctx context.Context, src Source) Fetched {
	out := Fetched{Resolved: Resolved{Name: src.Name, Definition: src.Definition(), Time: f.Now}}
	if p, ok := ProviderByName(src.Provider); ok && p.URL != "" {
		src.URL, src.Select = p.URL, p.Select
	}
	switch {
	case src.Inline():
		out.Ranges, out.Problems, out.Err = src.readCIDR()
	case src.File != "":
		out.Ranges, out.Problems, out.Err = f.readFile(src)
	case src.URL != "":
		f.document(ctx, src, &out)
	case src.Provider != "":
		out.Ranges, out.Problems, out.Err = f.provider(ctx, src.Provider)
	default:
		out.Ranges, out.Problems, out.Err = f.walk(ctx, src.SPF)
	}
	return out
}

func (f *Fetcher) provider(ctx context.Context, name string) (Ranges, []Problem, error) {
	p, ok := ProviderByName(name)
	switch {
	case !ok:
		return Ranges{}, nil, fmt.Errorf("unknown provider %q: 'mailallow providers' lists them", name)
	case p.Unlistable != "":
		return Ranges{}, nil, fmt.Errorf("provider %q cannot be listed: %s", p.Name, p.Unlistable)
	}
	return f.walk(ctx, p.SPF)
}

// document fetches the document of a URL source, or takes its last good ranges
// when it has not changed. The validator is kept only of a document that nothing
// is to be said about: what is said of it, or dropped from it as the guard is set
// now, must not be lost when it comes back unchanged.
func (f *Fetcher) document(ctx context.Context, src Source, out *Fetched) {
	if f.Web == nil {
		out.Err = errors.New("documents on the web are not fetched in this run")
		return
	}
	var last *Resolved
	if there, ok := f.Last.Find(src.Name); ok && there.Definition == out.Definition {
		last = &there
	}
	var doc Document
	doc, out.Problems, out.Err = f.Web.Document(ctx, src, last)
	out.Ranges = doc.Ranges
	if _, special := dropSpecial(doc.Ranges); len(out.Problems) == 0 && len(special) == 0 {
		out.Validator = doc.Validator
	}
}

// walk lists SPF policies. A policy that cannot be listed whole makes the source
// stale and not smaller, so any error is one for all of its names; a term that
// can never be listed is a problem and no error.
func (f *Fetcher) walk(ctx context.Context, names []string) (ranges Ranges, problems []Problem, _ error) {
	results := make([]spf.Result, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { results[i] = spf.Walk(ctx, f.Resolver, name, f.SPF) })
	}
	wait.Wait()

	var failed []error
	for _, res := range results {
		for _, p := range res.Problems {
			problems = append(problems, Problem{Kind: p.Kind, Text: p.String()})
		}
		if res.Error != "" {
			failed = append(failed, fmt.Errorf("the SPF policy of %s cannot be listed: %s", printable(res.Domain), res.Error))
		}
		for _, r := range res.Ranges {
			for _, p := range r.Prefixes {
				ranges.Add(Range{Prefix: p, Path: r.Path})
			}
		}
	}
	if err := errors.Join(failed...); err != nil {
		return Ranges{}, problems, err
	}
	return ranges, problems, nil
}

// readCIDR reads an inline list. Its errors name the item; the configuration
// knows the line.
func (s Source) readCIDR() (ranges Ranges, problems []Problem, _ error) {
	var failed []error
	for _, item := range s.CIDR {
		p, note, err := ParseCIDR(item)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if note != "" {
			problems = append(problems, Problem{Kind: "canonicalised", Text: note})
		}
		ranges.Add(Range{Prefix: p, Path: []string{"cidr " + p.String()}})
	}
	return ranges, problems, errors.Join(failed...)
}

// ParseCIDR reads a network or a single address as an administrator writes it.
// Host bits and IPv4-mapped IPv6 are taken for the network that is meant, and
// note says so; it is empty when there is nothing to say.
func ParseCIDR(s string) (p netip.Prefix, note string, err error) {
	if addr, addrErr := netip.ParseAddr(s); addrErr == nil && addr.Zone() == "" {
		p = netip.PrefixFrom(addr, addr.BitLen())
	} else if p, err = netip.ParsePrefix(s); err != nil {
		return netip.Prefix{}, "", fmt.Errorf("\"%s\" is no address and no network: write 192.0.2.0/24, 192.0.2.7 or 2001:db8::/32", cutText(s))
	}
	meant, changed := canonical(p)
	if changed {
		note = fmt.Sprintf("%s is read as %s", s, meant)
	}
	return meant, note, nil
}
