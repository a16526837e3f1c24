// Package lint joins the rooms below it: it tells of a file which of them reads it, checks a configuration of mailallow, and gives
// the rules of all rooms. The findings in a text or of a server come from the room itself.
package lint

import (
	"slices"

	"mailallow/accessmap/lint/access"
	"mailallow/accessmap/lint/address"
	"mailallow/accessmap/lint/list"
	"mailallow/accessmap/lint/rule"
	"mailallow/accessmap/lint/server"
	"mailallow/accessmap/lint/table"
)

// Rules gives all rules, in the order in which `lint --rules` lists them: rules about access files, about Postfix tables
// and lists, about the servers that read them, and about mailallow's own files. A rule of several rooms comes once.
func Rules() (rules []rule.Rule) {
	for _, of := range [][]rule.Rule{address.Rules(), access.Rules(), table.Rules(), list.Rules(), server.Rules(), rule.Of(configRules())} {
		for _, r := range of {
			if !slices.ContainsFunc(rules, func(have rule.Rule) bool { return have.Name == r.Name }) {
				rules = append(rules, r)
			}
		}
	}
	return rules
}

func configRules() []rule.Entry[rule.Check[Configuration]] {
	return []rule.Entry[rule.Check[Configuration]]{
		{Checks: sharedSources, Rule: rule.SharedRelay()},
		{Checks: configMistakes, Rule: rule.Rule{Name: "config", Severity: rule.Error,
			Catches: "a mistake in mailallow's configuration",
			Why:     "update refuses it"}},
		{Checks: withoutEffect, Rule: rule.Rule{Name: "no-effect", Severity: rule.Warning,
			Catches: "a limit in a source or a target that it does not bind, or in [guard] and for no source",
			Why:     "whoever wrote it believes that it binds"}},
		{Checks: mistakenLists, Rule: rule.Rule{Name: "named-list", Severity: rule.Warning,
			Catches: "a list of the configuration with a mistake",
			Why:     "the source is stale, or missing, until its list can be read as a whole"}},
		{Checks: missingFiles, Rule: rule.Rule{Name: "named-file", Severity: rule.Note, // it can be on the host that runs update
			Catches: "a list, snapshot, key_file or ca_file of the configuration that is not here, or that its user may not read",
			Why:     "where update runs, the source would be stale or missing"}},
		{Checks: sourceEnds, Rule: rule.Rule{Name: "until", Severity: rule.Note, // no test of a configuration may fail for the date alone
			Catches: "a source whose last day is over, or within fourteen days",
			Why:     "what it holds leaves the list then, and its owner may want it for longer"}},
	}
}
