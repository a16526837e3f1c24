package postfix

import (
	"strconv"
	"strings"
)

// settingDefaults are the settings that decide what restrictions and postscreen do, with Postfix's defaults. A setting that this
// version of Postfix does not know has its default.
func settingDefaults() map[string]string {
	return map[string]string{
		"smtpd_delay_reject": "yes", "smtpd_relay_before_recipient_restrictions": "yes", "smtpd_peername_lookup": "yes",
		"soft_bounce": "no", "smtpd_proxy_filter": "", "smtpd_restriction_classes": "", "smtpd_milters": "", "smtpd_milter_maps": "",
		"parent_domain_matches_subdomains": "mynetworks,smtpd_access_maps",

		"access_map_reject_code": "554", "access_map_defer_code": "450", "reject_code": "554", "defer_code": "450",
		"maps_rbl_reject_code": "554", "relay_domains_reject_code": "554", "unknown_client_reject_code": "450",
		"maps_rbl_domains": "", "rbl_reply_maps": "",
		"default_rbl_reply": "$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using $rbl_domain${rbl_reason?; $rbl_reason}",

		// Those with "deny" and "allow" in their names are of Postfix 3.6, the others of those before.
		"postscreen_denylist_action": "", "postscreen_blacklist_action": "ignore",
		"postscreen_dnsbl_action": "ignore", "postscreen_dnsbl_threshold": "1", "postscreen_dnsbl_reply_map": "",
		"postscreen_dnsbl_allowlist_threshold": "", "postscreen_dnsbl_whitelist_threshold": "0",
		"postscreen_allowlist_interfaces": "", "postscreen_whitelist_interfaces": "static:all",
		"postscreen_pipelining_enable": "no", "postscreen_non_smtp_command_enable": "no", "postscreen_bare_newline_enable": "no",
		"postscreen_cache_map": "",
	}
}

// settingNames are the names of settingDefaults.
func settingNames() (names []string) {
	for name := range settingDefaults() {
		names = append(names, name)
	}
	return names
}

// setting gives the value of the first of several names of a setting that has one.
func (m *Main) setting(names ...string) string {
	for _, name := range names {
		value, known := m.settings[name]
		if !known {
			value = settingDefaults()[name]
		}
		if value != "" {
			return value
		}
	}
	return ""
}

// number is setting for a number. A value that is none is 0: Postfix would not start with it.
func (m *Main) number(names ...string) int {
	n, _ := strconv.Atoi(m.setting(names...))
	return n
}

// NamesZones reports whether the replies of smtpd and of postscreen to a listed client name the zone that they asked, with an
// account key in it (postconf(5), default_rbl_reply). What a map of replies says is not known.
func (m *Main) NamesZones() (smtpd, postscreen bool) {
	return m.setting("rbl_reply_maps") == "" && strings.Contains(m.setting("default_rbl_reply"), "rbl_domain"),
		m.setting("postscreen_dnsbl_reply_map") == ""
}
