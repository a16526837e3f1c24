package lint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"mailallow/accessmap/lint"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/notation"
	"mailallow/cmd/mailallow/internal/catalogue"
	"mailallow/cmd/mailallow/internal/config"
)

// config checks a configuration. If it has mistakes, they are the only findings.
func (l *check) config(ctx context.Context, path string, text []byte) []rule.Finding {
	var c lint.Configuration
	s, err := config.Parse(path, text, config.Flags{Root: l.root})
	if err == nil {
		c.SharedRelays, c.NoEffect = l.sharedRelays(s), s.Warnings
		c.Ends = ending(s, time.Now())
		files(ctx, s, &c)
	}
	for _, mistake := range fault.Each(err) {
		at := &fault.AtLine{Err: mistake}
		errors.As(mistake, &at)
		c.Mistakes = append(c.Mistakes, at)
	}
	return lint.Config(c)
}

// endsSoon is how long before its last day lint tells of a source: time to ask its owner.
const endsSoon = 14 * 24 * time.Hour

// ending finds the sources whose last day is over, or soon is.
func ending(s *config.Settings, now time.Time) (ends []*fault.AtLine) {
	for i, src := range s.Sources {
		text := "source %q ends within fourteen days (%s): give it a later day if it is wanted for longer"
		switch {
		case src.Ended(now):
			text = "source %q has ended (%s): take it out, or give it a later day"
		case !src.EndsWithin(endsSoon, now):
			continue
		}
		ends = append(ends, &fault.AtLine{Line: s.Line(fmt.Sprintf("source[%d].until", i)), Err: fmt.Errorf(text, src.Name, src.Life)})
	}
	return ends
}

// files looks at the files that a configuration names, as a run does.
func files(ctx context.Context, s *config.Settings, c *lint.Configuration) {
	add := func(at, what string, err error) {
		for _, err := range fault.Each(err) {
			found := &c.Mistaken
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				found = &c.Missing
			}
			*found = append(*found, &fault.AtLine{Line: s.Line(at), Err: fmt.Errorf("%s: %w", what, err)})
		}
	}
	missing := func(at, path string) {
		if path != "" && isMissing(path) {
			add(at, path, fs.ErrNotExist)
		}
	}
	for i := range s.Sources {
		src, at := &s.Sources[i], fmt.Sprintf("source[%d]", i)
		if missing(at+".ca_file", src.CAFile); src.File != "" && !src.Ended(time.Now()) {
			add(at+".file", fmt.Sprintf("source %q", src.Name), new(allowlist.Fetcher).Fetch(ctx, s.Sources[i:i+1])[0].Err)
		}
	}
	missing("dnsbl.key_file", s.DNSBL.KeyFile)
	missing("snapshot.ca_file", s.Snapshot.CAFile)
	if !config.IsURL(s.Snapshot.URL) {
		missing("snapshot.url", s.Snapshot.URL)
	}
}

// sharedRelays finds the sources with RELAY that hold hosts of a provider with many
// customers.
func (l *check) sharedRelays(s *config.Settings) (shared []lint.SharedRelay) {
	for i, src := range s.Sources {
		if src.Action != allowlist.Relay {
			continue
		}
		at := fmt.Sprintf("source[%d]", i)
		title, place := "", at+".action"
		if p, ok := src.OnSharedHosts(); ok {
			title = p.Title
		}
		for n, item := range src.CIDR {
			if prefix, _, err := notation.ParseCIDR(item); title == "" && err == nil {
				title, place = catalogue.Shared(prefix), fmt.Sprintf("%s.cidr[%d]", at, n)
			}
		}
		if title != "" {
			shared = append(shared, lint.SharedRelay{Source: src.Name, Title: title, Line: s.Line(place)})
		}
	}
	return shared
}
