package explain

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"mailallow/accessmap/live"
	"mailallow/cmd/mailallow/internal/terminal"
)

func TestDistance(t *testing.T) {
	for _, row := range []struct{ a, b, want string }{
		{"192.0.2.1", "192.0.2.2", "1 address"},
		{"192.0.2.2", "192.0.2.1", "1 address"},
		{"10.0.0.0", "10.0.255.255", "65,535 addresses"},
		{"10.0.0.0", "10.1.0.0", "about 1 /16 network"},
		{"0.0.0.0", "255.255.255.255", "about 65,535 /16 networks"},
		{"2001:db8::1", "2001:db8::3", "2 addresses"},
		{"2001:db8::", "2001:db8::1:0:0", "less than a /64"},
		{"2001:db8:0:7::", "2001:db8:0:9::5", "2 /64 networks"},
		{"2001:db8:1::", "2001:db8:3::", "about 2 /48 networks"},
		{"2001:db8::", "2001:dbb::", "about 3 /32 networks"},
		{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "about 65,535 /16 networks"},
	} {
		if got := distance(netip.MustParseAddr(row.a), netip.MustParseAddr(row.b)); got != row.want {
			t.Errorf("%s to %s: %q, want %q", row.a, row.b, got, row.want)
		}
	}
}

// newSubject reads addresses and names as people copy them out of a log, and refuses everything else.
func TestNewSubject(t *testing.T) {
	for arg, want := range map[string]string{
		"192.0.2.7":                       "192.0.2.7",
		"[192.0.2.7]":                     "192.0.2.7",
		"::ffff:192.0.2.7":                "192.0.2.7",
		"2001:DB8::0:7":                   "2001:db8::7",
		"IPv6:2001:db8::7":                "2001:db8::7",
		"[IPv6:2001:db8::7]":              "2001:db8::7",
		"2001:db8::":                      "2001:db8::",
		"192.0.2.7,":                      "192.0.2.7",
		" 192.0.2.7;":                     "192.0.2.7",
		"[192.0.2.7]:51937":               "192.0.2.7",
		"192.0.2.7:51937":                 "192.0.2.7",
		"192.0.2.7:":                      "192.0.2.7",
		"192.0.2.7.":                      "192.0.2.7",
		"(192.0.2.7)":                     "192.0.2.7",
		"<192.0.2.7>,":                    "192.0.2.7",
		`"192.0.2.7"`:                     "192.0.2.7",
		"rip=192.0.2.7,":                  "192.0.2.7",
		"arg2=2001:db8::,":                "2001:db8::",
		"ip=192.0.2.0/24":                 "error",
		"192.0.2.7:999999":                "error",
		"a b=192.0.2.7":                   "error",
		"2001:db8::7:":                    "2001:db8::7",
		"[2001:db8::7]:25":                "2001:db8::7",
		"unknown[192.0.2.7]:":             "192.0.2.7 []",
		"unknown[2001:db8::7]":            "2001:db8::7 []",
		"client=unknown[192.0.2.7]":       "192.0.2.7 []",
		"mail.example[192.0.2.7]:25":      "192.0.2.7 mail.example",
		"relay=Mail.Example. [192.0.2.7]": "192.0.2.7 mail.example",
		"mail.example [IPv6:2001:db8:0:0:0:0:0:7]":  "2001:db8::7 mail.example",
		"mail.example [192.0.2.7] (may be forged),": "192.0.2.7 []",
		"[192.0.2.7]:999999":                        "error",
		"[192.0.2.0/24]":                            "error",
		"a b [192.0.2.7]":                           "error",
		"a..b[192.0.2.7]":                           "error",
		"mail.example[other.example]":               "error",
		"[mail.example]":                            "mail.example",
		"mail.Example.":                             "mail.example",
		"_dmarc.example":                            "_dmarc.example",
		"mail.example\x1b[2J":                       "error",
		"192.0.2":                                   "error",
		"192.0.2.256":                               "error",
		"192.0.2.0/24":                              "error",
		"fe80::1%eth0":                              "error",
		"":                                          "error",
		".":                                         "error",
		"mail..example":                             "error",
		"IPv6:":                                     "error",
		"mail.example$|1.2.3.4":                     "error",
	} {
		s, err := newSubject(arg, "")
		got := s.Name
		if err != nil {
			got = "error"
		} else if s.Addr.IsValid() {
			got = strings.TrimSpace(s.Addr.String() + " " + s.Name)
		}
		if got != want {
			t.Errorf("%q: %q, %v; want %q", arg, got, err, want)
		}
	}
}

// The command that makes a missing map has the flags of the run.
func TestNoMap(t *testing.T) {
	explained := make([]targetDocument, 1)
	addLive(terminal.New(nil, nil, io.Discard, io.Discard), " -c c.toml", explained, []live.Answers{{Err: fmt.Errorf("%w of access", live.ErrNoMap)}})
	if got, want := explained[0].Live[0].Error, "there is no map of access: 'mailallow update -c c.toml' makes it"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
