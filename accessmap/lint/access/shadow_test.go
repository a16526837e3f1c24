package access

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/prefixes"
)

// Lines that all have one key, because a blank behind the tag keeps them from being the same for makemap, are not gone through for
// every key below it.
func TestLineOfManyWithOnePrefix(t *testing.T) {
	const many, limit = 200_000, 5 * time.Second
	l := newLinter([]byte(strings.Repeat("Connect: 10 REJECT\n", many)), Options{})
	ten := netip.MustParsePrefix("10.0.0.0/8")
	var list prefixes.List
	for number := range many {
		list.Add(ten, uint32(number+1))
	}
	list.Add(netip.MustParsePrefix("10.1.0.0/16"), 1)
	list = list.Sorted()
	began := time.Now()
	for range 20_000 {
		if line := l.lineOf(list, ten); line == nil || line.Number != many || line.prefix != ten {
			t.Fatalf("%+v, want line %d", line, many)
		}
		if took := time.Since(began); took > limit {
			t.Fatalf("it took more than %v", limit)
		}
	}
	if line := l.lineOf(list, netip.MustParsePrefix("10.2.0.0/16")); line != nil {
		t.Errorf("line %d has no such key", line.Number)
	}
}
