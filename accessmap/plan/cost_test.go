package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailallow/accessmap/block"
	"mailallow/accessmap/format"
	"mailallow/accessmap/record"
	"mailallow/allowlist"
	"mailallow/fixtures"
)

// TestCompareCost compares files whose lines all share the owners in the comments above the first one. They cost about as much as a
// file of their length in which each line has a comment of its own.
func TestCompareCost(t *testing.T) {
	const lines = 10_000
	comment := func(i int) string { return fmt.Sprintf("# 192.0.2.0/24 OK source%d: x\n", i) }
	network := func(i int) string { return fmt.Sprintf("10.0.%d.%d/32\tpermit\n", i>>8, i&255) }
	equal := func(int) string { return network(0) }
	f, err := format.ByName("postfix-cidr")
	if err != nil {
		t.Fatal(err)
	}
	cost := func(text string) time.Duration {
		return fixtures.Least(func() {
			c := Content{}
			c.compare(Target{Format: f}, record.Target{}, block.File{Inside: []byte(text)}, slices.Values([]allowlist.Span(nil)), nil)
			if c.before.entries != lines || len(c.before.sources) != lines {
				t.Fatalf("%d entries of %d sources", c.before.entries, len(c.before.sources))
			}
		})
	}
	usual := cost(repeated(lines, func(i int) string { return comment(i) + network(i) }))
	for name, below := range map[string]func(int) string{"networks": network, "equal networks": equal} {
		if took := cost(repeated(lines, comment) + repeated(lines, below)); took > 20*usual {
			t.Errorf("%s below %d comments take %v, and each below one %v", name, lines, took, usual)
		}
	}
}

func repeated(n int, line func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i))
	}
	return b.String()
}
