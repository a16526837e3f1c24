package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"mailallow/accessmap/format"
	"mailallow/allowlist/ascii"
	"mailallow/cmd/mailallow/internal/terminal"
	"mailallow/fixtures"
)

// poison is a name or text from others that attacks a terminal, a log or a file: sequences of a terminal, C1 controls, marks
// of direction, invisible characters, bytes that are no UTF-8, and a line that looks like one of another program.
const poison = "a\x1b]0;t\x07\x1b[2J\r\u009b31m\u202e\u2066\u200b\u200f\u061c\ufeff\u00ad\ufe0f\x9b\xff\xc3\x28\x7f\x08\u2028\nFORGED: b"

// poisonZone has poison in records, as a zone file writes it.
var poisonZone = strings.NewReplacer("POISONHOST", hostEscaped(poison), "POISON", zoneEscaped(poison)).Replace(`
mail.test TXT "v=spf1 ip4:74.125.4.0/23 include:good.test POISON include:POISON.test -all"
good.test TXT "v=spf1 ip4:74.125.8.0/24 exp=POISON -all"
some.test TXT "v=spf1 ip4:74.125.8.0/24 a:POISON.test mx -all"
some.test MX 10 POISON.test
with.test MX 10 xPOISON.test
xPOISONHOST.test A 74.125.12.7
near.test TXT " v=spf1 POISON"
2.0.0.127.bl.test A 127.0.0.2
7.2.0.192.bl.test A 127.0.0.2
7.2.0.192.bl.test TXT "POISON"
`)

func zoneEscaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, `\%03d`, c)
	}
	return b.String()
}

// hostEscaped writes a name as a DNS client asks for it: in lower case, with as few escapes as there can be.
func hostEscaped(s string) string {
	var b strings.Builder
	for _, c := range []byte(ascii.Lower(s)) {
		switch {
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		case strings.IndexByte(` ();@"\`, c) >= 0:
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

const poisonConfig = `
state_dir = "state"
metrics_file = "metrics.prom"
[dns]
resolvers = [%q]
timeout = "1m"
[[source]]
name = "kept"
cidr = ["192.0.2.0/24"]
action = "OK"
[[source]]
name = "file"
file = %s
action = "OK"
[[source]]
name = "bad file"
file = "bad.list"
action = "OK"
[[source]]
name = "spf"
spf = ["mail.test"]
action = "OK"
[[source]]
name = "some spf"
spf = ["some.test"]
action = "OK"
[[source]]
name = "hosts"
hosts = ["mx:with.test"]
action = "OK"
[[source]]
name = "no hosts"
hosts = ["mx:some.test", "mx:with.test"]
action = "OK"
[[source]]
name = "near"
spf = ["near.test"]
action = "OK"
[[source]]
name = "page"
url = "%[3]s/page"
action = "OK"
[[source]]
name = "json"
url = "%[3]s/json"
select = ".[]"
action = "OK"
[[source]]
name = "moved"
url = "%[3]s/moved"
action = "OK"
[[source]]
name = "away"
url = "%[3]s/%%1b%%0aFORGED%%e2%%80%%ae"
action = "OK"
[[target]]
format = "sendmail-access"
path = "access"
map = "none"
[[target]]
format = "postfix-cidr"
path = "table"
on_change = [%[4]q]
[[target]]
format = "rbldnsd"
path = "zone"
[[target]]
format = "json"
path = "list.json"
[dnsbl]
addresses = ["192.0.2.7"]
zones = ["bl.test"]
`

// TestHostileBytes runs every command over names, records, documents, logs and programs that hold poison, and checks every
// byte of the output and the files.
func TestHostileBytes(t *testing.T) {
	t.Chdir(t.TempDir())
	dns, web := fixtures.DNS(t, poisonZone), fixtures.HTTP(t)
	web.Set("/page", fixtures.Page{Body: "17.41.0.0/16 " + poison + " 1.2.3.4/99\n1.2.3.4-" + poison})
	web.Set("/json", fixtures.Page{Body: `["17.58.0.0/16", "\u001b[2J\n FORGED\u202e", "` + "\u202e\x7f" + `"]`})
	web.Set("/moved", fixtures.Page{Status: 302, Header: map[string]string{"Location": web.URL("/gone?%1b[2J%0aFORGED") + "\u202e\u009b"}})
	program := func(name string) string {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		fixtures.Write(t, path, "#!/bin/sh\ncat poison >&2; cat poison; exit 1\n", 0o755)
		return path
	}
	file := "office\u202e\u200b\u009b.list"
	fixtures.Write(t, "poison", poison, 0o644)
	fixtures.Write(t, file, "198.51.100.0/24\n198.51.100.7/23\n", 0o644)
	fixtures.Write(t, "bad.list", poison+"\n", 0o644)
	byHand := "# " + poison + "\nConnect:17.41.9\tREJECT " + strings.ReplaceAll(poison, "\n", "") + "\nspam" + poison + ":x\tOK\n 10.0.0.1 " + poison + "\n"
	fixtures.Write(t, "bad", byHand, 0o644)
	hand := "Connect:192.0.2.9\t" + strings.ReplaceAll(poison, "\n", "") + "\n"
	fixtures.Write(t, "access", hand, 0o644)
	fixtures.Write(t, "log", "Apr 30 10:31:02 mx1 sendmail[1]: u1: ruleset=check_relay, arg1="+poison+", arg2=192.0.2.7, relay=x [192.0.2.7], reject=550 5.7.1 Mail from 192.0.2.7 refused by blackhole site bl.test"+poison+
		"\nApr 30 10:31:02 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x"+strings.ReplaceAll(poison, "\n", "")+"[192.0.2.7]: 554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.test; "+poison+"\n", 0o644)
	config := fmt.Sprintf(poisonConfig, dns.Addr(), tomlText(file), web.URL(""), program("change"))
	fixtures.Write(t, "c.toml", config, 0o644)
	fixtures.Write(t, "map.toml", fmt.Sprintf("state_dir = \"other\"\n[[source]]\nname = \"a\"\ncidr = [\"192.0.2.1\"]\naction = \"OK\"\n[[target]]\nformat = \"sendmail-access\"\npath = \"mapped\"\nmakemap = %q\n", program("makemap")), 0o644)
	fixtures.Write(t, "names.toml", fmt.Sprintf("[[source]]\nname = %[1]s\naction = %[1]s\nprovider = %[1]s\nspf = [%[1]s]\n[[target]]\nformat = %[1]s\npath = %[1]s\n[dnsbl]\nzones = [%[1]s]\n%[1]s = 1\n", tomlText(poison)), 0o644)
	fixtures.Write(t, "raw.toml", "name = \""+poison+"\"\n", 0o644)
	fixtures.Write(t, "bad.snapshot", `{"version": 1, "`+poison+`": 1}`, 0o644)

	commands := [][]string{
		{"update"}, {"update", "--accept", "file"}, {"diff", "--verbose"}, {"diff", "--format", "unified"}, {"diff", "--format", "markdown"}, {"fetch", "-o", "-"},
		{"spf", "mail.test", "some.test", poison, "x" + poison + ".test", "--tree"}, {"spf", "mail.test", "--verbose"},
		{"explain", "74.125.4.1", poison, "192.0.2.9", "--name", poison}, {"explain", "17.41.9.1", "74.125.12.7"},
		{"lint", "bad"}, {"lint", "bad", "--as", "cidr"}, {"lint", "bad", "--as", "config"}, {"lint"}, {"lint", "bad", "--fix"},
		{"maillog", "log"}, {"maillog", "log", "--events"}, {"maillog", "log", "--since", poison},
		{"dnsbl"}, {"dnsbl", "192.0.2.7", poison}, {"dnsbl", "--zone", poison}, {"dnsbl", "--changes"},
		{"providers", poison}, {"init"}, {"diff", "--snapshot", "bad.snapshot"}, {"update", "--accept", poison},
		{"-c", "map.toml", "update"}, {"-c", "names.toml", "diff"}, {"-c", "raw.toml", "diff"}, {"-c", poison, "diff"}, {"-c", "names.toml", "lint"}, {poison}, {"--" + poison}, {"diff", "--" + poison, poison},
		{"diff", "--format", poison}, {"--color", poison, "diff"}, {"--resolver", poison, "spf", "a.test"}, {"update", "--lock-timeout", poison}, {"render", poison},
	}
	for _, f := range format.All() {
		commands = append(commands, []string{"render", f.Name})
	}
	for _, args := range commands {
		for _, form := range [][]string{nil, {"--json"}, {"--log-format", "text"}, {"--log-format", "json"}} {
			line := append([]string{"-c", "c.toml"}, append(form, args...)...)
			if args[0] == "-c" {
				line = append(append([]string{}, args...), form...)
			}
			var stdout, stderr bytes.Buffer
			execute(t.Context(), line, strings.NewReader(poison), &stdout, &stderr)
			for name, text := range map[string][]byte{"stdout": stdout.Bytes(), "stderr": stderr.Bytes()} {
				if !strings.Contains(strings.Join(args, " "), "--fix") { // the difference shows the lines, checked below
					checkShown(t, fmt.Sprintf("%.200q: %s", line, name), text)
				}
				if i := bytes.IndexFunc(text, unwanted); i >= 0 {
					t.Errorf("%.200q: %s: %.80q", line, name, text[i:])
				}
			}
		}
	}
	for _, name := range []string{"access", "table", "zone", "list.json", "metrics.prom", "state/snapshot.json", "state/window.json", "state/owed.json", "state/dnsbl.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Logf("%s was not written", name)
			continue
		}
		checkShown(t, name, bytes.Replace(text, []byte(hand), nil, 1))
		if name == "access" && !bytes.Contains(text, []byte("Connect:74.125.12.7\t")) {
			t.Error("the host with a hostile name is not in the list")
		}
	}
}

// tomlText writes a string for TOML, which cannot hold bytes that are no UTF-8.
func tomlText(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "") {
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `"` + b.String() + `"`
}

// forged finds a line that begins with a text of others; the output of programs is indented.
var forged = regexp.MustCompile(`(?m)^FORGED`)

// unwanted reports whether a terminal gets an escape in place of the character.
func unwanted(r rune) bool { return terminal.Clean(string(r)) != string(r) }

func checkShown(t *testing.T, where string, text []byte) {
	t.Helper()
	if i := bytes.IndexFunc(text, unwanted); i >= 0 || !utf8.Valid(text) {
		t.Errorf("%s: %.80q", where, text[max(i, 0):])
	}
	if at := forged.FindIndex(text); at != nil {
		t.Errorf("%s: a line of somebody else's: %.200q", where, text[max(0, at[0]-100):at[1]])
	}
}
