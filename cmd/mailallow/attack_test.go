package main

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailallow/allowlist/prefixes"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// victim is a host with a source whose zone belongs to an attacker, and one whose zone does not.
type victim struct {
	t       *testing.T
	dir     string
	program string
	dns     *fixtures.DNSServer
	run     int
}

func newVictim(t *testing.T, action string) *victim {
	v := &victim{t: t, dir: fixtures.MemoryDir(t), program: fixtures.Mailallow(t), dns: fixtures.DNS(t)}
	config := fmt.Sprintf(`
state_dir = "state"
dns.resolvers = [%q]
source = [{name = "hostile", spf = ["hostile.test"], action = %q}, {name = "honest", spf = ["honest.test"], action = "OK"}]
target = [{format = "cidr", path = "list"}]
`, v.dns.Addr(), action)
	if err := os.WriteFile(filepath.Join(v.dir, "c.toml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	return v
}

// publishes has the attacker publish a policy, and runs an update. The honest source has another network each time: whatever
// the attacker does, it is installed. An hour passes.
func (v *victim) publishes(policy string) (code int, said string) {
	v.t.Helper()
	v.run++
	honest := fmt.Sprintf("185.70.40.0/22 ip4:185.80.%d.0/24", v.run)
	v.dns.Set("hostile.test TXT \""+policy+"\"", "honest.test TXT \"v=spf1 ip4:"+honest+" -all\"")
	cmd := exec.Command(v.program, "-c", filepath.Join(v.dir, "c.toml"), "update")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	_ = cmd.Run() // its exit code is looked at
	list, err := os.ReadFile(filepath.Join(v.dir, "list"))
	if want := fmt.Sprintf("185.80.%d.0/24", v.run); err != nil || !strings.Contains(string(list), want) {
		v.t.Fatalf("run %d: %s of the honest source is not installed: %v\n%s", v.run, want, err, &stderr)
	}
	makeEarlier(v.t, filepath.Join(v.dir, "state"), time.Hour)
	return cmd.ProcessState.ExitCode(), stderr.String()
}

// installed gives the networks of the hostile source in the list, and the number of their addresses.
func (v *victim) installed() (networks prefixes.List, addresses uint64) {
	v.t.Helper()
	list, err := os.ReadFile(filepath.Join(v.dir, "list"))
	if err != nil {
		v.t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		p, err := netip.ParsePrefix(strings.TrimSpace(line))
		if err != nil {
			v.t.Fatal(err)
		}
		if !netip.MustParsePrefix("185.0.0.0/8").Overlaps(p) {
			networks.Add(p, 0)
			addresses += 1 << (32 - p.Bits())
		}
	}
	return networks, addresses
}

// policy passes the first addresses from 16.0.0.0 on, but one in each /11, so that no network in it is wider than a /12.
func policy(addresses uint64) string {
	var b strings.Builder
	b.WriteString("v=spf1")
	first, last := netip.MustParseAddr("16.0.0.0"), addressAt(16<<24+addresses-1)
	for at := uint64(16 << 24); at < 16<<24+addresses; at += 1 << 21 {
		if addresses > 1<<20 {
			fmt.Fprintf(&b, " -ip4:%s", addressAt(at))
		}
	}
	for _, p := range prefixes.AppendRange(nil, first, last) {
		fmt.Fprintf(&b, " ip4:%s", p)
	}
	return b.String() + " -all"
}

func addressAt(n uint64) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// TestAttacks has somebody who owns the zone of a provider try what once gave him the whole of a list.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"OK", "RELAY"} {
		t.Run(action+" grows threefold every hour", func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, action)
			size := uint64(256)
			for hour := range fixtures.Rounds(6, 16) {
				code, said := v.publishes(policy(size))
				if hour <= 1 && code != exit.Done || hour > 1 && code != exit.Held {
					t.Errorf("hour %d, %d addresses: exit code %d\n%s", hour, size, code, said)
				}
				size = min(3*size, 1<<32-1<<28)
			}
			if _, n := v.installed(); n > 3*256 {
				t.Errorf("%d addresses at last, from 256", n)
			}
		})
		t.Run(action+" has most of IPv4 on a first fetch", func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, action)
			code, said := v.publishes(policy(1<<32 - 1<<28))
			if _, n := v.installed(); code != exit.Held || n > 0 {
				t.Errorf("exit code %d, %d addresses", code, n)
			}
			if !strings.Contains(said, `: IPv4: 3,`) || !strings.Contains(said, ": total_ipv4 = 1") || strings.Contains(said, "wider") {
				t.Errorf("it is not the total alone that holds it:\n%s", said)
			}
		})
		t.Run(action+" is worn down", func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, action)
			size := 98304.0
			v.publishes(policy(uint64(size)))
			for hour := range fixtures.Rounds(6, 30) {
				size = math.Ceil(size * 0.71)
				if code, said := v.publishes(policy(uint64(size))); hour == 0 && code != exit.Done || hour > 0 && code != exit.Held {
					t.Errorf("hour %d, %v addresses: exit code %d\n%s", hour, size, code, said)
				}
			}
			if _, n := v.installed(); n < 98304*7/10 {
				t.Errorf("%d of 98,304 addresses are left", n)
			}
		})
		t.Run(action+" is replaced by as many addresses", func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, action)
			const before, after = "v=spf1 ip4:16.0.0.0/17 ip4:17.0.0.0/18 -all", "v=spf1 ip4:18.0.0.0/17 ip4:19.0.0.0/18 -all"
			v.publishes(before)
			networks, _ := v.installed()
			code, said := v.publishes(after)
			if now, _ := v.installed(); code != exit.Held || !prefixes.Equal(now, networks) {
				t.Errorf("exit code %d:\n%s", code, said)
			}
		})
		t.Run(action+" is replaced quarter by quarter", func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, action)
			for hour := range fixtures.Rounds(6, 30) {
				text := "v=spf1"
				for i := range 8 {
					text += fmt.Sprintf(" ip4:16.%d.0.0/16", 2*(2*hour+i))
				}
				code, said := v.publishes(text + " -all")
				if hour <= 1 && code != exit.Done || hour > 1 && code != exit.Held {
					t.Errorf("hour %d: exit code %d\n%s", hour, code, said)
				}
			}
		})
	}
}
