package initconfig

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExample: the packages have as an example the output of init on a host without a mail server.
func TestExample(t *testing.T) {
	if diff := cmp.Diff(start, startingConfig(mailServers{}, nil)); diff != "" {
		t.Errorf("init does not write the file as it is:\n%s", diff)
	}
	built, err := os.ReadFile("../../../../packaging/build.sh")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(built), "cp cmd/mailallow/internal/initconfig/mailallow.toml ") {
		t.Error("the packages have another example")
	}
	if !strings.Contains(start, "reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]\n") {
		t.Error("the recommended restriction takes the error answers of a list for listings")
	}
}

// Each fact about the host takes the comment signs off its own lines, and changes no others.
func TestStartingConfig(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}
	for _, row := range []struct {
		name string
		mailServers
		own  []netip.Addr
		want []string // lines that the file does not have
	}{
		{"sendmail", mailServers{access: "/etc/mail/access"}, nil, []string{"[[target]]", `format = "sendmail-access"`, `path = "/etc/mail/access"`}},
		{"another access file", mailServers{access: "/usr/local/etc/mail/access"}, nil,
			[]string{"[[target]]", `format = "sendmail-access"`, `path = "/usr/local/etc/mail/access"`}},
		{"postfix", mailServers{postfix: "/etc/postfix"}, nil,
			[]string{"[[target]]", `format = "postfix-cidr"`, `path = "/etc/postfix/mailallow.cidr"`, `on_change = ["postfix", "reload"]`}},
		{"private", mailServers{}, own[:1], []string{`# cidr = ["10.0.0.1"]`}},
		{"public", mailServers{}, own, []string{`# cidr = ["10.0.0.1", "192.0.2.7", "2001:db8::7"]`,
			`# addresses = ["192.0.2.7", "2001:db8::7"]        # or hosts = ["mx1.example.org"]`}},
	} {
		known := map[string]bool{}
		for line := range strings.Lines(start) {
			known[line] = true
		}
		var got []string
		for line := range strings.Lines(startingConfig(row.mailServers, row.own)) {
			if !known[line] {
				got = append(got, strings.TrimSuffix(line, "\n"))
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}
