package lint

import (
	"errors"
	"fmt"

	"mailallow/accessmap/lint"
	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/allowlist/notation"
	"mailallow/cmd/mailallow/internal/config"
)

// config checks a configuration. If it has mistakes, they are the only findings.
func (l *check) config(path string, text []byte) []rule.Finding {
	var c lint.Configuration
	s, err := config.Parse(path, text, config.Flags{Root: l.root})
	if err == nil {
		c.SharedRelays, c.NoEffect = l.sharedRelays(s), s.Warnings
	}
	for _, mistake := range fault.Each(err) {
		at := &fault.AtLine{Err: mistake}
		errors.As(mistake, &at)
		c.Mistakes = append(c.Mistakes, at)
	}
	return lint.Config(c)
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
				title, place = l.shared.Within(prefix), fmt.Sprintf("%s.cidr[%d]", at, n)
			}
		}
		if title != "" {
			shared = append(shared, lint.SharedRelay{Source: src.Name, Title: title, Line: s.Line(place)})
		}
	}
	return shared
}
