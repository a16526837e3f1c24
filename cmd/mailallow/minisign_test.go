package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// TestMinisign: what the program minisign signs, in both of its forms, is taken, and it takes what the tests sign.
func TestMinisign(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		fixtures.Missing(t, "minisign: "+err.Error())
	}
	dir := t.TempDir()
	run := func(args ...string) error {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("\n\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("minisign %q: %w\n%s", args, err, out)
		}
		return nil
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(run("-G", "-W", "-p", "list.pub", "-s", "list.key"))
	public, err := minisign.PublicKeyFromFile(filepath.Join(dir, "list.pub"))
	check(err)
	config := func(name, snapshot, more string) string {
		path := filepath.Join(dir, name)
		fixtures.WriteFile(t, path, "state_dir = \"state\"\n"+snapshot+"[[source]]\nname = \"own\"\ncidr = [\"74.125.4.0/24\"]\naction = \"OK\"\n"+
			"[[target]]\nformat = \"cidr\"\npath = \"list.cidr\"\n"+more)
		return path
	}
	list := filepath.Join(dir, "list.json")
	mailallow := func(want int, args ...string) string {
		t.Helper()
		var stderr bytes.Buffer
		if code := execute(t.Context(), args, strings.NewReader(""), &stderr, &stderr); code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s", args, code, want, &stderr)
		}
		return stderr.String()
	}
	mailallow(exit.Done, "fetch", "-c", config("maker.toml", "", ""), "-o", list)
	host := config("host.toml", "snapshot.keys = [\""+public.String()+"\"]\n", "")
	for _, form := range [][]string{{"-S"}, {"-S", "-l"}, {"-S", "-H"}} { // of the hash, of the text, of the hash as old programs ask for it
		check(run(append(form, "-s", "list.key", "-m", "list.json", "-t", "reviewed by anna")...))
		if out := mailallow(exit.Done, "update", "-c", host, "--snapshot", list); !strings.Contains(out, ": reviewed by anna\n") {
			t.Errorf("%s: the trusted comment is not shown: %s", form, out)
		}
	}
	check(run("-S", "-s", "list.key", "-m", "host.toml", "-x", "list.json.minisig"))
	if out := mailallow(exit.Usage, "update", "-c", host, "--snapshot", list); !strings.Contains(out, "its signature is refused") {
		t.Errorf("the signature of another file: %s", out)
	}
	text := []byte("a list")
	fixtures.WriteFile(t, filepath.Join(dir, "ours"), string(text))
	fixtures.WriteFile(t, filepath.Join(dir, "ours.minisig"), string(signed(1, text, "by the tests")))
	check(run("-V", "-P", signingKey(1).public, "-m", "ours"))
}
