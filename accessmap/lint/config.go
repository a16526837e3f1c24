package lint

import "mailallow/allowlist/fault"

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
func Config(c Configuration) (findings []Finding) {
	l := newLinter()
	l.each(func(r *Rule) []Finding { return r.config.of(c) })
	return l.findings
}

func configMistakes(c Configuration) (found []Finding) {
	for _, m := range c.Mistakes {
		found = append(found, Finding{Line: m.Line, Text: m.Err.Error()})
	}
	return found
}
