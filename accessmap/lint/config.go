package lint

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist/fault"
)

// Configuration holds the facts about a configuration of mailallow. Only the command can read one.
type Configuration struct {
	Mistakes     []*fault.AtLine // line 0: the file as a whole
	SharedRelays []SharedRelay
}

// SharedRelay is a source with the action RELAY that holds hosts of a provider with many customers.
type SharedRelay struct {
	Source string // its name
	Title  string // of the provider
	Line   int    // 0: not known
}

// Config gives the findings in a configuration.
func Config(c Configuration) (findings []rule.Finding) {
	l := rule.Run[rule.Check[Configuration]]{Table: configRules()}
	l.Each(func(check *rule.Check[Configuration]) []rule.Finding { return check.Of(c) })
	return l.Findings
}

func configMistakes(c Configuration) (found []rule.Finding) {
	for _, m := range c.Mistakes {
		found = append(found, rule.Finding{Line: m.Line, Text: m.Err.Error()})
	}
	return found
}

// sharedSources finds hosts that send for many customers in the sources of a configuration.
func sharedSources(c Configuration) (found []rule.Finding) {
	for _, s := range c.SharedRelays {
		found = append(found, rule.Finding{Line: s.Line, Fix: `action = "OK"`,
			Text: fmt.Sprintf("source %q: it holds hosts of %s: RELAY lets each of their customers relay through this server, OK only lets their mail in",
				s.Source, s.Title)})
	}
	return found
}
