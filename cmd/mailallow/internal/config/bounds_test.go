package config

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"mailallow/allowlist/fault"
)

// A file with too many keys gets a short message in little time: go-toml compares each key of a table with all before it.
func TestConfigOfMany(t *testing.T) {
	keys := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "key%d = 1\n", i)
		}
		return []byte(b.String())
	}
	_, err := Parse("x.toml", keys(maxConfigKeys+1), Flags{})
	if want := "x.toml: more than 10000 keys: this is no configuration of mailallow"; fmt.Sprint(err) != want {
		t.Errorf("error %q, want %q", fmt.Sprint(err), want)
	}
	ruler := " \t# " + strings.Repeat("=", maxConfigKeys+1) + "\n"
	if _, err = Parse("x.toml", []byte(ruler+"state_dir = \"x\"\n"), Flags{}); err != nil {
		t.Errorf("a line of equals signs in a comment: %v", err)
	}
	_, err = Parse("x.toml", keys(maxUnknownKeys+10), Flags{})
	problems := fault.Each(err)
	if want := "x.toml: and 10 unknown keys more"; len(problems) != maxUnknownKeys+1 || problems[0].Error() != want {
		t.Errorf("%d problems, the first %q; want %d, %q", len(problems), problems[0], maxUnknownKeys+1, want)
	}
}

// A source with more hosts than are looked up is a mistake, told once and not for each host.
func TestHostsOfMany(t *testing.T) {
	for n, want := range map[int]string{200: "", 201: `x.toml:3: source "a" has 201 hosts: 200 is the most, since one without an address makes them all stale`} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%q", fmt.Sprintf("h%d.example", i)))
		}
		text := "action = \"OK\"\n[[source]]\nhosts = [" + strings.Join(names, ", ") + "]\nname = \"a\"\n"
		if _, err := Parse("x.toml", []byte(text), Flags{}); n <= 200 && err != nil || n > 200 && fmt.Sprint(err) != want {
			t.Errorf("%d: error %v, want %q", n, err, want)
		}
	}
}

// Of a value of any length a message has so much that its beginning and what to do are in it.
func TestLongValues(t *testing.T) {
	long := strings.Repeat("lång", 20000)
	text := fmt.Sprintf("action = %[1]q\n[dns]\nresolvers = [%[1]q]\ntimeout = %[1]q\n[[source]]\nname = %[1]q\nprovider = %[1]q\n"+
		"[[target]]\nformat = %[1]q\npath = %[1]q\nonly = [%[1]q]\n[dnsbl]\nzones = [%[1]q]\n", long)
	_, err := Parse("x.toml", []byte(text), Flags{})
	problems := fault.Each(err)
	if len(problems) < 8 || !strings.Contains(fmt.Sprint(err), `is no duration: write "500ms"`) {
		t.Errorf("%d problems: %.2000v", len(problems), err)
	}
	for _, p := range problems {
		if len(p.Error()) > 1100 || !utf8.ValidString(p.Error()) {
			t.Errorf("%d bytes: %.300v", len(p.Error()), p)
		}
	}
}
