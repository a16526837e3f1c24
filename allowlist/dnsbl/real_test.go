package dnsbl_test

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailallow/allowlist/dnsbl"
	"mailallow/allowlist/dnsq"
	"mailallow/fixtures"

	"github.com/google/go-cmp/cmp"
)

// rbldnsd starts the server that many lists run on, with data files by name and zones as its command line has them, and
// gives its host:port.
func rbldnsd(t *testing.T, files map[string]string, zones ...string) string {
	t.Helper()
	program := fixtures.FindParts().Rbldnsd
	if program == "" {
		fixtures.Missing(t, "no rbldnsd here: `make parts` fetches it, without installing it")
	}
	dir, err := os.MkdirTemp("", "mailallow-dnsbl-") // the test's own TempDir is closed to the user the server becomes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // it takes no port 0: one that was free a moment ago may be taken
		free, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := free.LocalAddr().String()
		free.Close()
		args := []string{"-n", "-4", "-c", "0", "-b", strings.Replace(addr, ":", "/", 1), "-w", dir}
		if os.Geteuid() == 0 {
			args = append(args, "-u", "daemon")
		}
		cmd := exec.Command(program, append(args, zones...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		stdout, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if strings.Contains(lines.Text(), "zones reloaded") {
				t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
				return addr
			}
		}
		cmd.Wait()
	}
	t.Fatal("rbldnsd does not start")
	return ""
}

// A real server, with real test entries in one zone, none in another, and one that has everything.
func TestRealList(t *testing.T) {
	server := rbldnsd(t, map[string]string{
		"v4":   ":127.0.0.2:listed, see https://bl.test/$\n127.0.0.2\n192.0.2.0/28\n!192.0.2.7\n198.51.100.4 :127.0.0.10:end-user space: $\n",
		"v6":   ":127.0.0.3:IPv6 $\n::ffff:127.0.0.2\n2001:db8:25::/48\n",
		"bare": ":127.0.0.2:x\n192.0.2.0/28\n",
		"all":  ":127.0.0.2:x\n127.0.0.0/8\n192.0.0.0/8\n198.0.0.0/8\n",
	}, "bl.test:ip4set:v4", "bl.test:ip6trie:v6", "bare.test:ip4set:bare", "all.test:ip4set:all")
	q, err := dnsq.New(dnsq.Config{Resolvers: []string{server}, Timeout: patient, Attempts: 1, Concurrency: 256})
	if err != nil {
		t.Fatal(err)
	}
	var addrs []netip.Addr
	for _, a := range []string{"192.0.2.7", "192.0.2.8", "198.51.100.4", "2001:db8:25::1", "2001:db8:26::1"} {
		addrs = append(addrs, addr(a))
	}
	var zones []dnsbl.Zone
	for _, name := range []string{"bl.test", "bare.test", "all.test", "elsewhere.test"} {
		zones = append(zones, zone(t, name, ""))
	}
	var got []string
	for _, res := range dnsbl.Check(t.Context(), []dnsbl.Resolver{q}, addrs, zones) {
		row := res.Address.String() + " " + res.Zone.Written + " " + string(res.State)
		for _, code := range res.Codes {
			row += " " + code.String()
		}
		got = append(got, strings.Join(append([]string{row}, res.Text...), " | "))
	}
	want := []string{
		"192.0.2.7 bl.test clean",
		"192.0.2.7 bare.test error 127.0.0.2",
		"192.0.2.7 all.test error 127.0.0.2",
		"192.0.2.7 elsewhere.test unknown",
		"192.0.2.8 bl.test listed 127.0.0.2 | listed, see https://bl.test/192.0.2.8",
		"192.0.2.8 bare.test error 127.0.0.2",
		"192.0.2.8 all.test error 127.0.0.2",
		"192.0.2.8 elsewhere.test unknown",
		"198.51.100.4 bl.test listed 127.0.0.10 | end-user space: 198.51.100.4",
		"198.51.100.4 bare.test error",
		"198.51.100.4 all.test error 127.0.0.2",
		"198.51.100.4 elsewhere.test unknown",
		"2001:db8:25::1 bl.test listed 127.0.0.3 | IPv6 2001:db8:25::1",
		"2001:db8:25::1 bare.test error",
		"2001:db8:25::1 all.test error",
		"2001:db8:25::1 elsewhere.test unknown",
		"2001:db8:26::1 bl.test clean",
		"2001:db8:26::1 bare.test error",
		"2001:db8:26::1 all.test error",
		"2001:db8:26::1 elsewhere.test unknown",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
