package docs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"mailallow/allowlist/dnsbl"
)

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
