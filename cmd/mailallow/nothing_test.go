package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/provenance"
	"mailallow/allowlist/snapshot"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// BenchmarkNothingToDo is a run of the timer on an ordinary day: every provider of the catalogue that can be listed, in a
// snapshot, an access file of some 60,000 keys with its map and a Postfix table, all of them up to date. The start of the
// program does not count.
func BenchmarkNothingToDo(b *testing.B) {
	config, snapshot := everyProvider(b)
	for _, command := range []string{"update", "diff"} {
		b.Run(command, func(b *testing.B) {
			args := []string{command, "-c", config, "--snapshot", snapshot}
			for b.Loop() {
				var stderr bytes.Buffer
				if code := execute(b.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != exit.Done {
					b.Fatalf("exit code %d: %s", code, &stderr)
				}
			}
		})
	}
}

// everyProvider writes a configuration with all providers and a snapshot of them, and installs it.
func everyProvider(tb testing.TB) (config, plan string) {
	tb.Helper()
	makemap, dir := fixtures.Makemap(tb), tb.TempDir()
	config, plan = filepath.Join(dir, "c.toml"), filepath.Join(dir, "snapshot.json")
	text := "state_dir = \"state\"\naction = \"OK\"\nguard.max_age = \"100000h\"\n"
	var sources []allowlist.Resolved
	published, err := snapshot.Embedded()
	if err != nil {
		tb.Fatal(err)
	}
	all, err := allowlist.Providers()
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range all {
		if p.Unlistable != "" {
			continue
		}
		text += fmt.Sprintf("[[source]]\nname = %q\nprovider = %q\n", p.Name, p.Name)
		source := likeAProvider(p.Name)
		if there, known := published.Find(p.Name); known {
			source = there.Resolved
		}
		sources = append(sources, source)
	}
	text += fmt.Sprintf("[[target]]\nformat = \"sendmail-access\"\npath = \"access\"\nmakemap = %q\n", makemap) +
		"[[target]]\nformat = \"postfix-cidr\"\npath = \"mailallow.cidr\"\n"
	encoded, err := snapshot.New(time.Time{}, sources).Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	for path, content := range map[string][]byte{config: []byte(text), plan: encoded} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	args := []string{"update", "-c", config, "--snapshot", plan}
	if code := execute(tb.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != exit.Done {
		tb.Fatalf("exit code %d: %s", code, &stderr)
	}
	return config, plan
}

// likeAProvider is a source of a dozen networks, always the same for a name.
func likeAProvider(name string) allowlist.Resolved {
	digest := fnv.New32a()
	digest.Write([]byte(name))
	at := digest.Sum32()
	source := allowlist.Resolved{
		Name: name, Definition: allowlist.Source{Name: name, Provider: name}.Definition(),
		Time: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC),
	}
	for i := range uint32(12) {
		// Scattered over 20/8 to 99/8, in which the mask leaves no special-purpose space.
		addr := netip.AddrFrom4([4]byte{byte(20 + (at+i*7)%80), byte(128 | (at>>8+i*31)%128), byte(at>>16 + i*17), 0})
		p := netip.PrefixFrom(addr, int(19+(at+i)%6)).Masked()
		source.Ranges.Add(allowlist.Range{Prefix: p, Path: provenance.Of("_spf."+name+".example", "ip4:"+p.String())})
	}
	return source
}
