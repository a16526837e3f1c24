package postfix

import "strings"

// restriction is an entry in the table of smtpd's restrictions (postconf(5), smtpd_recipient_restrictions).
type restriction struct {
	names    string // the name and its older forms, separated by blanks
	argument bool
	// needs is what the restriction looks at. Without it in the session, it has no effect; where it is there and the walk does
	// not know it, the restriction is not asked.
	needs part
	check func(*walk, *Step) status
}

// part is a part of an SMTP session.
type part int

const (
	ofClient    part = iota // its address, which is always known, and its name
	ofHelo                  // the name in HELO
	ofSender                // the address in MAIL FROM
	ofRecipient             // the address in RCPT TO: of this server, or of another one
	ofOthers                // a policy service, or the encryption of the session
)

// what says in words what a restriction would have to know.
func (p part) what() string {
	return map[part]string{ofHelo: "the HELO name is not known", ofSender: "the sender is not known",
		ofRecipient: "the recipient is not known"}[p]
}

// restrictions is the table of all restrictions of smtpd up to Postfix 3.12. A client without a login, without a certificate,
// and with a valid recipient, passes most of them; they are asked nothing.
func restrictions() []restriction {
	return []restriction{
		{names: "permit", check: (*walk).permit},
		{names: "reject", check: (*walk).reject},
		{names: "defer", check: (*walk).deferAll},
		{names: "defer_if_permit", check: (*walk).deferIfPermit},
		{names: "defer_if_reject", check: (*walk).deferIfReject},
		{names: "sleep", argument: true, check: (*walk).pass},
		{names: "check_policy_service", argument: true, needs: ofOthers, check: because("a policy service may permit or refuse")},
		{names: "reject_plaintext_session", needs: ofOthers, check: because("whether the session is encrypted is not known")},
		{names: "reject_unauth_pipelining reject_multi_recipient_bounce", check: (*walk).pass},
		{names: "permit_sasl_authenticated permit_tls_clientcerts permit_tls_all_clientcerts", check: (*walk).pass},
		{names: "check_ccert_access check_sasl_access", argument: true, check: (*walk).pass},

		{names: "permit_mynetworks", check: (*walk).permitMynetworks},
		{names: "permit_inet_interfaces", check: (*walk).permitOwn},
		{names: "check_client_access", argument: true, check: (*walk).checkClient},
		{names: "check_reverse_client_hostname_access", argument: true, check: (*walk).checkReverseClient},
		{names: "reject_unknown_client_hostname reject_unknown_client", check: (*walk).rejectUnknownName},
		{names: "reject_unknown_reverse_client_hostname", check: (*walk).rejectUnknownReverseName},
		{names: "reject_rbl_client reject_rbl", argument: true, check: (*walk).rejectListed},
		{names: "reject_maps_rbl", check: (*walk).rejectMapsRBL},
		{names: "permit_dnswl_client", argument: true, check: (*walk).permitListed},
		{names: "reject_rhsbl_client reject_rhsbl_reverse_client", argument: true, check: (*walk).rejectListedName},
		{names: "permit_rhswl_client", argument: true, check: (*walk).permitListedName},
		{names: "check_client_a_access check_client_mx_access check_client_ns_access " +
			"check_reverse_client_hostname_a_access check_reverse_client_hostname_mx_access check_reverse_client_hostname_ns_access",
			argument: true, check: (*walk).checkNameServers},

		{names: "check_helo_access check_helo_a_access check_helo_mx_access check_helo_ns_access reject_rhsbl_helo", argument: true, needs: ofHelo},
		{names: "reject_invalid_helo_hostname reject_invalid_hostname reject_unknown_helo_hostname reject_unknown_hostname " +
			"reject_non_fqdn_helo_hostname reject_non_fqdn_hostname permit_naked_ip_address", needs: ofHelo},

		{names: "check_sender_access check_sender_a_access check_sender_mx_access check_sender_ns_access reject_rhsbl_sender", argument: true, needs: ofSender},
		{names: "reject_unknown_sender_domain reject_unknown_address reject_non_fqdn_sender reject_unverified_sender reject_unlisted_sender " +
			"reject_sender_login_mismatch reject_authenticated_sender_login_mismatch reject_known_sender_login_mismatch " +
			"reject_unauthenticated_sender_login_mismatch", needs: ofSender},

		{names: "check_recipient_access check_recipient_a_access check_recipient_mx_access check_recipient_ns_access reject_rhsbl_recipient",
			argument: true, needs: ofRecipient},
		{names: "permit_auth_destination check_relay_domains permit_mx_backup", needs: ofRecipient, check: (*walk).permitOwnRecipient},
		{names: "reject_unauth_destination defer_unauth_destination", needs: ofRecipient, check: (*walk).rejectRelaying},
		{names: "reject_unlisted_recipient check_recipient_maps reject_non_fqdn_recipient reject_unknown_recipient_domain " +
			"reject_unverified_recipient", needs: ofRecipient, check: (*walk).pass},
		{names: "check_etrn_access", argument: true, check: (*walk).pass},
	}
}

// restrictionsByName is the table by all names, in lower case.
func restrictionsByName() map[string]restriction {
	byName := map[string]restriction{}
	for _, r := range restrictions() {
		for name := range strings.FieldsSeq(r.names) {
			byName[name] = r
		}
	}
	return byName
}
