package docs

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/notation"
)

// TestNotations: a file is read in each of the ways that the table of lists shows, behind a comment or with one behind it.
func TestNotations(t *testing.T) {
	page, err := os.ReadFile("configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n| written | |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	shown := 0
	for row := range strings.Lines(table) {
		written, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, span := range regexp.MustCompile("`[^`]+`").FindAllString(written, -1) {
			shown++
			text := strings.Trim(span, "`")
			if strings.HasSuffix(text, "comment") {
				text = "192.0.2.0/24 " + text + "\n" + text
			}
			networks := 0
			r := notation.Reader{Name: "list", Strict: true, Add: func(netip.Prefix, int) error { networks++; return nil },
				Problem: func(_ string, text func() string) { t.Error(text()) }}
			if err := r.Read([]byte(text+"\n"), notation.Layout{Lines: true, Comments: true}); err != nil || networks == 0 {
				t.Errorf("%q: %d networks, %v", text, networks, err)
			}
		}
	}
	if shown < 15 {
		t.Errorf("the table shows %d ways:\n%s", shown, table)
	}
}

// TestDeadLists: the table of lists that have ended is that of the program.
func TestDeadLists(t *testing.T) {
	page, err := os.ReadFile("configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, l := range dnsbl.DeadLists() {
		source := ""
		if l.Source != "" {
			source = ": `" + l.Source + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s%s |\n", l.Zone, l.End, source)
	}
	if !strings.Contains(string(page), "\n| zone | |\n|---|---|\n"+table.String()+"\n") {
		t.Errorf("configuration.md does not have the table\n%s", &table)
	}
}
