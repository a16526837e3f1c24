// Package server finds settings of Sendmail and Postfix that keep a list from taking effect, or that let clients relay that should
// only send mail. It takes settings as values, and reads no more of the files than their owners and modes.
package server

import "mailallow/accessmap/lint/rule"

// Rules gives the rules about the settings of the servers.
func Rules() []rule.Rule { return append(rule.Of(sendmailRules()), rule.Of(postfixRules())...) }

func sendmailRules() []rule.Entry[sendmailChecks] {
	return []rule.Entry[sendmailChecks]{
		{Checks: sendmailChecks{cf: noAccessMap}, Rule: rule.Rule{Name: "no-access-map", Severity: rule.Error,
			Catches: "a sendmail.cf without an access map",
			Why:     "Sendmail looks no client up in a list"}},
		{Checks: sendmailChecks{cf: otherMap}, Rule: rule.Rule{Name: "other-map", Severity: rule.Error,
			Catches: "a sendmail.cf that reads another map, or another type",
			Why:     "Sendmail does not read the list"}},
		{Checks: sendmailChecks{file: noMapFile}, Rule: noMap()},
		{Checks: sendmailChecks{file: unsafeMap}, Rule: rule.Rule{Name: "unsafe-map", Severity: rule.Error,
			Catches: "a map that Sendmail refuses to open",
			Why:     "every lookup fails"}},
		{Checks: sendmailChecks{cf: compressedIPv6}, Rule: rule.Rule{Name: "compressed-ipv6", Severity: rule.Error,
			Catches: "UseCompressedIPv6Addresses",
			Why:     "with it no exact keys for a network exist"}},
		{Checks: sendmailChecks{cf: deadFeatures}, Rule: deadDNSBL()},
		{Checks: sendmailChecks{cf: unfilteredFeatures}, Rule: dnsblAnswers()},
		{Checks: sendmailChecks{cf: keysShown}, Rule: dnsblKey()},
	}
}

func postfixRules() []rule.Entry[postfixChecks] {
	return []rule.Entry[postfixChecks]{
		{Checks: postfixChecks{network: hostBitsNetwork}, Rule: rule.HostBits()},
		{Checks: postfixChecks{network: noNetwork}, Rule: rule.NoPattern()},
		{Checks: postfixChecks{main: commentInList}, Rule: rule.ValueComment()},
		{Checks: postfixChecks{network: wideNetwork}, Rule: rule.Wide()}, // or open-relay
		{Rule: rule.OpenRelay()},
		{Checks: postfixChecks{network: sharedNetwork}, Rule: rule.SharedRelay()},
		{Checks: postfixChecks{use: noTable}, Rule: noMap()},
		{Checks: postfixChecks{use: namedOtherwise, table: notNamed}, Rule: rule.Rule{Name: "not-named", Severity: rule.Error,
			Catches: "a table that main.cf does not name where its reader looks",
			Why:     "Postfix does not read it"}},
		{Checks: postfixChecks{table: dnsblFirst, main: postscreenFirst}, Rule: rule.Rule{Name: "dnsbl-first", Severity: rule.Warning,
			Catches: "a DNSBL that Postfix asks whatever the table says",
			Why:     "a permit ends only the restriction list that names the table"}},
		{Checks: postfixChecks{main: deadZones}, Rule: deadDNSBL()},
		{Checks: postfixChecks{main: unfilteredZones}, Rule: dnsblAnswers()},
		{Rule: dnsblNow()}, // see Unanswering
		{Checks: postfixChecks{main: zoneKeysShown}, Rule: dnsblKey()},
		{Checks: postfixChecks{use: relayTable}, Rule: rule.Rule{Name: "relay-table", Severity: rule.Error,
			Catches: "a permitting table where relaying is decided",
			Why:     "every address it permits may relay to anywhere"}},
	}
}

func noMap() rule.Rule {
	return rule.Rule{Name: "no-map", Severity: rule.Error,
		Catches: "a map or table that does not exist",
		Why:     "Sendmail and Postfix answer 451, or Sendmail works without it"}
}

func deadDNSBL() rule.Rule {
	return rule.Rule{Name: "dead-dnsbl", Severity: rule.Error,
		Catches: "a DNSBL that was shut down",
		Why:     "it lists nobody, and may refuse everybody one day"}
}

func dnsblAnswers() rule.Rule {
	return rule.Rule{Name: "dnsbl-answers", Severity: rule.Error,
		Catches: "a DNSBL with answers that are no listings, without a filter for those that are",
		Why:     "a list that does not answer this resolver has all mail refused"}
}

func dnsblNow() rule.Rule {
	return rule.Rule{Name: "dnsbl-now", Severity: rule.Error,
		Catches: "with --dns: a DNSBL that does not answer this host's resolver, or that lists everything",
		Why:     "it keeps every client waiting, lets in whom it lists, or has all mail refused"}
}

func dnsblKey() rule.Rule {
	return rule.Rule{Name: "dnsbl-key", Severity: rule.Error,
		Catches: "a refusal that names a DNSBL with the account key",
		Why:     "every client that is refused gets the key"}
}
