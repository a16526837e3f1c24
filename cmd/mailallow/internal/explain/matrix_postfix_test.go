//go:build linux

package explain

import (
	"math/rand/v2"
	"slices"
	"strings"

	"mailallow/fixtures/host"
)

// postfixMatrix are the servers.
func postfixMatrix() (servers []host.PostfixServer) {
	for _, main := range slices.Concat(smtpdMatrix(), smtpdSpecials()) {
		servers = append(servers, host.PostfixServer{Main: main, Bound: wantsBound(main)})
	}
	for _, main := range postscreenMatrix() {
		servers = append(servers, host.PostfixServer{Main: main, Postscreen: true})
	}
	return servers
}

// wantsBound reports whether a server decides about the real client, whatever XCLIENT says.
func wantsBound(main string) bool {
	return slices.ContainsFunc([]string{"smtpd_delay_reject = no", "smtpd_peername_lookup = no", "permit_inet_interfaces"}, func(setting string) bool {
		return strings.Contains(main, setting)
	})
}

// smtpdMatrix are settings of servers without postscreen.
func smtpdMatrix() (mains []string) {
	const networks = "mynetworks = 127.0.0.1 203.0.113.0/28\n"
	items := []string{"permit_mynetworks", "check_client_access cidr:DIR/good.cidr", "reject_rbl_client list.test", "permit_dnswl_client white.test", "reject_rbl_client list.test=127.0.0.[2..11]"}
	var orders []string
	for i, a := range items {
		for j, b := range items {
			for k, c := range items {
				if i != j && j != k && i != k && !(slices.Contains([]int{i, j, k}, 2) && slices.Contains([]int{i, j, k}, 4)) {
					orders = append(orders, a+", "+b+", "+c)
				}
			}
		}
	}
	for n, order := range orders {
		for m, place := range []string{
			"smtpd_client_restrictions = ORDER",
			"smtpd_helo_restrictions = ORDER",
			"smtpd_sender_restrictions = ORDER",
			"smtpd_relay_restrictions = ORDER, reject_unauth_destination",
			"smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\nsmtpd_recipient_restrictions = ORDER",
			"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = reject_unauth_destination, ORDER",
			"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = ORDER, reject_unauth_destination",
			"smtpd_data_restrictions = ORDER",
		} {
			main := networks + strings.ReplaceAll(place, "ORDER", order) + "\n"
			if (n+m)%2 == 0 {
				main += "smtpd_delay_reject = no\n"
			}
			mains = append(mains, main)
		}
	}
	return mains
}

// smtpdSpecials are settings that each try one thing.
func smtpdSpecials() (mains []string) {
	const guard = "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
	for _, row := range slices.Concat(specialLists(), specialValues(), specialKeys(), specialDNSBLs(), specialDeferrals(), specialNetworks(), specialFaults()) {
		main := row + "\n"
		if !strings.Contains(row, "mynetworks =") {
			main = "mynetworks = 127.0.0.1 203.0.113.0/28\n" + main
		}
		if !strings.Contains(row, "smtpd_relay_restrictions =") {
			main += guard
		}
		mains = append(mains, main)
	}
	return mains
}

// specialLists tries lists and their commands.
func specialLists() []string {
	return []string{
		"smtpd_client_restrictions =",
		"smtpd_client_restrictions = reject",
		"smtpd_client_restrictions = defer\nsmtpd_delay_reject = no",
		"smtpd_helo_restrictions = reject",
		"smtpd_helo_restrictions = reject\nsmtpd_delay_reject = no",
		"smtpd_sender_restrictions = defer\ndefer_code = 451",
		"smtpd_sender_restrictions = reject\nreject_code = 550\nsmtpd_delay_reject = no",
		"smtpd_recipient_restrictions = permit_auth_destination, reject",
		"smtpd_recipient_restrictions = permit_mx_backup, reject",
		"smtpd_recipient_restrictions = reject_unlisted_recipient, reject_non_fqdn_recipient, reject_unauth_pipelining",
		"smtpd_data_restrictions = reject",
		"smtpd_data_restrictions = check_client_access cidr:DIR/good.cidr, reject_rbl_client list.test",
		"smtpd_data_restrictions = cidr:DIR/good.cidr",
	}
}

// specialValues tries values of access tables, in each list, with and without a message.
func specialValues() []string {
	return []string{
		"smtpd_client_restrictions = check_client_access cidr:DIR/words.cidr, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access cidr:DIR/words.cidr, reject_rbl_client list.test\nsmtpd_delay_reject = no",
		"smtpd_recipient_restrictions = check_client_access cidr:DIR/words.cidr, reject_rbl_client list.test",
		"smtpd_data_restrictions = check_client_access cidr:DIR/words.cidr, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access cidr:DIR/words.cidr\nsmtpd_recipient_restrictions = reject",
		"smtpd_client_restrictions = warn_if_reject check_client_access cidr:DIR/words.cidr, reject_rbl_client other.test",
		"smtpd_client_restrictions = check_client_access cidr:DIR/words.cidr\nsoft_bounce = yes",
		"smtpd_client_restrictions = check_client_access cidr:DIR/words.cidr\naccess_map_reject_code = 521\naccess_map_defer_code = 421",
	}
}

// specialKeys tries keys of access tables: names, networks at the borders of octets, types, classes, several tables in one.
func specialKeys() []string {
	return []string{
		"smtpd_client_restrictions = check_client_access texthash:DIR/names, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access texthash:DIR/noname, reject_rbl_client list.test",
		"smtpd_client_restrictions = texthash:DIR/names, reject_rbl_client list.test\nparent_domain_matches_subdomains =",
		"smtpd_client_restrictions = texthash:DIR/names\nsmtpd_peername_lookup = no",
		"smtpd_client_restrictions = check_client_access inline:{192.0.2=REJECT 198.51.100.5=OK}, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access unionmap:{cidr:DIR/good.cidr,texthash:DIR/noname}, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access regexp:{{/^192/ permit} {/example$$/ REJECT nobody}}, reject_rbl_client list.test",
		"smtpd_client_restrictions = check_client_access static:DUNNO, check_client_access static:{REJECT all}",
		"smtpd_client_restrictions = check_reverse_client_hostname_access inline:{mail.bad.example=REJECT}, check_client_access cidr:DIR/good.cidr",
		"smtpd_client_restrictions = check_reverse_client_hostname_access cidr:DIR/good.cidr, reject_rbl_client list.test",
		"smtpd_client_restrictions = reject_unknown_client_hostname",
		"smtpd_client_restrictions = check_client_access cidr:DIR/good.cidr, reject_unknown_client_hostname\nunknown_client_reject_code = 550",
		"smtpd_restriction_classes = lists, mine\nlists = reject_rbl_client list.test, reject_rbl_client other.test\nmine = check_client_access cidr:DIR/good.cidr, lists\nsmtpd_client_restrictions = permit_mynetworks, mine",
		"smtpd_restriction_classes = lists\nlists = reject_rbl_client list.test, reject_rbl_client other.test\nsmtpd_client_restrictions = warn_if_reject lists, check_client_access cidr:DIR/good.cidr",
		"smtpd_restriction_classes = lists\nlists = reject_rbl_client list.test, permit\nsmtpd_client_restrictions = lists, reject",
		"smtpd_restriction_classes = lists\nlists = reject_rbl_client list.test\nsmtpd_client_restrictions = check_client_access inline:{198.51.100=lists}, check_client_access inline:{198.51=REJECT}",
	}
}

// specialDNSBLs tries lists in the DNS.
func specialDNSBLs() []string {
	return []string{
		"smtpd_client_restrictions = reject_rbl_client list.test=127.0.0.2, reject_rbl_client other.test=127.0.0.[5..9;10]",
		"smtpd_client_restrictions = reject_rbl_client list.test=127.0.0.[3..11], reject_rbl_client other.test=[127.0.0.[4]]",
		"smtpd_client_restrictions = warn_if_reject reject_rbl_client list.test, reject_rbl_client other.test",
		"smtpd_client_restrictions = reject_maps_rbl\nmaps_rbl_domains = list.test, other.test",
		"smtpd_client_restrictions = reject_rbl list.test\nmaps_rbl_reject_code = 550",
		"smtpd_client_restrictions = reject_rbl_client list.test\nrbl_reply_maps = texthash:DIR/replies",
		"smtpd_client_restrictions = reject_rbl_client list.test\ndefault_rbl_reply = $rbl_code 5.7.9 $rbl_class $client_address of ${client_name} is in ${rbl_domain:nothing}${rbl_reason?{: $rbl_reason}:{.}}",
		"smtpd_client_restrictions = reject_rbl_client list.test\ndefault_rbl_reply = nonsense",
		"smtpd_client_restrictions = reject_rbl_client list.test\nsoft_bounce = yes",
		"smtpd_client_restrictions = permit_dnswl_client white.test=127.0.[0..255].[1..3], reject_rbl_client list.test",
		"smtpd_client_restrictions = permit_dnswl_client white.test\nsmtpd_recipient_restrictions = reject_rbl_client list.test",
		"smtpd_client_restrictions = permit_dnswl_client white.test, reject\nsmtpd_delay_reject = no",
		"smtpd_client_restrictions = reject_rhsbl_client list.test, reject_rhsbl_reverse_client list.test, permit_rhswl_client white.test",
	}
}

// specialDeferrals tries defer_if_permit and defer_if_reject.
func specialDeferrals() []string {
	return []string{
		"smtpd_client_restrictions = defer_if_permit",
		"smtpd_client_restrictions = defer_if_reject, reject_rbl_client list.test",
		"smtpd_client_restrictions = defer_if_reject\nsmtpd_recipient_restrictions = reject_rbl_client list.test",
		"smtpd_recipient_restrictions = defer_if_permit, defer_if_reject, reject",
		"smtpd_client_restrictions = warn_if_reject defer_if_permit, check_client_access cidr:DIR/good.cidr",
		"smtpd_data_restrictions = defer_if_permit",
	}
}

// specialNetworks tries mynetworks.
func specialNetworks() []string {
	return []string{
		"mynetworks = 127.0.0.0/8 203.0.113.8/29\nsmtpd_client_restrictions = permit_mynetworks, reject_rbl_client list.test",
		"mynetworks = 198.51.100.0/29, 203.0.113.9/29 192.0.2.0/24\nsmtpd_client_restrictions = permit_mynetworks, reject_rbl_client list.test",
		"mynetworks = 203.0.113.9/29\npermit_nothing = permit_mynetworks\nsmtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination",
		"mynetworks = DIR/networks, [2001:db8:2::]/48 [2001:db8:3::1]\nsmtpd_client_restrictions = permit_mynetworks, reject_rbl_client list.test",
		"mynetworks = !192.0.2.1, 192.0.2.0/24 cidr:DIR/good.cidr good.example\nsmtpd_client_restrictions = permit_mynetworks, reject_rbl_client list.test",
		"mynetworks = !cidr:DIR/good.cidr 0.0.0.0/0\nsmtpd_client_restrictions = permit_mynetworks, reject",
		"mynetworks = 2001:db8::/32\nsmtpd_client_restrictions = permit_mynetworks",
		"mynetworks = DIR/missing 192.0.2.0/24\nsmtpd_client_restrictions = permit_mynetworks",
		"mynetworks = 192.0.2.0/28 # comment\nsmtpd_client_restrictions = permit_mynetworks, reject",
		"mynetworks = 192.0.2.0/33 198.51.100.4",
	}
}

// specialFaults tries what is broken, and who may relay.
func specialFaults() []string {
	return []string{
		"smtpd_client_restrictions = permit_mynetworks, check_client_access cidr:DIR/missing.cidr, permit",
		"smtpd_client_restrictions = check_client_access hash:DIR/missing, permit",
		"smtpd_client_restrictions = warn_if_reject check_client_access hash:DIR/missing",
		"smtpd_client_restrictions = check_client_access DIR/good.cidr",
		"smtpd_client_restrictions = nosuch_restriction",
		"smtpd_client_restrictions = check_client_access nosuchtype:DIR/x",
		"smtpd_client_restrictions = reject_rbl_client",
		"smtpd_relay_before_recipient_restrictions = no\nsmtpd_recipient_restrictions = reject_rbl_client list.test\nsmtpd_relay_restrictions = defer_unauth_destination",
		"smtpd_relay_restrictions = check_client_access cidr:DIR/good.cidr, defer_unauth_destination",
		"smtpd_relay_restrictions = permit_inet_interfaces, permit_sasl_authenticated, reject_unauth_destination",
		"smtpd_relay_restrictions = permit_mynetworks, check_relay_domains",
		"relay_domains_reject_code = 550\nsmtpd_relay_restrictions = reject_unauth_destination",
	}
}

// postscreenMatrix are settings of servers with postscreen.
func postscreenMatrix() (mains []string) {
	for _, access := range []string{"", "permit_mynetworks", "permit_mynetworks, cidr:DIR/screen.cidr", "cidr:DIR/missing.cidr, permit", "nosuch, permit", "cidr:DIR/words.cidr", "cidr:DIR/words.cidr, reject"} {
		for _, sites := range []string{"", "list.test", "list.test=127.0.0.[2..11]*2, other.test*2 white.test*-2", "list.test=127.0.0.2, list.test=127.255.255.254*3, other.test=127.0.0.4"} {
			for _, action := range []string{"ignore", "enforce", "drop"} {
				if sites == "" && action == "drop" {
					continue
				}
				main := "mynetworks = 127.0.0.1 203.0.113.0/28\npostscreen_access_list = " + access + "\npostscreen_dnsbl_sites = " + sites +
					"\npostscreen_dnsbl_action = " + action + "\npostscreen_denylist_action = " + action + "\n"
				mains = append(mains, main)
			}
		}
	}
	for _, row := range []string{
		"postscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce\npostscreen_dnsbl_threshold = 2",
		"postscreen_dnsbl_sites = list.test*2 white.test*-3\npostscreen_dnsbl_action = enforce\npostscreen_dnsbl_threshold = 2\npostscreen_dnsbl_allowlist_threshold = -1\npostscreen_pipelining_enable = yes",
		"postscreen_dnsbl_sites = white.test*-3\npostscreen_dnsbl_whitelist_threshold = -1\npostscreen_bare_newline_enable = yes",
		"postscreen_pipelining_enable = yes",
		"postscreen_non_smtp_command_enable = yes\npostscreen_access_list = cidr:DIR/screen.cidr",
		"postscreen_access_list = cidr:DIR/screen.cidr\npostscreen_blacklist_action = drop\npostscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce",
		"postscreen_access_list = cidr:DIR/screen.cidr\npostscreen_denylist_action = enforce\nsoft_bounce = yes\npostscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce",
		"postscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce\npostscreen_dnsbl_reply_map = inline:{list.test=a.safe.name}",
		"postscreen_access_list = cidr:DIR/screen.cidr\npostscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce\nsmtpd_client_restrictions = reject_rbl_client list.test",
		"postscreen_access_list = cidr:DIR/screen.cidr\nsmtpd_client_restrictions = check_client_access cidr:DIR/good.cidr, reject_rbl_client list.test",
		"postscreen_access_list = permit_mynetworks\nmynetworks = 203.0.113.8/29\npostscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce",
		"postscreen_greet_wait = 5s\npostscreen_dnsbl_sites = list.test\npostscreen_dnsbl_action = enforce\npostscreen_greet_action = enforce\npostscreen_greet_banner = wait",
	} {
		if !strings.Contains(row, "mynetworks =") {
			row = "mynetworks = 127.0.0.1 203.0.113.0/28\n" + row
		}
		mains = append(mains, row+"\n")
	}
	return mains
}

// randomSmtpd are settings of a server with up to four restrictions in each list. What the walk does not ask passes these clients.
func randomSmtpd(random *rand.Rand) string {
	items := []string{
		"permit_mynetworks", "check_client_access cidr:DIR/good.cidr", "check_client_access cidr:DIR/words.cidr", "check_client_access texthash:DIR/names",
		"check_client_access texthash:DIR/noname", "check_client_access inline:{198.51=OK 192.0=DUNNO}", "check_client_access inline:{2001:db8=lists}",
		"reject_rbl_client list.test", "reject_rbl_client list.test=127.0.0.[2..11]", "reject_rbl_client other.test", "permit_dnswl_client white.test",
		"reject_rhsbl_client list.test", "lists", "mine", "warn_if_reject lists", "warn_if_reject mine", "warn_if_reject reject", "warn_if_reject reject_rbl_client list.test",
		"warn_if_reject check_client_access cidr:DIR/words.cidr", "defer_if_permit", "defer_if_reject", "reject_unknown_client_hostname", "permit_sasl_authenticated",
		"permit_inet_interfaces", "permit_auth_destination", "reject_unauth_destination", "defer_unauth_destination", "reject_non_fqdn_sender", "reject_unknown_sender_domain",
		"check_helo_access inline:{nobody=REJECT}", "check_sender_access inline:{nobody=REJECT}", "reject_invalid_helo_hostname", "reject_unauth_pipelining",
		"check_client_access cidr:DIR/missing.cidr", "nosuch", "permit", "reject", "defer", "reject_unlisted_recipient",
	}
	// The last seven end most sessions, so they are chosen less often.
	choose := func(most int) string {
		var chosen []string
		for range random.IntN(most + 1) {
			if n := random.IntN(len(items) + 40); n < len(items) {
				chosen = append(chosen, items[n])
			} else {
				chosen = append(chosen, items[n%(len(items)-7)])
			}
		}
		return strings.Join(chosen, ", ")
	}
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	main := "mynetworks = " + pick("127.0.0.1 203.0.113.0/28", "203.0.113.8", "203.0.113.9/28 [2001:db8:2::]/48", "!203.0.113.8 203.0.113.0/24 192.0.2.1", "DIR/networks") + "\n" +
		"smtpd_restriction_classes = lists mine\nlists = reject_rbl_client list.test, reject_rbl_client other.test=127.0.0.4\n" +
		"mine = " + pick("check_client_access cidr:DIR/good.cidr, lists", "lists, permit", "warn_if_reject lists, defer_if_reject") + "\n"
	for _, list := range []string{"client", "helo", "sender", "recipient", "data"} {
		main += "smtpd_" + list + "_restrictions = " + choose(4) + "\n"
	}
	relay := choose(2)
	for strings.Contains(", "+relay+",", ", permit,") { // smtpd does not start with a permit before the refusal of relaying
		relay = choose(2)
	}
	main += "smtpd_relay_restrictions = " + strings.TrimPrefix(relay+", "+pick("reject_unauth_destination", "defer_unauth_destination"), ", ") + "\n"
	for _, setting := range []string{"smtpd_delay_reject = no", "soft_bounce = yes", "smtpd_relay_before_recipient_restrictions = no", "parent_domain_matches_subdomains =",
		"rbl_reply_maps = texthash:DIR/replies", "access_map_reject_code = 550", "unknown_client_reject_code = 550"} {
		if random.IntN(4) == 0 {
			main += setting + "\n"
		}
	}
	return main
}

// randomPostscreen are settings of a server with postscreen in front of random restrictions.
func randomPostscreen(random *rand.Rand) string {
	pick := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	several := func(texts ...string) string {
		var chosen []string
		for range random.IntN(4) {
			chosen = append(chosen, pick(texts...))
		}
		return strings.Join(chosen, " ")
	}
	return randomSmtpd(random) +
		"postscreen_access_list = " + several("permit_mynetworks", "cidr:DIR/screen.cidr", "cidr:DIR/good.cidr", "cidr:DIR/words.cidr", "static:dunno", "nosuch", "permit", "reject") + "\n" +
		"postscreen_dnsbl_sites = " + several("list.test", "list.test*2", "list.test=127.0.0.[2..11]*3", "other.test=127.0.0.4*2", "white.test*-2", "white.test=127.0.[0..9].1*-3") + "\n" +
		"postscreen_dnsbl_threshold = " + pick("1", "2", "4") + "\npostscreen_dnsbl_allowlist_threshold = " + pick("0", "-1", "-3") + "\n" +
		"postscreen_dnsbl_action = " + pick("ignore", "enforce", "drop") + "\npostscreen_denylist_action = " + pick("ignore", "enforce", "drop") + "\n" +
		"postscreen_pipelining_enable = " + pick("yes", "no", "no", "no") + "\n"
}
