package table

import "mailallow/accessmap/lint/rule"

// Rules gives the rules about Postfix tables.
func Rules() []rule.Rule { return rule.Of(rules()) }

// rules is the table of the rules. Checks of one kind run in its order.
func rules() []rule.Entry[checks] {
	return []rule.Entry[checks]{
		{Checks: checks{value: networkWithoutValue}, Rule: rule.MissingValue()},
		{Checks: checks{line: indentedNetwork}, Rule: rule.LeadingBlank()},
		{Checks: checks{pattern: hostBits}, Rule: rule.HostBits()},
		{Checks: checks{pattern: noPattern, value: blankBeforeSlash}, Rule: rule.NoPattern()},
		{Checks: checks{pattern: accessSyntax}, Rule: rule.Rule{Name: "access-syntax", Severity: rule.Error,
			Catches: "a Sendmail key in a Postfix table",
			Why:     "Postfix skips the line, with a warning only in its log"}},
		{Checks: checks{value: valueComment}, Rule: rule.ValueComment()},
		{Checks: checks{value: tableValue}, Rule: rule.Rule{Name: "table-value", Severity: rule.Error,
			Catches: "RELAY, or another word that the table's reader does not know",
			Why:     "postscreen ignores the rest of its list, and smtpd answers 451"}},
		{Checks: checks{network: unreachable}, Rule: rule.Rule{Name: "unreachable", Severity: rule.Warning,
			Catches: "a line below a wider one with another value, or in an if for other networks, in a Postfix table",
			Why:     "the first match decides"}},
		{Checks: checks{network: redundant}, Rule: rule.Redundant()},
		{Checks: checks{network: mapped}, Rule: rule.Mapped()},
		{Checks: checks{network: wide, value: allBut}, Rule: rule.Wide()}, // or open-relay
		{Rule: rule.OpenRelay()},
		{Checks: checks{network: special}, Rule: rule.SpecialSpace()},
		{Checks: checks{network: sharedRelay}, Rule: rule.SharedRelay()},
		{Checks: checks{line: conditions, end: openConditions}, Rule: rule.Rule{Name: "if", Severity: rule.Error,
			Catches: "an if without endif, or an endif without if",
			Why:     "Postfix skips the line, with a warning only in its log"}},
	}
}
