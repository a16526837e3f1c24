package access

import (
	"context"

	"mailallow/accessmap/lint/rule"
)

// Rules gives the rules about access files and their maps.
func Rules() []rule.Rule { return append(rule.Of(rules()), rule.Of(mapRules())...) }

// rules is the table of the rules about the text. Checks of one kind run in its order.
func rules() []rule.Entry[checks] {
	return []rule.Entry[checks]{
		{Checks: checks{tag: blankInKey}, Rule: rule.Rule{Name: "blank-in-key", Severity: rule.Error,
			Catches: "a blank between a tag and its key",
			Why:     "the key is the tag alone, and the rest its value"}},
		{Checks: checks{value: valueComment}, Rule: rule.ValueComment()},
		{Checks: checks{value: unknownValue}, Rule: rule.Rule{Name: "value", Severity: rule.Error,
			Catches: "a value that Sendmail does not know, on an address",
			Why:     "it is an error reply, and refuses"}},
		{Checks: checks{value: skipValue}, Rule: rule.Rule{Name: "skip", Severity: rule.Error,
			Catches: "SKIP where access_db was not configured with `skip'",
			Why:     "it is an error reply there, and refuses"}},
		{Checks: checks{name: unknownTag}, Rule: rule.Rule{Name: "tag", Severity: rule.Error,
			Catches: "a misspelt tag or the word of another program, as Conect: or IP:, or = in place of its colon",
			Why:     "Sendmail looks up no such key: it never matches"}},
		{Checks: checks{name: nameForm}, Rule: rule.Rule{Name: "name-form", Severity: rule.Error,
			Catches: "a name or mail address with a dot or @ before it, a dot, colon or port after it, a *, < and >, a sign before an address, a second tag, or two with a comma",
			Why:     "Sendmail looks up no such key: it never matches"}},
		{Checks: checks{file: onlyZero}, Rule: rule.Rule{Name: "one-address", Severity: rule.Warning,
			Catches: "the key of an address that ends in .0, and not of the network",
			Why:     "it matches one address"}},
		{Checks: checks{keys: duplicates}, Rule: rule.Rule{Name: "duplicate", Severity: rule.Error,
			Catches: "a key that is in the file already",
			Why:     "makemap keeps the first, and fails"}},
		{Checks: checks{file: shadowed}, Rule: rule.Rule{Name: "shadowed", Severity: rule.Warning,
			Catches: "an address key that decides otherwise than it looks",
			Why:     "Sendmail finds the same key with Connect: first, or a key without tag wins that its writer does not expect"}},
		{Checks: checks{file: redundant}, Rule: rule.Redundant()},
		{Checks: checks{tag: senderDomain}, Rule: rule.Rule{Name: "sender-domain", Severity: rule.Warning,
			Catches: "OK or RELAY on an untagged IPv4 key under delay_checks",
			Why:     "it also matches a forged sender domain that ends in the key"}},
		{Checks: checks{file: sharedRelay}, Rule: rule.SharedRelay()},
		{Checks: checks{file: wide}, Rule: rule.Wide()},
		{Checks: checks{file: special}, Rule: rule.SpecialSpace()},
		{Checks: checks{line: keyWithoutValue}, Rule: rule.MissingValue()},
		{Checks: checks{line: indentedLine, indent: indentedEntry}, Rule: rule.LeadingBlank()},
		{Checks: checks{line: longLine}, Rule: rule.Rule{Name: "long-line", Severity: rule.Error,
			Catches: "a line that makemap cuts in two",
			Why:     "it reads the rest as a line of its own, which may hold a key, even in a comment"}},
		{Checks: checks{text: byteOrderMark, line: controlBytes}, Rule: rule.Rule{Name: "control", Severity: rule.Error,
			Catches: "a CR at the end of lines, a NUL byte, a byte order mark",
			Why:     "they become part of a value or a key, or end the line for makemap"}},
		{Checks: checks{own: unusedIPv6}, Rule: rule.Rule{Name: "ipv6-unused", Severity: rule.Note,
			Catches: "OK keys for IPv6 clients where nothing in sendmail.cf would refuse such a client",
			Why:     "DNSBL features ask about IPv4 clients alone: the keys change nothing"}},
		{Checks: checks{own: blockProblems}, Rule: rule.Rule{Name: "block", Severity: rule.Error,
			Catches: "markers of mailallow's block that are not one pair, or lines in the block that mailallow did not write",
			Why:     "update refuses the file, or replaces the lines"}},
	}
}

// mapCheck looks at a map. An empty problem is no finding.
type mapCheck func(context.Context, builtMap) (problem string, err error)

func mapRules() []rule.Entry[mapCheck] {
	return []rule.Entry[mapCheck]{
		{Checks: mapOlder, Rule: rule.Rule{Name: "map-older", Severity: rule.Warning,
			Catches: "a map that is older than its text",
			Why:     "later changes of the text are not in effect"}},
		{Checks: mapDiffers, Rule: rule.Rule{Name: "map-differs", Severity: rule.Error,
			Catches: "a map that differs from its text",
			Why:     "Sendmail reads only the map"}},
	}
}
