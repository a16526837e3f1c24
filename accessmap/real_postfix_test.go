package accessmap_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"mailallow/fixtures"
)

// TestPostfixAnswers asks Postfix's own matcher about the boundaries of every range of a list. Postfix writes to stderr if
// it skips a line (docs/facts.md 9).
func TestPostfixAnswers(t *testing.T) {
	t.Parallel()
	lists := realLists(t)
	for seed := range 5 {
		l := rapid.Custom(drawList).Example(seed)
		l.name = fmt.Sprintf("random %d", seed)
		lists = append(lists, l)
	}
	for _, l := range lists {
		t.Run(l.name, func(t *testing.T) {
			for _, format := range []string{"postfix-cidr", "postscreen-cidr", "mynetworks-cidr"} {
				path := filepath.Join(t.TempDir(), "table")
				if err := os.WriteFile(path, l.mustWrite(t, format), 0o644); err != nil {
					t.Fatal(err)
				}
				addrs := l.boundaries()
				values, stderr := fixtures.PostmapQuery(t, "cidr:"+path, addrs)
				if stderr != "" {
					t.Errorf("%s: %s", format, stderr)
				}
				for _, addr := range addrs {
					if got, want := values[addr], inTable[format].words[l.action(addr)]; got != want {
						t.Errorf("%s: %s: %q; the list says %q", format, addr, got, l.action(addr))
					}
				}
			}
		})
	}
}

// TestPostfixSkipsHostBits shows why no network is written with host bits: Postfix warns, and the line matches nothing.
func TestPostfixSkipsHostBits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	if err := os.WriteFile(path, []byte("192.0.2.7/24\tpermit\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	values, stderr := fixtures.PostmapQuery(t, "cidr:"+path, []netip.Addr{netip.MustParseAddr("192.0.2.7")})
	if len(values) != 0 || stderr == "" {
		t.Errorf("%v, and %q on stderr", values, stderr)
	}
}
