package sendmail

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailallow/fixtures"
)

func TestParseSendmailCF(t *testing.T) {
	rows := []struct {
		text string
		want CF
	}{
		{"", CF{}},
		{"Kaccess hash -T<TMPF> -o /etc/mail/access\n", CF{
			AccessClass: "hash", AccessFlags: []string{"-T<TMPF>", "-o"}, AccessPath: "/etc/mail/access"}},
		{"Kaccess\tcdb /etc/mail/access.cdb\r\n", CF{AccessClass: "cdb", AccessPath: "/etc/mail/access"}},
		{"Kaccess ldap -1 -v sendmailMTAMapValue -k (&(objectClass=sendmailMTAMapObject)(sendmailMTAKey=%0)) -P /etc/mail/secret\n", CF{
			AccessClass: "ldap", AccessFlags: []string{"-1", "-v", "-k", "-P"}}},
		{"Kaccess text -k 0 -v 1 /etc/mail/access\n", CF{AccessClass: "text", AccessFlags: []string{"-k", "-v"}, AccessPath: "/etc/mail/access"}},
		{"Kaccessible hash /x\n#Kaccess hash /x\nKmail hash /x\n", CF{}},
		{"K Access HASH\r\n\t-o\n  /etc/mail/access\n# Kaccess\n\thash /x\n", CF{AccessClass: "hash", AccessFlags: []string{"-o"}, AccessPath: "/etc/mail/access"}},
		{"Kaccess\nK\n", CF{}},
		{"Kaccess hash /a\nKaccess btree /b\n", CF{AccessClass: "btree", AccessPath: "/b"}},
		{"O TrustedUser=smmta\nO RunAsUser=mail:mail\nO DontBlameSendmail=GroupWritableDirPathSafe,MapInUnsafeDirPath\n",
			CF{TrustedUser: "smmta", RunAsUser: "mail:mail",
				DontBlame: []string{"groupwritabledirpathsafe", "mapinunsafedirpath"}}},
		{"#O UseCompressedIPv6Addresses\n", CF{}},
		{"O UseCompressedIPv6Addresses\n", CF{CompressedIPv6: true}},
		{"O UseCompressedIPv6Addresses=True\n", CF{CompressedIPv6: true}},
		{"O UseCompressedIPv6Addresses=False\n", CF{}},
		{"Scheckrelay=88\nR$-.$-.$-.$-\t\t$: <?> $(dnsbl $4.$3.$2.$1.zen.example. $: OK $)\n", CF{DelayChecks: true, DNSBLs: []DNSBL{{Zone: "zen.example", Filtered: true}}}},
		{"R$-.$-.$-.$-\t\t$: <?> $(d2 $4.$3.$2.$1.secret.zen.dq.spamhaus.net. $: OK $)\n", CF{DNSBLs: []DNSBL{{Zone: "KEY.zen.dq.spamhaus.net", Filtered: true}}}},
		{"R<@> $*<@$+.> $| $*\t$: <?> $(dnsbl $2.rhs.example. $: OK $) $(macro {RHS} $@ $2 $)\n", CF{}},
	}
	for _, row := range rows {
		row.want.Path = "x.cf"
		if diff := cmp.Diff(row.want, ParseCF("x.cf", []byte(row.text))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", row.text, diff)
		}
	}
}

// TestRequireRDNS reads the rule that m4 writes for FEATURE(`require_rdns') (cf/m4/proto.m4), and one that Relay_ok always has.
func TestRequireRDNS(t *testing.T) {
	for line, want := range map[string]bool{
		"R$*\t\t\t$: $&{client_addr} $| $&{client_resolve}": true,
		"R$*\t\t\t$: < $&{client_resolve} >":                false,
	} {
		if got := ParseCF("x", []byte("SBasic_check_relay\n"+line+"\n")).RequireRDNS; got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		access, path string
		want         bool
	}{
		{"/etc/mail/access", "/etc/mail/access", true},
		{"/etc/mail//access", "/etc/mail/access", true},
		{"/etc/mail/access", "/etc/mail/other", false},
		{"/etc/mail/access", "/srv/root/etc/mail/access", false},
		{link + "/access", dir + "/access", true},
		{"", "/etc/mail/access", false},
	}
	for _, row := range rows {
		cf := CF{AccessPath: row.access}
		if got := cf.Names(row.path); got != row.want {
			t.Errorf("%q names %q: %v", row.access, row.path, got)
		}
	}
}

func TestRefusesLine(t *testing.T) {
	rows := []struct{ line, mapType, want string }{
		{"Kaccess hash -T<TMPF> -o /x", "hash", ""},
		{"Kaccess cdb /x", "hash", "reads this map as cdb, not as hash"},
		{"Kaccess hash -f /x", "hash", "has -f"},
		{"Kaccess hash -N /x", "hash", "has -N"},
	}
	for _, row := range rows {
		cf := ParseCF("x.cf", []byte(row.line+"\n"))
		var text strings.Builder
		for _, err := range cf.RefusesType(row.mapType) {
			text.WriteString(err.Error())
		}
		if (row.want == "") != (text.Len() == 0) || !strings.Contains(text.String(), row.want) {
			t.Errorf("%q as %s: %q, want %q", row.line, row.mapType, text.String(), row.want)
		}
	}
}

func TestRefusesPath(t *testing.T) {
	rows := []struct {
		mode      fs.FileMode
		dontBlame string
		want      string
	}{
		{0o755, "groupwritabledirpathsafe", ""},
		{0o775, "", "group-writable directory"},
		{0o775, "groupwritabledirpathsafe", ""},
		{0o777, "groupwritabledirpathsafe", "world-writable directory"},
		{0o777 | fs.ModeSticky, "", "world-writable directory"},
		{0o777, "mapinunsafedirpath", ""},
	}
	for _, row := range rows {
		dir := filepath.Join(t.TempDir(), "d")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, row.mode); err != nil {
			t.Fatal(err)
		}
		cf := CF{DontBlame: []string{row.dontBlame}}
		var text string
		for _, err := range cf.RefusesPath(filepath.Join(dir, "access.db")) {
			if strings.HasPrefix(err.Error(), dir+":") { // the directories above belong to the test host
				text = err.Error()
			}
		}
		if (row.want == "") != (text == "") || !strings.Contains(text, row.want) {
			t.Errorf("%v with %q: %q, want %q", row.mode, row.dontBlame, text, row.want)
		}
	}
}

// fakeInfo is a file with any owner and mode.
type fakeInfo struct {
	uid, gid uint32
	mode     fs.FileMode
}

func (f fakeInfo) Name() string       { return "access.db" }
func (f fakeInfo) Size() int64        { return 0 }
func (f fakeInfo) Mode() fs.FileMode  { return f.mode }
func (f fakeInfo) ModTime() time.Time { return time.Time{} }
func (f fakeInfo) IsDir() bool        { return false }
func (f fakeInfo) Sys() any           { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

// TestRefusesFile has rows for a Sendmail that runs as root, which were tried with sendmail -bt, and for other users.
func TestRefusesFile(t *testing.T) {
	rows := []struct {
		trusted, runAs string
		file           fakeInfo
		ok             bool
	}{
		{"", "", fakeInfo{0, 0, 0o600}, true},
		{"123", "", fakeInfo{123, 0, 0o600}, true},
		{"123", "", fakeInfo{124, 0, 0o600}, false},
		{"123", "", fakeInfo{124, 0, 0o640}, true},
		{"123", "", fakeInfo{124, 124, 0o640}, false},
		{"123", "", fakeInfo{124, 124, 0o644}, true},
		{"", "125", fakeInfo{0, 0, 0o640}, false},
		{"", "125:126", fakeInfo{0, 126, 0o640}, true},
		{"", "125", fakeInfo{125, 0, 0o600}, true},
		{"", "125", fakeInfo{0, 0, 0o644}, true},
		{"no-such-user", "", fakeInfo{0, 0, 0o600}, false},
	}
	for _, row := range rows {
		cf := CF{TrustedUser: row.trusted, RunAsUser: row.runAs}
		if err := cf.RefusesFile("access.db", row.file); (err == nil) != row.ok {
			t.Errorf("TrustedUser %q, RunAsUser %q, %+v: %v", row.trusted, row.runAs, row.file, err)
		}
	}
}

// Of a name that is not known, what to do is told.
func TestRefusesUnknownNames(t *testing.T) {
	const hint = "; write the number there, or add the name to /etc/passwd or /etc/group"
	for _, row := range []struct{ trusted, runAs, want string }{
		{"no-such-user", "", "access.db: sendmail.cf: TrustedUser: user: unknown user no-such-user"},
		{"", "no-such-user:0", "access.db: sendmail.cf: RunAsUser: user: unknown user no-such-user"},
		{"", "root:no-such-group", "access.db: sendmail.cf: RunAsUser: unknown group no-such-group"},
	} {
		cf := CF{Path: "sendmail.cf", TrustedUser: row.trusted, RunAsUser: row.runAs}
		if err := cf.RefusesFile("access.db", fakeInfo{0, 0, 0o600}); err == nil || err.Error() != row.want+hint {
			t.Errorf("%v, want %s", err, row.want+hint)
		}
	}
}

// Below a root the users are those of its own /etc/passwd and /etc/group, whatever this host knows.
func TestRefusesFileBelow(t *testing.T) {
	for _, row := range []struct {
		passwd string // empty: there is none
		file   fakeInfo
		ok     bool
	}{
		{"", fakeInfo{123, 0, 0o600}, true},
		{"smmta:x:123:124::/:/bin/false\n", fakeInfo{123, 0, 0o600}, true},
		{"smmta:x:123:124::/:/bin/false\n", fakeInfo{125, 126, 0o600}, false},
		{"smmta:x:123:124::/:/bin/false", fakeInfo{0, 126, 0o640}, true},
		{"root:x:0:0::/:/bin/false\nsmmta:x\n", fakeInfo{0, 0, 0o600}, false},
	} {
		cf := CF{TrustedUser: "smmta", Root: t.TempDir()}
		if err := os.Mkdir(filepath.Join(cf.Root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if row.passwd != "" {
			fixtures.WriteFile(t, filepath.Join(cf.Root, "etc/passwd"), row.passwd)
		}
		if err := cf.RefusesFile("access.db", row.file); (err == nil) != row.ok {
			t.Errorf("%q, %+v: %v", row.passwd, row.file, err)
		}
	}
	cf := CF{RunAsUser: "mail:post", Root: t.TempDir()}
	if err := os.Mkdir(filepath.Join(cf.Root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	fixtures.WriteFile(t, filepath.Join(cf.Root, "etc/passwd"), "mail:x:200:200::/:/bin/false\n")
	fixtures.WriteFile(t, filepath.Join(cf.Root, "etc/group"), "post:x:201:\n")
	if err := cf.RefusesFile("access.db", fakeInfo{0, 201, 0o640}); err != nil {
		t.Error(err)
	}
	if err := cf.RefusesFile("access.db", fakeInfo{0, 200, 0o640}); err == nil {
		t.Error("a group that the Sendmail below the root is not in")
	}
}
