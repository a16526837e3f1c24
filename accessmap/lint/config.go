package lint

import (
	"fmt"

	"mailallow/accessmap/lint/rule"
	"mailallow/allowlist/fault"
)

// Configuration holds the facts about a configuration of mailallow. Only the command can read one.
type Configuration struct {
	Mistakes     []*fault.AtLine // line 0: the file as a whole
	NoEffect     []*fault.AtLine // keys that have none
	Ends         []*fault.AtLine // sources whose last day is over, or soon is
	Missing      []*fault.AtLine // files that it names and that are not here
	Mistaken     []*fault.AtLine // mistakes in the lists that it names
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

func configMistakes(c Configuration) []rule.Finding { return findingsOf(c.Mistakes) }

func withoutEffect(c Configuration) []rule.Finding { return findingsOf(c.NoEffect) }

func sourceEnds(c Configuration) []rule.Finding { return findingsOf(c.Ends) }

func missingFiles(c Configuration) []rule.Finding { return findingsOf(c.Missing) }

func mistakenLists(c Configuration) []rule.Finding { return findingsOf(c.Mistaken) }

func findingsOf(faults []*fault.AtLine) (found []rule.Finding) {
	for _, f := range faults {
		found = append(found, rule.Finding{Line: f.Line, Text: f.Err.Error()})
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
