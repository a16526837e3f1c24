package main

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/fixtures"
)

// TestElsewhere: lists and snapshots come from another host, which no server on loopback shows. Plain http to it has to be asked for.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	host := netip.MustParsePrefix("198.51.100.1/32")
	ns := fixtures.NewNamespace(t, t.TempDir(), map[string]string{"/etc/hosts": host.Addr().String() + " example.com\n"})
	ns.Own(t, host)
	at := func(server *fixtures.HTTPServer) string {
		var l net.Listener
		err := ns.Do(func() (err error) {
			l, err = net.Listen("tcp4", host.Addr().String()+":0")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		server.Also(l)
		return fmt.Sprintf("example.com:%d", l.Addr().(*net.TCPAddr).Port)
	}
	secure, plain := fixtures.HTTPS(t), fixtures.HTTP(t)
	fixtures.WriteFile(t, filepath.Join(dir, "ca.pem"), secure.Certificate())
	secure.Set("/list", fixtures.Page{Body: "74.125.0.0/16\n"})
	plain.Set("/list", fixtures.Page{Body: "74.126.0.0/16\n"})

	config := filepath.Join(dir, "c.toml")
	run := func(args ...string) (out, says string) {
		t.Helper()
		var stdout, stderr strings.Builder
		cmd := exec.Command("mailallow", append(args, "-c", config)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = ns.Run(cmd) // what it says tells more
		return stdout.String(), stderr.String()
	}
	source := func(lines string) string {
		return "state_dir = \"state\"\n[[source]]\nname = \"x\"\naction = \"OK\"\n" + lines
	}
	list := source("url = \"https://" + at(secure) + "/list\"\nca_file = \"ca.pem\"\n")
	http := "url = \"http://" + at(plain) + "/list\"\n"
	for _, row := range []struct{ name, config, out, says string }{
		{"a list", list, "74.125.0.0/16\n", ""},
		{"a snapshot", strings.Replace(list, "[[source]]", "[snapshot]\nurl = \"https://"+at(secure)+"/list.json\"\nca_file = \"ca.pem\"\n[[source]]", 1), "74.125.0.0/16\n", ""},
		{"http that is asked for", source(http + "insecure = true\n"), "74.126.0.0/16\n", ""},
		{"http", source(http), "", "http is for loopback alone"},
	} {
		fixtures.WriteFile(t, config, row.config)
		if out, says := run("render", "cidr"); out != row.out || !strings.Contains(says, row.says) || row.says == "" && says != "" {
			t.Errorf("%s: %q\n%s", row.name, out, says)
		}
		if row.name == "a list" { // the next row reads it
			made, _ := run("fetch", "-o", "-")
			secure.Set("/list.json", fixtures.Page{Body: made})
			secure.Set("/list", fixtures.Page{Status: 404})
		}
	}
}
