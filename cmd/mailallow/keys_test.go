package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	pipeline "mailallow/cmd/mailallow/internal/run"
	"mailallow/fixtures"
)

// growing is a source that may grow.
func growing(name string) string {
	return fmt.Sprintf("[[source]]\nname = %q\nspf = [\"%[1]s.test\"]\nmax_grow = \"100000%%\"\n", name)
}

// hostPolicy gives a policy of as many addresses, each of which needs a key.
func hostPolicy(name string, second, hosts int) string {
	text := "v=spf1"
	for i := range hosts {
		text += fmt.Sprintf(" ip4:74.%d.%d.1", second, i)
	}
	return txt(name+".test", text+" -all")
}

// TestLastGoodKeys: a source that is held for its keys keeps its last good state.
func TestLastGoodKeys(t *testing.T) {
	t.Parallel()
	s := newMailServer(t)
	s.configure(evilSource + "max_grow = \"100000%\"\n")
	s.dns.Set(goodZone + wide(1))
	if f := s.run("update"); f.Exit != exit.Done {
		t.Fatalf("%s\n%s", f, f.said)
	}
	s.dns.Set(goodZone + wide(8))
	f := s.run("update")
	const hint = "warning: source \"evil\" is held: its last good ranges stay, of "
	if f.Exit != exit.Held || !strings.Contains(f.said, "it needs 262,144 access keys") || !strings.Contains(f.said, hint) || strings.Contains(f.said, "--accept") {
		t.Errorf("%s\n%s", f, f.said)
	}
	access := fixtures.ReadFile(t, filepath.Join(s.dir, "access"))
	if n := strings.Count(access, "\nConnect:IPv6:2a00:"); n != 32768 || strings.Contains(access, "IPv6:2a01:") {
		t.Errorf("%d keys of the last good state", n)
	}
}

// TestKeysTogether: sources within their bounds need more keys than the target may have. The one that gained most is held,
// and the next ones only until the others fit.
func TestKeysTogether(t *testing.T) {
	t.Parallel()
	s := newMailServer(t)
	config := growing("a") + growing("b") + growing("c")
	configure := func(maxKeys int) {
		s.configure(config + fmt.Sprintf("[[target]]\nformat = \"sendmail-access\"\npath = \"small\"\nmap = \"none\"\nmode = \"file\"\nmax_keys = %d\n", maxKeys))
	}
	const others = 3 // keys of good and own
	statuses := func(args ...string) string {
		f := s.run(append([]string{"--json"}, args...)...)
		var doc pipeline.Document
		if err := json.Unmarshal(f.doc, &doc); err != nil {
			t.Fatalf("%v\n%s%s", err, f.doc, f.said)
		}
		var all []string
		for _, src := range doc.Sources[2:] {
			all = append(all, string(src.Status))
		}
		return strings.Join(all, " ")
	}
	s.dns.Set(goodZone + hostPolicy("a", 1, 10) + hostPolicy("b", 2, 10) + hostPolicy("c", 3, 10))
	configure(30 + others)
	if got, want := statuses("update"), "fresh fresh fresh"; got != want {
		t.Fatalf("at the bound: %s, want %s", got, want)
	}
	s.dns.Set(goodZone + hostPolicy("a", 1, 20) + hostPolicy("b", 2, 40) + hostPolicy("c", 3, 30))
	for _, row := range []struct {
		maxKeys int
		want    string
	}{
		{90 + others + 1, "fresh fresh fresh"},
		{90 + others, "fresh fresh fresh"},
		{90 + others - 1, "fresh held fresh"}, // b gained 30
		{60 + others, "fresh held fresh"},
		{60 + others - 1, "fresh held held"}, // c gained 20
		{40 + others - 1, "held held held"},
	} {
		configure(row.maxKeys)
		if got := statuses("diff"); got != row.want {
			t.Errorf("max_keys = %d: %s, want %s", row.maxKeys, got, row.want)
		}
	}
}

// TestKeysBelowHandWritten: addresses in the network of another source need no keys of their own, but below a hand-written key
// they do. The source that has them is held, and the others are installed.
func TestKeysBelowHandWritten(t *testing.T) {
	t.Parallel()
	s := newMailServer(t)
	access := filepath.Join(s.dir, "access")
	fixtures.MakeAccess(t, access, "Connect:74.1\tREJECT")
	fixtures.WriteFile(t, filepath.Join(s.dir, "c.toml"), fmt.Sprintf("state_dir = \"state\"\naction = \"OK\"\ndns.resolvers = [%q]\n", s.dns.Addr())+
		growing("evil")+growing("b")+fmt.Sprintf("[[target]]\nformat = \"sendmail-access\"\npath = \"access\"\nmakemap = %q\nmax_keys = 100\n", fixtures.Makemap(t)))
	s.dns.Set(hostPolicy("evil", 1, 2) + txt("b.test", "v=spf1 ip4:74.1.0.0/16 -all"))
	if f := s.run("update"); f.Exit != exit.Done {
		t.Fatalf("%s\n%s", f, f.said)
	}
	s.dns.Set(hostPolicy("evil", 1, 200) + txt("b.test", "v=spf1 ip4:74.1.0.0/16 ip4:75.0.0.0/16 -all"))
	f := s.run("update")
	if text := fixtures.ReadFile(t, access); f.Exit != exit.Held || !strings.Contains(f.said, `source "evil" is held`) ||
		!strings.Contains(text, "\nConnect:75.0\tOK\n") || strings.Count(text, "\nConnect:74.1.") != 2 {
		t.Errorf("%s\n%s\n%s", f, f.said, text)
	}
}
