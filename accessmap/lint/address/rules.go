package address

import "mailallow/accessmap/lint/rule"

// Rules gives the rules about addresses that Sendmail does not find as they are written.
func Rules() []rule.Rule { return rule.Of(rules()) }

// rules is the table of the rules. Of a key the first rule with a fault decides.
func rules() []rule.Entry[func(addressKey) *Fault] {
	return []rule.Entry[func(addressKey) *Fault]{
		{Checks: mappedKey, Rule: rule.Mapped()},
		{Checks: networkKey, Rule: rule.Rule{Name: "cidr", Severity: rule.Error,
			Catches: "a network as 192.0.2.0/24, a netmask or A-B in an access key",
			Why:     "Sendmail cuts addresses at octets and 16-bit groups and looks up nothing else: the key never matches"}},
		{Checks: ipv6WithoutFamily, Rule: rule.Rule{Name: "ipv6-prefix", Severity: rule.Error,
			Catches: "an IPv6 key without IPv6: before it",
			Why:     "Sendmail looks up IPv6:2001:db8:..., never 2001:db8:..."}},
		{Checks: ipv6Form, Rule: rule.Rule{Name: "ipv6-form", Severity: rule.Error,
			Catches: "an IPv6 key with ::, leading zeros or a colon at its end",
			Why:     "Sendmail looks up groups without leading zeros and without ::"}},
		{Checks: addressForm, Rule: rule.Rule{Name: "address-form", Severity: rule.Error,
			Catches: "a malformed IPv4 key: 192.0.2., 192.0.2.*, 192.0.2.300, 192.0.02; a name as *.example.com",
			Why:     "Sendmail looks up no such key: it never matches"}},
	}
}
