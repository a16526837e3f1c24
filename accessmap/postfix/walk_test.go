package postfix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// told are Answers that a test gives.
type told struct {
	tables map[string]map[string]string // by TYPE:TABLE; one that is missing cannot be read
	names  map[string]string            // in the DNS: addresses, "silent" or "unknown"
	files  map[string]string
}

func (a told) Lookup(_ context.Context, table string, keys []string) (key, value string, err error) {
	values, ok := a.tables[table]
	if !ok {
		return "", "", fmt.Errorf("%s: %w", table, fs.ErrNotExist)
	}
	if _, hidden := values["hidden"]; hidden {
		return "", "", fmt.Errorf("%s: %w", table, fs.ErrPermission)
	}
	for _, key := range keys {
		if value, ok := values[key]; ok {
			return key, value, nil
		}
	}
	return "", "", nil
}

func (a told) Patterns(_ context.Context, path string) ([]byte, error) {
	if text, ok := a.files[path]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (a told) A(_ context.Context, name string) (codes []netip.Addr, err error) {
	switch answer := a.names[name]; answer {
	case "silent":
		return nil, errors.New("A " + name + ": no answer")
	default:
		for _, code := range strings.Fields(answer) {
			codes = append(codes, netip.MustParseAddr(code))
		}
		return codes, nil
	}
}

func (a told) TXT(_ context.Context, name string) ([]string, error) {
	if _, ok := a.names[name]; ok {
		return []string{"see " + name}, nil
	}
	return nil, nil
}

func walkAnswers() told {
	return told{
		tables: map[string]map[string]string{
			"cidr:/t":   {"192.0.2.1": "permit", "192.0.2.2": "REJECT", "192.0.2.3": "reject_rbl_client list.test, permit", "192.0.2.5": "hash:/h"},
			"hash:/h":   {"192.0.2": "OK", "good.example": "OK", "unknown": "DUNNO"},
			"hash:/no":  {"hidden": ""},
			"inline:{}": {"list.test=127.0.0.2": "$rbl_code 5.7.9 $rbl_what"},
		},
		names: map[string]string{"1.2.0.192.list.test": "127.0.0.2", "3.2.0.192.list.test": "127.255.255.254", "4.2.0.192.list.test": "silent",
			"4.2.0.192.white.test": "127.0.0.3", "1.2.0.192.secret.zen.dq.spamhaus.net": "127.0.0.2"},
		files: map[string]string{"/nets": "# nobody\n#\n198.51.100.0/24 !192.0.2.1\n"},
	}
}

// TestWalk has rows of what a real Postfix answers: TestExplainPostfix asks one about many more.
func TestWalk(t *testing.T) {
	const guard = "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
	for _, row := range []struct{ main, client, want string }{
		{guard, "192.0.2.9", "accepted"},
		{guard + "mynetworks = 192.0.2.0/24", "192.0.2.9", "accepted relays"},
		{guard + "mynetworks = 192.0.2.1/24", "192.0.2.9", "deferred RCPT 451 4.3.0 <RECIPIENT>: Temporary lookup failure by permit_mynetworks"},
		{guard + "mynetworks = 192.0.2.9 192.0.2.1/24", "::ffff:192.0.2.9", "accepted relays"},
		{guard + "mynetworks = 192.0.2.1/24", "2001:db8::1", "accepted"},
		{guard + "mynetworks = !/nets 192.0.2.0/24", "192.0.2.1", "accepted relays"},
		{guard + "mynetworks = /nets, 192.0.2.0/24", "192.0.2.1", "accepted"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test", "192.0.2.1",
			"refused RCPT 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using list.test; see 1.2.0.192.list.test by reject_rbl_client list.test"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test\nsmtpd_delay_reject = no", "192.0.2.3",
			"refused CONNECT 554 5.7.1 Service unavailable; Client host [192.0.2.3] blocked using list.test; see 3.2.0.192.list.test by reject_rbl_client list.test"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test=127.0.0.[2..11]", "192.0.2.3", "accepted"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test", "192.0.2.4", "accepted"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test=127.0.0", "192.0.2.9", "deferred RCPT by reject_rbl_client list.test=127.0.0"},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test=127.0.0.2\nrbl_reply_maps = inline:{}", "192.0.2.1", "refused RCPT 554 5.7.9 192.0.2.1 by reject_rbl_client list.test=127.0.0.2"},
		{guard + "smtpd_client_restrictions = reject_rbl_client secret.zen.dq.spamhaus.net", "192.0.2.1",
			"refused RCPT 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using KEY.zen.dq.spamhaus.net; see 1.2.0.192.KEY.zen.dq.spamhaus.net by reject_rbl_client KEY.zen.dq.spamhaus.net"},
		{guard + "smtpd_client_restrictions = check_client_access cidr:/t, reject_rbl_client list.test", "192.0.2.1", "accepted"},
		{guard + "smtpd_client_restrictions = check_client_access cidr:/t\nsmtpd_recipient_restrictions = reject_rbl_client list.test", "192.0.2.1",
			"refused RCPT 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using list.test; see 1.2.0.192.list.test by reject_rbl_client list.test"},
		{"smtpd_relay_restrictions = cidr:/t, check_client_access cidr:/t, reject_unauth_destination", "192.0.2.1", "accepted relays, not asked: check_recipient_access cidr:/t"},
		{guard + "smtpd_client_restrictions = check_client_access cidr:/t", "192.0.2.2", "refused RCPT 554 5.7.1 <NAME[192.0.2.2]>: Client host rejected: Access denied by check_client_access cidr:/t"},
		{guard + "smtpd_client_restrictions = check_client_access cidr:/t", "192.0.2.3",
			"refused RCPT 554 5.7.1 Service unavailable; Client host [192.0.2.3] blocked using list.test; see 3.2.0.192.list.test by reject_rbl_client list.test"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/h, reject", "192.0.2.9", "accepted, not asked: check_client_access hash:/h"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/h, reject", "mail.good.example 198.51.100.1", "accepted"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/h, reject", "unknown 192.0.2.1", "refused RCPT 554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied by reject"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/gone", "unknown 192.0.2.1", "deferred RCPT 451 4.3.5 <unknown[192.0.2.1]>: Client host rejected: Server configuration error by check_client_access hash:/gone"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/no", "unknown 192.0.2.1", "accepted, not asked: check_client_access hash:/no"},
		{guard + "smtpd_restriction_classes = c\nc = reject_rbl_client list.test\nsmtpd_client_restrictions = warn_if_reject c, permit", "192.0.2.1", "accepted"},
		{guard + "smtpd_client_restrictions = permit_dnswl_client white.test, reject", "192.0.2.4", "accepted"},
		{guard + "smtpd_client_restrictions = permit_dnswl_client list.test, reject", "192.0.2.4", "deferred RCPT 450 4.7.1 <192.0.2.4>: Client host rejected: Service unavailable by reject"},
		{guard + "smtpd_client_restrictions = defer_if_permit", "192.0.2.4", "deferred RCPT 450 4.7.0 <NAME[192.0.2.4]>: Client host rejected: defer_if_permit requested by defer_if_permit"},
		{guard + "smtpd_client_restrictions = nosuch", "192.0.2.4", "deferred RCPT 451 4.3.5 Server configuration error by nosuch"},
		{guard + "smtpd_data_restrictions = reject", "192.0.2.4", "refused DATA 554 5.7.1 <DATA>: Data command rejected: Access denied by reject"},
		{guard + "smtpd_sender_restrictions = reject_unknown_sender_domain, check_policy_service inet:x:1", "192.0.2.4", "accepted, not asked: reject_unknown_sender_domain; check_policy_service inet:x:1"},
		{guard + "smtpd_milters = inet:localhost:11332", "192.0.2.4", "accepted, not asked: inet:localhost:11332"},
		{guard + "smtpd_client_restrictions = check_policy_service inet:x:1, reject\nsmtpd_milters = inet:localhost:11332", "unknown 192.0.2.4",
			"refused RCPT 554 5.7.1 <unknown[192.0.2.4]>: Client host rejected: Access denied by reject, not asked: check_policy_service inet:x:1"},
		{guard + "smtpd_client_restrictions = check_policy_service inet:x:1\nsmtpd_helo_restrictions = reject", "unknown 192.0.2.4",
			"refused RCPT 554 5.7.1 <HELO>: Helo command rejected: Access denied by reject"},
		{"smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit", "192.0.2.4", "deferred CONNECT by "},
		{"smtpd_restriction_classes = c\nc = permit\nsmtpd_relay_restrictions = c, reject_unauth_destination", "192.0.2.4", "accepted relays"},
		{"smtpd_restriction_classes = c\nc = reject_unauth_destination\nsmtpd_relay_restrictions = warn_if_reject c", "192.0.2.4", "deferred CONNECT by "},
	} {
		m := parse([]byte(row.main+"\n"), nil, nil, nil)
		name, addr, named := strings.Cut(row.client, " ")
		if !named {
			name, addr = "", row.client
		}
		w := m.Walk(t.Context(), Client{Addr: netip.MustParseAddr(addr), Name: name}, walkAnswers())
		if got := sentence(w); got != row.want {
			t.Errorf("%s, %s:\n%s, want\n%s", row.main, row.client, got, row.want)
		}
	}
}

// sentence is what a walk comes to.
func sentence(w Walk) string {
	text := strings.Join(slices.DeleteFunc([]string{string(w.Outcome), w.At, w.Reply}, func(s string) bool { return s == "" }), " ")
	if w.By != nil {
		text += " by " + w.By.Item.String()
	}
	if w.Relays {
		text += " relays"
	}
	for i, s := range w.NotAsked() {
		text += []string{", not asked: ", "; "}[min(i, 1)] + s.Item.String()
	}
	return text
}

// TestWalkPostscreen has postscreen in front of smtpd.
func TestWalkPostscreen(t *testing.T) {
	const enforce = "smtpd_relay_restrictions = reject_unauth_destination\npostscreen_dnsbl_action = enforce\npostscreen_denylist_action = drop\n"
	for _, row := range []struct{ main, client, want string }{
		{enforce, "192.0.2.1", "accepted"},
		{enforce + "postscreen_dnsbl_sites = list.test", "192.0.2.1", "refused RCPT 550 5.7.1 Service unavailable; client [192.0.2.1] blocked using list.test by postscreen_dnsbl_threshold 1"},
		{enforce + "postscreen_dnsbl_sites = list.test=127.0.0.2*2 other.test\npostscreen_dnsbl_threshold = 3", "192.0.2.1", "accepted"},
		{enforce + "postscreen_dnsbl_sites = list.test\npostscreen_access_list = cidr:/t", "192.0.2.1", "accepted"},
		{enforce + "postscreen_access_list = cidr:/t", "192.0.2.2", "refused CONNECT 521 5.3.2 Service currently unavailable by cidr:/t"},
		{enforce + "postscreen_access_list = cidr:/t, reject", "192.0.2.3", "accepted"},
		{enforce + "postscreen_access_list = cidr:/t, reject", "192.0.2.5", "refused CONNECT 521 5.3.2 Service currently unavailable by reject"},
		// postscreen looks up whole addresses alone, and no name.
		{enforce + "postscreen_access_list = hash:/h, reject", "192.0.2.1", "refused CONNECT 521 5.3.2 Service currently unavailable by reject"},
		{enforce + "postscreen_access_list = cidr:/t\nsoft_bounce = yes", "192.0.2.2", "deferred CONNECT 421 4.3.2 Service currently unavailable by cidr:/t"},
		{enforce + "postscreen_pipelining_enable = yes", "192.0.2.1", "deferred RCPT 450 4.3.2 Service currently unavailable by postscreen_pipelining_enable yes"},
		{enforce + "postscreen_pipelining_enable = yes\npostscreen_dnsbl_sites = white.test*-2\npostscreen_dnsbl_allowlist_threshold = -1", "192.0.2.4", "accepted"},
	} {
		m := parse([]byte(row.main+"\n"), nil, nil, []byte("smtp inet n - y - 1 postscreen\n"))
		w := m.Walk(t.Context(), Client{Addr: netip.MustParseAddr(row.client)}, walkAnswers())
		if got := sentence(w); got != row.want {
			t.Errorf("%s, %s:\n%s, want\n%s", row.main, row.client, got, row.want)
		}
	}
}

// TestPlaces gives the places where a permit lets a client in, and that each is needed.
func TestPlaces(t *testing.T) {
	const guard = "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
	for _, row := range []struct{ main, client, want string }{
		{guard, "192.0.2.1", ""},
		{guard + "smtpd_client_restrictions = reject_rbl_client list.test", "192.0.2.1", "smtpd_client_restrictions before reject_rbl_client list.test"},
		{guard + "smtpd_client_restrictions = permit_mynetworks, reject_rbl_client list.test\nsmtpd_data_restrictions = reject_rbl_client list.test", "192.0.2.1",
			"smtpd_client_restrictions before reject_rbl_client list.test; smtpd_data_restrictions before reject_rbl_client list.test"},
		{"smtpd_relay_restrictions = reject_rbl_client list.test, reject_unauth_destination\n", "192.0.2.1", "smtpd_relay_restrictions before reject_rbl_client list.test relays"},
		{guard + "smtpd_client_restrictions = check_client_access hash:/gone", "192.0.2.1", ""},
	} {
		m := parse([]byte(row.main+"\n"), nil, nil, nil)
		var got []string
		for _, p := range m.Places(t.Context(), Client{Addr: netip.MustParseAddr(row.client), Name: Unnamed}, walkAnswers()) {
			text := p.List + " before " + p.Before.Item.String()
			if p.Relays {
				text += " relays"
			}
			got = append(got, text)
		}
		if strings.Join(got, "; ") != row.want {
			t.Errorf("%s: %q, want %q", row.main, got, row.want)
		}
	}
}

func TestFilter(t *testing.T) {
	for _, row := range []struct {
		filter, code string
		want         bool
	}{
		{"127.0.0.2", "127.0.0.2", true},
		{"127.0.0.2", "127.0.0.3", false},
		{"127.0.0.[2..11]", "127.0.0.11", true},
		{"127.0.0.[2..11]", "127.255.255.254", false},
		{"127.0.[0..255].[1;3]", "127.0.9.3", true},
		{"127.0.[0..255].[1;3]", "127.0.9.2", false},
		{"[127.0.0.[2..4]]", "127.0.0.4", true},
	} {
		f, err := parseFilter(row.filter)
		if got := f.matches(netip.MustParseAddr(row.code)); err != nil || got != row.want {
			t.Errorf("%s of %s: %v, %v", row.filter, row.code, got, err)
		}
	}
	for _, bad := range []string{"", "127.0.0", "127.0.0.256", "127.0.0.[2..]", "127.0.0.[3..2]", "127.0.0.[2,3]", "127.0.0.2.1", "127.0.0.x", "127.0.0.[]"} {
		if _, err := parseFilter(bad); err == nil {
			t.Errorf("%q is read as a filter", bad)
		}
	}
}

func TestExpandReply(t *testing.T) {
	values := map[string]string{"a": "A", "none": "", "dollar": "$a"}
	for template, want := range map[string]string{
		"$a ${a} $(a).":               "A A A.",
		"${a?yes}${none?no}":          "yes",
		"${a:no}${none:yes}":          "yes",
		"${a?{1}:{2}}${none?{1}:{2}}": "12",
		"${a?x $a y}":                 "x A y",
		"$$a $dollar ${dollar}":       "$a $a $a",
		"$unknown":                    "error",
		"${a":                         "A",
	} {
		got, ok := expand(template, values)
		if !ok {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", template, got, want)
		}
	}
}

// TestAcceptedWith changes one answer, which is enough or is not.
func TestAcceptedWith(t *testing.T) {
	const guard = "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
	for _, row := range []struct {
		main, client, value string
		want                bool
	}{
		{"smtpd_client_restrictions = check_client_access cidr:/t", "192.0.2.2", "OK", true},
		{"smtpd_client_restrictions = check_client_access cidr:/t", "192.0.2.2", "REJECT", false},
		{"smtpd_client_restrictions = check_client_access cidr:/t, reject", "192.0.2.2", "OK", true},
		{"smtpd_client_restrictions = check_client_access cidr:/t\nsmtpd_sender_restrictions = reject", "192.0.2.2", "OK", false},
		{"smtpd_client_restrictions = reject_rbl_client list.test", "192.0.2.1", "", true},
		{"smtpd_client_restrictions = reject_rbl_client list.test, reject_rbl_client list.test=127.0.0.2", "192.0.2.1", "", true},
		{"smtpd_client_restrictions = reject_rbl_client list.test, reject", "192.0.2.1", "", false},
	} {
		m := parse([]byte(guard+row.main+"\n"), nil, nil, nil)
		c := Client{Addr: netip.MustParseAddr(row.client), Name: Unnamed}
		w := m.Walk(t.Context(), c, walkAnswers())
		if w.By == nil || m.AcceptedWith(t.Context(), c, walkAnswers(), *w.By, row.value) != row.want {
			t.Errorf("%s, %s, with %q: by %+v, want %v", row.main, row.client, row.value, w.By, row.want)
		}
	}
}
