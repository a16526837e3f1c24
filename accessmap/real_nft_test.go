//go:build linux

package accessmap_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"mailallow/allowlist"
	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

// firewall is the packet filter of a network namespace, which the real nft changes.
type firewall struct {
	t      *testing.T
	island *host.Island
	nft    string
	dir    string
}

func newFirewall(t *testing.T) firewall {
	t.Helper()
	f := firewall{t, host.NewIsland(t), fixtures.Need(t, "nft", fixtures.FindParts().Nft), t.TempDir()}
	if out, err := f.try("list", "ruleset"); err != nil {
		fixtures.Missing(t, "this kernel has no nf_tables: "+out)
	}
	return f
}

func (f firewall) try(args ...string) (output string, err error) {
	var out strings.Builder
	cmd := exec.Command(f.nft, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err = f.island.Run(cmd)
	return out.String(), err
}

func (f firewall) run(args ...string) string {
	f.t.Helper()
	out, err := f.try(args...)
	if err != nil {
		f.t.Fatalf("nft %s: %v\n%.2000s", strings.Join(args, " "), err, out)
	}
	return out
}

// load puts a file in force.
func (f firewall) load(text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, "list.nft")
	fixtures.WriteFile(f.t, path, text)
	if out := f.run("-f", path); out != "" {
		f.t.Errorf("nft -f says %q", out)
	}
}

// holds gives the addresses that both sets hold in the kernel.
func (f firewall) holds() *netipx.IPSet {
	f.t.Helper()
	var b netipx.IPSetBuilder
	for _, set := range []string{"allow4", "allow6"} {
		var listing struct {
			Nftables []struct {
				Set struct{ Elem []json.RawMessage }
			}
		}
		if err := json.Unmarshal([]byte(f.run("-j", "list", "set", "inet", "mailallow", set)), &listing); err != nil {
			f.t.Fatal(err)
		}
		for _, part := range listing.Nftables {
			for _, element := range part.Set.Elem {
				addElement(f.t, &b, element)
			}
		}
	}
	all, err := b.IPSet()
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// addElement adds an element of libnftables-json(5): an address, a prefix or a range.
func addElement(t *testing.T, b *netipx.IPSetBuilder, element json.RawMessage) {
	t.Helper()
	var addr netip.Addr
	var network struct {
		Prefix struct {
			Addr netip.Addr
			Len  int
		}
		Range []netip.Addr
	}
	switch {
	case json.Unmarshal(element, &addr) == nil:
		b.Add(addr)
	case json.Unmarshal(element, &network) != nil:
		t.Fatalf("element %s", element)
	case network.Range != nil:
		b.AddRange(netipx.IPRangeFrom(network.Range[0], network.Range[1]))
	default:
		b.AddPrefix(netip.PrefixFrom(network.Prefix.Addr, network.Prefix.Len))
	}
}

// TestNftAnswers loads lists over one another into a real kernel, each of them twice. After each the sets hold that list.
func TestNftAnswers(t *testing.T) {
	t.Parallel()
	f := newFirewall(t)
	lists := append(realLists(t),
		list{name: "every address", set: allowlist.Merge([]allowlist.Labelled{networks("all", allowlist.OK, "0.0.0.0/0", "::/0")})},
		list{name: "nothing", set: allowlist.Merge(nil)},
		list{name: "the ends", set: allowlist.Merge([]allowlist.Labelled{networks("all", allowlist.OK, "0.0.0.0/32", "255.255.255.255/32",
			"::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "::ffff:192.0.2.0/120")})},
	)
	for seed := range 25 {
		l := rapid.Custom(drawList).Example(seed)
		l.name = fmt.Sprintf("random %d", seed)
		lists = append(lists, l)
	}
	for _, l := range lists {
		text := string(l.mustWrite(t, "nftables"))
		for range 2 {
			f.load(text)
			holds := f.holds()
			for _, addr := range l.samples() {
				if want := l.word("nftables", addr) != ""; holds.Contains(addr) != want {
					t.Fatalf("%s: %s: %v, want %v\n%.2000s", l.name, addr, holds.Contains(addr), want, text)
				}
			}
		}
	}
}

// TestNftKeepsTheTable: what else is in the table stays, and a file with a mistake changes nothing.
func TestNftKeepsTheTable(t *testing.T) {
	f := newFirewall(t)
	text := func(networked ...string) string {
		return string(list{set: allowlist.Merge([]allowlist.Labelled{networks("a", allowlist.OK, networked...)})}.mustWrite(t, "nftables"))
	}
	f.load(text("192.0.2.0/24", "2001:db8::/32"))
	f.load("add chain inet mailallow input { type filter hook input priority -1; }\nadd rule inet mailallow input tcp dport 25 ip saddr @allow4 counter accept\n")
	f.load(text("198.51.100.0/24"))
	if rules := f.run("list", "chain", "inet", "mailallow", "input"); !strings.Contains(rules, "ip saddr @allow4") {
		t.Errorf("the rule is gone:\n%s", rules)
	}
	holds := f.holds()
	for addr, want := range map[string]bool{"198.51.100.7": true, "192.0.2.7": false, "2001:db8::1": false} {
		if holds.Contains(netip.MustParseAddr(addr)) != want {
			t.Errorf("%s is in the sets: %v, want %v", addr, !want, want)
		}
	}
	path := filepath.Join(f.dir, "bad.nft")
	fixtures.WriteFile(t, path, strings.Replace(text("203.0.113.0/24"), "203.0.113.0/24", "203.0.113.0/24,\n\t203.0.113.0/33", 1))
	if out, err := f.try("-f", path); err == nil {
		t.Errorf("nft takes a /33: %s", out)
	}
	if !f.holds().Equal(holds) {
		t.Error("a file with a mistake has changed the sets")
	}
}

// TestNftRefuses shows why a set without networks has no element list, and why its networks are those of one family.
func TestNftRefuses(t *testing.T) {
	f := newFirewall(t)
	f.load(string(list{set: allowlist.Merge(nil)}.mustWrite(t, "nftables")))
	for elements, refused := range map[string]bool{"{ }": true, "{ 192.0.2.0/24 }": true, "{ ::ffff:192.0.2.0/120 }": false} {
		if out, err := f.try("add", "element", "inet", "mailallow", "allow6", elements); (err != nil) != refused {
			t.Errorf("%s: %v\n%s", elements, err, out)
		}
	}
}
