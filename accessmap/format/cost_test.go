package format

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
)

// TestCost reads texts of other shapes than mailallow writes: what a file that others can write to costs must grow as its length does.
func TestCost(t *testing.T) {
	const n = 500
	comment, network, more := "# 192.0.2.0/24 OK google: x\n", "192.0.2.0/24\tpermit\n", "  and more\n"
	for _, row := range []struct {
		name, format string
		text         func(n int) string
	}{
		{"comments above a key", "sendmail-access", func(n int) string { return strings.Repeat(comment, n) + "Connect:192.0.2\tOK\n" }},
		{"comments above a network", "postfix-cidr", func(n int) string { return strings.Repeat(comment, n) + network }},
		{"a line that goes on", "postfix-cidr", func(n int) string { return network + strings.Repeat(more, n) }},
	} {
		f, err := ByName(row.format)
		if err != nil {
			t.Fatal(err)
		}
		cost := func(n int) uint64 {
			text := []byte(row.text(n))
			return allocated(func() {
				f.Read(text)
				f.FindLine(text, netip.MustParseAddr("192.0.2.1"))
			})
		}
		if one, ten := cost(n), cost(10*n); ten > 15*one {
			t.Errorf("%s: ten times as many lines take %d bytes of memory, and a tenth %d", row.name, ten, one)
		}
	}
}

// allocated gives the bytes of memory that f takes in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
