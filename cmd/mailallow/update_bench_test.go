package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// BenchmarkFirstUpdate makes an access file and its map: of hosts, of wide networks, and beside lines that people wrote. The
// start of the program does not count.
func BenchmarkFirstUpdate(b *testing.B) {
	var hosts, byHand strings.Builder
	for i := range 55_000 {
		fmt.Fprintf(&hosts, "%d.%d.%d.%d\n", 20+i%100, i>>8&255, i&255, i*7%256)
	}
	wide := ""
	for i := range 14 {
		wide += fmt.Sprintf("2a01:%x:%x000::/36\n", i, i)
	}
	for i := range 100_000 {
		fmt.Fprintf(&byHand, "From:user%d@example%d.org\tREJECT\n", i, i*7%100_000)
	}
	for _, row := range []struct{ name, list, byHand string }{
		{"55000 hosts", hosts.String(), ""},
		{"14 IPv6 networks of 57344 keys", wide, ""},
		{"100000 lines by hand", "192.0.2.0/24\n", byHand.String()},
	} {
		b.Run(row.name, func(b *testing.B) {
			dir := b.TempDir()
			at := func(name string) string { return filepath.Join(dir, name) }
			fixtures.WriteFile(b, at("list"), row.list)
			fixtures.WriteFile(b, at("c.toml"), fmt.Sprintf("state_dir = \"state\"\n[guard]\nwidest_ipv4 = 0\nwidest_ipv6 = 0\nallow_special = true\n"+
				"[[source]]\nname = \"list\"\nfile = \"list\"\naction = \"OK\"\n[[target]]\nformat = \"sendmail-access\"\npath = \"access\"\nmap = \"hash\"\nmakemap = %q\n",
				fixtures.Makemap(b)))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for _, name := range []string{"state", "access", "access.db"} {
					if err := os.RemoveAll(at(name)); err != nil {
						b.Fatal(err)
					}
				}
				fixtures.WriteFile(b, at("access"), row.byHand)
				b.StartTimer()
				var stderr bytes.Buffer
				if code := execute(b.Context(), []string{"update", "-q", "-c", at("c.toml")}, strings.NewReader(""), io.Discard, &stderr); code != exit.Done {
					b.Fatalf("exit code %d: %s", code, &stderr)
				}
			}
		})
	}
}
