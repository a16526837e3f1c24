package lint

import "context"

// Severity says how bad a finding is. So far findings of every severity count alike.
type Severity string

const (
	Error   Severity = "error"   // a program refuses the file or a part of it, or does not do what the file says
	Warning Severity = "warning" // programs do what the file says, which is probably not what its writer wants
)

// Rule is an entry of the table of rules: its name, severity and texts, and the checks that make its findings. A rule about
// several kinds of files has a check for each.
type Rule struct {
	Name     string   `json:"name"`
	Severity Severity `json:"-"`
	Catches  string   `json:"catches"`
	Why      string   `json:"why"`

	access   accessChecks
	built    func(context.Context, builtMap) (problem string, err error) // a map; an empty problem is no finding
	cidr     cidrChecks
	sendmail sendmailChecks
	postfix  postfixChecks
	config   check[Configuration]
}

// Rules gives all rules, in the order in which `lint --rules` lists them: rules about access files, about Postfix tables,
// about the servers that read them, and about mailallow's own files. Checks of one kind run in the same order.
func Rules() []Rule {
	return []Rule{
		{Name: "cidr", Severity: Error, access: accessChecks{key: networkKey},
			Catches: "a network as 192.0.2.0/24, a netmask or A-B in an access key",
			Why:     "Sendmail cuts addresses at octets and 16-bit groups and looks up nothing else: the key never matches"},
		{Name: "ipv6-prefix", Severity: Error, access: accessChecks{key: ipv6WithoutFamily},
			Catches: "an IPv6 key without IPv6: before it",
			Why:     "Sendmail looks up IPv6:2001:db8:..., never 2001:db8:..."},
		{Name: "ipv6-form", Severity: Error, access: accessChecks{key: ipv6Form},
			Catches: "an IPv6 key with ::, leading zeros or a colon at its end",
			Why:     "Sendmail looks up groups without leading zeros and without ::"},
		{Name: "address-form", Severity: Error, access: accessChecks{key: addressForm},
			Catches: "a malformed IPv4 key: 192.0.2., 192.0.2.*, 192.0.2.300, 192.0.02; a name as *.example.com",
			Why:     "Sendmail looks up no such key: it never matches"},
		{Name: "blank-in-key", Severity: Error, access: accessChecks{tag: blankInKey},
			Catches: "a blank between a tag and its key",
			Why:     "the key is the tag alone, and the rest its value"},
		{Name: "value-comment", Severity: Error, access: accessChecks{value: valueComment},
			Catches: "a comment after a value",
			Why:     "the comment is part of the value: OK # google is an error reply, and refuses"},
		{Name: "value", Severity: Error, access: accessChecks{value: unknownValue},
			Catches: "a value that Sendmail does not know, on an address",
			Why:     "it is an error reply, and refuses"},
		{Name: "skip", Severity: Error, access: accessChecks{value: skipValue},
			Catches: "SKIP where access_db was not configured with `skip'",
			Why:     "it is an error reply there, and refuses"},
		{Name: "duplicate", Severity: Error, access: accessChecks{keys: duplicates},
			Catches: "a key that is in the file already",
			Why:     "makemap keeps the first, and fails"},
		{Name: "shadowed", Severity: Warning, access: accessChecks{file: shadowed},
			Catches: "an address key that never decides",
			Why:     "Sendmail finds longer keys, or the same key with Connect:, first"},
		{Name: "sender-domain", Severity: Warning, access: accessChecks{tag: senderDomain},
			Catches: "OK or RELAY on an untagged IPv4 key under delay_checks",
			Why:     "it also matches a forged sender domain that ends in the key"},
		{Name: "shared-relay", Severity: Warning, access: accessChecks{file: sharedRelay}, postfix: postfixChecks{network: sharedNetwork}, config: sharedSources,
			Catches: "RELAY on a range of a provider with many customers",
			Why:     "each of them may relay through this server"},
		{Name: "missing-value", Severity: Error, access: accessChecks{line: keyWithoutValue}, cidr: cidrChecks{value: networkWithoutValue},
			Catches: "a key without a value",
			Why:     "makemap refuses the line; Postfix skips it"},
		{Name: "leading-blank", Severity: Error, access: accessChecks{line: indentedLine, indent: indentedEntry}, cidr: cidrChecks{line: indentedNetwork},
			Catches: "a line that begins with a blank",
			Why:     "makemap refuses it; Postfix reads it as part of the line above"},
		{Name: "long-line", Severity: Error, access: accessChecks{line: longLine},
			Catches: "a line that makemap cuts in two",
			Why:     "it reads the rest as a line of its own, which may hold a key, even in a comment"},
		{Name: "control", Severity: Error, access: accessChecks{text: byteOrderMark, line: controlBytes},
			Catches: "a CR at the end of lines, a NUL byte, a byte order mark",
			Why:     "they become part of a value or a key, or end the line for makemap"},
		{Name: "map-older", Severity: Warning, built: mapOlder,
			Catches: "a map that is older than its text",
			Why:     "later changes of the text are not in effect"},
		{Name: "map-differs", Severity: Error, built: mapDiffers,
			Catches: "a map that differs from its text",
			Why:     "Sendmail reads only the map"},

		{Name: "host-bits", Severity: Error, cidr: cidrChecks{pattern: hostBits},
			Catches: "a network with host bits, in a Postfix table",
			Why:     "Postfix skips the line, with a warning only in its log"},
		{Name: "pattern", Severity: Error, cidr: cidrChecks{pattern: noPattern, value: blankBeforeSlash},
			Catches: "a pattern that is no address or network, in a Postfix table",
			Why:     "Postfix skips the line, with a warning only in its log"},
		{Name: "access-syntax", Severity: Error, cidr: cidrChecks{pattern: accessSyntax},
			Catches: "a Sendmail key in a Postfix table",
			Why:     "Postfix skips the line, with a warning only in its log"},
		{Name: "table-value", Severity: Error, cidr: cidrChecks{value: tableValue},
			Catches: "RELAY, or another word that the table's reader does not know",
			Why:     "postscreen ignores the rest of its list, and smtpd answers 451"},
		{Name: "unreachable", Severity: Warning, cidr: cidrChecks{network: unreachable},
			Catches: "a line below a wider one, in a Postfix table",
			Why:     "the first match decides"},
		{Name: "if", Severity: Error, cidr: cidrChecks{line: conditions, end: openConditions},
			Catches: "an if without endif, or an endif without if",
			Why:     "Postfix skips the line, with a warning only in its log"},

		{Name: "no-access-map", Severity: Error, sendmail: sendmailChecks{cf: noAccessMap},
			Catches: "a sendmail.cf without an access map",
			Why:     "Sendmail looks no client up in a list"},
		{Name: "other-map", Severity: Error, sendmail: sendmailChecks{cf: otherMap},
			Catches: "a sendmail.cf that reads another map, or another type",
			Why:     "Sendmail does not read the list"},
		{Name: "no-map", Severity: Error, sendmail: sendmailChecks{file: noMapFile}, postfix: postfixChecks{use: noTable},
			Catches: "a map or table that does not exist",
			Why:     "Sendmail and Postfix answer 451, or Sendmail works without it"},
		{Name: "unsafe-map", Severity: Error, sendmail: sendmailChecks{file: unsafeMap},
			Catches: "a map that Sendmail refuses to open",
			Why:     "every lookup fails"},
		{Name: "compressed-ipv6", Severity: Error, sendmail: sendmailChecks{cf: compressedIPv6},
			Catches: "UseCompressedIPv6Addresses",
			Why:     "with it no exact keys for a network exist"},
		{Name: "not-named", Severity: Error, postfix: postfixChecks{use: namedOtherwise, table: notNamed},
			Catches: "a table that main.cf does not name where its reader looks",
			Why:     "Postfix does not read it"},
		{Name: "dnsbl-first", Severity: Warning, postfix: postfixChecks{table: dnsblFirst, main: postscreenFirst},
			Catches: "a DNSBL that Postfix asks whatever the table says",
			Why:     "a permit ends only the restriction list that names the table"},
		{Name: "relay-table", Severity: Error, postfix: postfixChecks{use: relayTable},
			Catches: "a permitting table where relaying is decided",
			Why:     "every address it permits may relay to anywhere"},

		{Name: "block", Severity: Error, access: accessChecks{own: blockProblems},
			Catches: "markers of mailallow's block that are not one pair, or lines in the block that mailallow did not write",
			Why:     "update refuses the file, or replaces the lines"},
		{Name: "config", Severity: Error, config: configMistakes,
			Catches: "a mistake in mailallow's configuration",
			Why:     "update refuses it"},
	}
}

// check looks at a T. A rule without the check finds nothing there.
type check[T any] func(T) []Finding

func (c check[T]) of(x T) []Finding {
	if c == nil {
		return nil
	}
	return c(x)
}

// checkIn looks at a part T of what the linter L looks at.
type checkIn[L, T any] func(L, T) []Finding

func (c checkIn[L, T]) of(l L, x T) []Finding {
	if c == nil {
		return nil
	}
	return c(l, x)
}

// linter runs the checks of the rules, and gives each finding the name of the rule whose check made it.
type linter struct {
	rules    []*Rule
	findings []Finding
}

func newLinter() linter {
	var l linter
	for _, r := range Rules() {
		l.rules = append(l.rules, &r)
	}
	return l
}

// find runs one check of every rule, in the order of the table.
func (l *linter) find(run func(*Rule) []Finding) (found []Finding) {
	for _, r := range l.rules {
		for _, f := range run(r) {
			f.Rule = r.Name
			found = append(found, f)
		}
	}
	return found
}

// each runs one check of every rule and reports its findings.
func (l *linter) each(run func(*Rule) []Finding) { l.findings = append(l.findings, l.find(run)...) }

func (l *linter) report(rule string, f Finding) {
	f.Rule = rule
	l.findings = append(l.findings, f)
}
