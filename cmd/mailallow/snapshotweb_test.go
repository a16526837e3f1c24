package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// TestSnapshotWeb: a signed list comes over https as the documents of sources do, and is downloaded again only if it has changed.
func TestSnapshotWeb(t *testing.T) {
	dir := t.TempDir()
	server, plain := fixtures.HTTPS(t), fixtures.HTTP(t)
	in := func(name, text string) string {
		path := filepath.Join(dir, name)
		fixtures.WriteFile(t, path, text)
		return path
	}
	source := "[[source]]\nname = \"g\"\nfrom = \"snapshot\"\naction = \"OK\"\n[[source]]\nname = \"own\"\ncidr = [\"192.0.2.9\"]\naction = \"OK\"\n[[target]]\nformat = \"cidr\"\npath = \"list.cidr\"\n"
	in("ca.pem", server.Certificate())
	host := func(more string) string {
		return in("host.toml", "state_dir = \"state\"\ndns.deadline = \"3s\"\n[snapshot]\nurl = \""+server.URL("/list.json")+"\"\nkeys = [\""+signingKey(1).public+"\"]\n"+more+source)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code := execute(t.Context(), args, strings.NewReader(""), &out, &out); code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s", args, code, want, &out)
		}
		return out.String()
	}
	in("maker.toml", "state_dir = \"maker\"\n[[source]]\nname = \"g\"\ncidr = [\"74.125.4.0/24\"]\naction = \"OK\"\n")
	run(exit.Done, "fetch", "-c", filepath.Join(dir, "maker.toml"), "-o", filepath.Join(dir, "list.json"))
	text, err := os.ReadFile(filepath.Join(dir, "list.json"))
	if err != nil {
		t.Fatal(err)
	}
	list := fixtures.Page{Body: string(text), Header: map[string]string{"ETag": `"one"`}}
	good := fixtures.Page{Body: string(signed(1, text, "reviewed"))}
	server.Set("/list.json", list)
	server.Set("/list.json.minisig", good)

	config := host("ca_file = \"ca.pem\"\n")
	t.Setenv("CACHE_DIRECTORY", "")
	run(exit.Done, "update", "-c", config)
	run(exit.Done, "update", "-c", config)
	if asked := server.Asked("/list.json"); len(asked) != 2 || asked[1].Get("If-None-Match") != `"one"` || len(server.Asked("/list.json.minisig")) != 1 {
		t.Errorf("asked with %v, and for the signature %d times", asked, len(server.Asked("/list.json.minisig")))
	}
	fixtures.WriteFile(t, filepath.Join(dir, "state", "published.json"), "damaged")
	run(exit.Done, "update", "-c", config)
	if asked := server.Asked("/list.json"); asked[2].Get("If-None-Match") != "" {
		t.Error("a pair that was damaged on disk is taken for the list of the server")
	}
	cache := t.TempDir()
	t.Setenv("CACHE_DIRECTORY", cache)
	for range 2 {
		run(exit.Done, "fetch", "-c", config, "-o", filepath.Join(dir, "got.json"))
		if got, err := os.ReadFile(filepath.Join(dir, "got.json")); err != nil || !bytes.Equal(got, text) {
			t.Errorf("fetch hands on other bytes: %v", err)
		}
	}
	if asked := server.Asked("/list.json"); asked[4].Get("If-None-Match") != `"one"` {
		t.Errorf("with a cache asked with %v", asked[4])
	}
	t.Setenv("CACHE_DIRECTORY", "")

	list.Header = nil // or the pair that was kept is good
	for _, row := range []struct {
		name            string
		list, signature fixtures.Page
		want            int
		says            string
	}{
		{"a redirect to http", fixtures.Page{Status: 302, Header: map[string]string{"Location": plain.URL("/list.json")}}, good, exit.Stale, "redirected from https to http"},
		{"a redirect of the signature to http", list, fixtures.Page{Status: 302, Header: map[string]string{"Location": plain.URL("/x")}}, exit.Stale, "redirected from https to http"},
		{"no list", fixtures.Page{Status: 404}, good, exit.Stale, "404 Not Found"},
		{"a gigabyte", fixtures.Page{Fault: fixtures.Bomb}, good, exit.Stale, "cannot be had"},
		{"a list that stalls", fixtures.Page{Body: list.Body, Fault: fixtures.Stalled}, good, exit.Stale, "/list.json: after "},
		{"a signature that is cut short", list, fixtures.Page{Body: good.Body, Fault: fixtures.CutShort}, exit.Stale, "cannot be had"},
		{"no signature", list, fixtures.Page{Status: 404}, exit.Usage, "wants a signature"},
		{"half a signature", list, fixtures.Page{Body: good.Body[:100]}, exit.Usage, "its signature is refused"},
		{"half a list", fixtures.Page{Body: list.Body[:100]}, good, exit.Usage, "its signature is refused"},
	} {
		server.Set("/list.json", row.list)
		server.Set("/list.json.minisig", row.signature)
		if out := run(row.want, "update", "-c", config); !strings.Contains(out, row.says) {
			t.Errorf("%s: %q is not in\n%s", row.name, row.says, out)
		}
	}
	server.Set("/list.json", list)
	server.Set("/list.json.minisig", good)
	if out := run(exit.Stale, "update", "-c", host("")); !strings.Contains(out, "name its authority in ca_file") {
		t.Errorf("without ca_file: %s", out)
	}
	if out, file := run(exit.Stale, "update", "-c", host("ca_file = \"none.pem\"\n")), filepath.Join(dir, "none.pem"); !strings.Contains(out, "ca_file: open "+file+": no such file") {
		t.Errorf("without the file of ca_file: %s", out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "list.cidr")); err != nil || string(got) != "74.125.4.0/24\n192.0.2.9/32\n" {
		t.Errorf("after all: %q, %v", got, err)
	}
}
