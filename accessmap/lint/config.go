package lint

import "mailallow/allowlist/fault"

// Configuration is what is known of a configuration of mailallow's, which only the command can read.
type Configuration struct {
	Mistakes     []*fault.AtLine
	SharedRelays []SharedRelay
}

// SharedRelay is a source whose action is RELAY and which holds hosts of a provider with many customers.
type SharedRelay struct {
	Source string // its name
	Title  string // of the provider
	Line   int    // 0: not known
}

// Config says what is wrong in a configuration.
func Config(c Configuration) (findings []Finding) {
	l := newLinter()
	for _, r := range l.rules {
		if r.config != nil {
			l.report(r, r.config(c)...)
		}
	}
	return l.findings
}

func configMistakes(c Configuration) (found []Finding) {
	for _, m := range c.Mistakes {
		found = append(found, Finding{Line: m.Line, Text: m.Err.Error()})
	}
	return found
}
