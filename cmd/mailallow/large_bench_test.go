package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lists are random prefixes, with a length of least to most bits, in files of the folder,
// one for each rule: an action and a number of prefixes.
type lists struct {
	ipv6        bool
	least, most int
	actions     []string
	prefixes    int // of each action
}

// write makes the files and a configuration that reads them, and returns its path.
func (l lists) write(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	config := fmt.Sprintf("state_dir = %q\n[guard]\nwidest_ipv4 = 1\nwidest_ipv6 = 1\n", filepath.Join(dir, "state"))
	random := rand.New(rand.NewPCG(1, uint64(l.prefixes)))
	for _, action := range l.actions {
		var text []byte
		for range l.prefixes {
			text = append(l.prefix(random).AppendTo(text), '\n')
		}
		name := strings.ToLower(action) + ".cidr"
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			tb.Fatal(err)
		}
		config += fmt.Sprintf("[[source]]\nname = %q\nfile = %q\naction = %q\n", action, name, action)
	}
	path := filepath.Join(dir, "mailallow.toml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

func (l lists) prefix(random *rand.Rand) netip.Prefix {
	bits := l.least + random.IntN(l.most-l.least+1)
	var a [16]byte
	for i := range a {
		a[i] = byte(random.Uint32())
	}
	if l.ipv6 {
		a[0] = 0x20 | a[0]&0x1f // 2000::/3, where hosts are
		return netip.PrefixFrom(netip.AddrFrom16(a), bits).Masked()
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(a[:4])), bits).Masked()
}

// benchmark renders a format, the whole way from the files to the text.
func (l lists) benchmark(b *testing.B, format string) {
	config := l.write(b)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		var complaints strings.Builder
		if code := execute(context.Background(), []string{"-c", config, "render", format}, nil, io.Discard, &complaints); code != 0 {
			b.Fatalf("exit %d: %s", code, &complaints)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*l.prefixes*len(l.actions)), "ns/prefix")
}

// BenchmarkMerge goes from a file of random nested prefixes to the fewest. The cost of a prefix does not depend on the number
// of prefixes.
func BenchmarkMerge(b *testing.B) {
	plain, mixed := []string{"OK"}, []string{"RELAY", "OK", "REJECT", "EXCLUDE"}
	for _, row := range []struct {
		name string
		lists
	}{
		{"IPv4/10k", lists{least: 20, most: 32, actions: plain, prefixes: 10_000}},
		{"IPv4/100k", lists{least: 20, most: 32, actions: plain, prefixes: 100_000}},
		{"IPv4/1M", lists{least: 20, most: 32, actions: plain, prefixes: 1_000_000}},
		{"IPv4 with actions and holes/1M", lists{least: 20, most: 32, actions: mixed, prefixes: 250_000}},
		{"IPv6/10k", lists{ipv6: true, least: 28, most: 128, actions: plain, prefixes: 10_000}},
		{"IPv6/100k", lists{ipv6: true, least: 28, most: 128, actions: plain, prefixes: 100_000}},
		{"IPv6/1M", lists{ipv6: true, least: 28, most: 128, actions: plain, prefixes: 1_000_000}},
		{"IPv6 with actions and holes/1M", lists{ipv6: true, least: 28, most: 128, actions: mixed, prefixes: 250_000}},
	} {
		b.Run(row.name, func(b *testing.B) { row.benchmark(b, "cidr") })
	}
}

// BenchmarkKeys expands prefixes into access keys.
func BenchmarkKeys(b *testing.B) {
	b.Run("IPv4/10k", func(b *testing.B) {
		lists{least: 9, most: 30, actions: []string{"OK"}, prefixes: 10_000}.benchmark(b, "sendmail-access")
	})
	b.Run("IPv6/100", func(b *testing.B) {
		lists{ipv6: true, least: 36, most: 36, actions: []string{"OK"}, prefixes: 100}.benchmark(b, "sendmail-access")
	})
}
