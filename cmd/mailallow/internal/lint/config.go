package lint

import (
	"errors"
	"fmt"

	"mailallow/accessmap/lint"
	"mailallow/allowlist"
	"mailallow/allowlist/fault"
	"mailallow/cmd/mailallow/internal/config"
)

// config gives the mistakes in a configuration, or in one without any the sources that
// let every customer of a provider relay.
func (l *check) config(path string, text []byte) (findings []lint.Finding) {
	file, err := config.Decode(path, text)
	if err != nil {
		var at *fault.AtLine
		if !errors.As(err, &at) {
			at = &fault.AtLine{Err: err}
		}
		return []lint.Finding{{Line: at.Line, Rule: "config", Text: at.Err.Error()}}
	}
	s, err := file.Settings(l.root)
	if err == nil {
		return l.sharedSources(file, s)
	}
	for _, problem := range file.Problems() {
		findings = append(findings, lint.Finding{Line: problem.Line, Rule: "config", Text: problem.Err.Error()})
	}
	if len(findings) == 0 {
		findings = append(findings, lint.Finding{Rule: "config", Text: err.Error()})
	}
	return findings
}

// sharedSources finds RELAY on hosts that send for many customers.
func (l *check) sharedSources(file *config.File, s *config.Settings) (findings []lint.Finding) {
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
			if prefix, _, err := allowlist.ParseCIDR(item); title == "" && err == nil {
				title, place = l.shared.Within(prefix), fmt.Sprintf("%s.cidr[%d]", at, n)
			}
		}
		if title != "" {
			findings = append(findings, lint.Finding{Line: file.Line(place), Rule: "shared-relay", Fix: `action = "OK"`,
				Text: fmt.Sprintf("source %q: it holds hosts of %s: RELAY lets each of their customers relay through this server, OK only lets their mail in",
					src.Name, title)})
		}
	}
	return findings
}
