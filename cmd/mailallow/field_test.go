package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/fixtures"
)

// The users of Debian's Sendmail, with numbers that this host does not use.
const smmta, smmsp = 64980, 64981

// debianUsers gives files of a host that has Debian's users. Those of this host come after them.
func debianUsers(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for path, line := range map[string]string{"/etc/passwd": "%s:x:%d:%[2]d::/:/usr/sbin/nologin\n", "/etc/group": "%s:x:%d:\n"} {
		files[path] = fmt.Sprintf(line, "smmta", smmta) + fmt.Sprintf(line, "smmsp", smmsp) + fixtures.ReadFile(t, path)
	}
	return files
}

// mapCase is a case of fixtures/lint/field with a map.
type mapCase struct {
	Lines, Healthy []int
	Map            builtMap
	MapFindings    bool `json:"map_findings"`
}

// builtMap is a map that is built from Text, or else from the file, with an owner and mode; empty: those of Debian.
type builtMap struct{ Text, Owner, Group, Mode string }

// TestFieldMaps: maps as they are on Debian, where they belong to smmta, the TrustedUser of its own sendmail.cf: lint tells one
// that differs from its text, and `explain --live` reads it (docs/facts.md 22).
func TestFieldMaps(t *testing.T) {
	t.Parallel()
	program := fixtures.Mailallow(t)
	cf := debianCF(t)
	wants, err := filepath.Glob(fixtures.Path("lint", "field", "*.access.want.json"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, want := range wants {
		var c mapCase
		if err := json.Unmarshal([]byte(fixtures.ReadFile(t, want)), &c); err != nil {
			t.Fatal(err)
		}
		if c.Map == (builtMap{}) {
			continue
		}
		ran++
		path := strings.TrimSuffix(want, ".want.json")
		t.Run(filepath.Base(path), func(t *testing.T) {
			h := newSystem(t, program)
			h.write("etc/mail/sendmail.cf", cf, 0o644)
			h.install(fixtures.ReadFile(t, path), c)
			h.check(c, "--root", h.root) // no configuration: what sendmail.cf names
			h.config = []string{"-c", h.write("c.toml", fmt.Sprintf(debianConfig, h.access, h.cf), 0o644)}
			h.check(c, h.access)
			if code, out := h.run("explain", "--live", "--snapshot", "embedded", "127.0.0.1"); code != exit.Done || !strings.Contains(out, "makemap -u") || strings.Contains(out, "denied") {
				t.Errorf("explain --live ends with %d: %s", code, out)
			}
		})
	}
	if ran < 2 {
		t.Errorf("%d cases with a map", ran)
	}
}

// debianConfig has a target at a path and its sendmail.cf. That file names another path, as one below a root does.
const debianConfig = `
[[source]]
name = "own"
cidr = ["192.0.3.0/24"]
action = "OK"
[[target]]
format = "sendmail-access"
path = %q
sendmail_cf = %q
`

// system is the root of a system with Sendmail or Postfix, for programs on a host that has Debian's users.
type system struct {
	t          *testing.T
	program    string
	root       string
	access, cf string   // its files
	config     []string // flags before the command
	bin        string   // a directory for PATH, and a colon; empty: none
	ns         *fixtures.Namespace
}

func newSystem(t *testing.T, program string) *system {
	h := &system{t: t, program: program, root: fixtures.SafeDir(t), ns: fixtures.NewNamespace(t, t.TempDir(), debianUsers(t))}
	h.access, h.cf = filepath.Join(h.root, "etc/mail/access"), filepath.Join(h.root, "etc/mail/sendmail.cf")
	return h
}

func (h *system) write(name, text string, mode fs.FileMode) string {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// install writes the access file of a case, and its map as Debian's makemap does.
func (h *system) install(text string, c mapCase) {
	h.t.Helper()
	h.write("etc/mail/access", text, 0o644)
	if c.Map.Text != "" {
		text = c.Map.Text
	}
	build := exec.Command(fixtures.Makemap(h.t), "-C", h.cf, "hash", h.access)
	build.Stdin = strings.NewReader(text)
	if err := h.ns.Run(build); err != nil {
		h.t.Fatal("makemap:", err)
	}
	numbers := map[string]int{"smmta": smmta, "smmsp": smmsp, "root": 0}
	mode, err := strconv.ParseUint(cmp.Or(c.Map.Mode, "0640"), 8, 32)
	if err == nil {
		err = os.Chown(h.access+".db", numbers[cmp.Or(c.Map.Owner, "smmta")], numbers[cmp.Or(c.Map.Group, "smmsp")])
	}
	if err == nil {
		err = os.Chmod(h.access+".db", fs.FileMode(mode))
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// run runs mailallow, and gives its exit code and stdout.
func (h *system) run(args ...string) (code int, stdout string) {
	h.t.Helper()
	cmd := exec.Command(h.program, slices.Concat(h.config, args)...)
	cmd.Env = []string{"PATH=" + h.bin + filepath.Dir(fixtures.Makemap(h.t)) + ":/usr/bin:/bin"}
	var out strings.Builder
	cmd.Stdout = &out
	if err := h.ns.Run(cmd); cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

type found struct {
	Line       int
	Rule, Text string
}

// lint gives the findings of lint.
func (h *system) lint(args ...string) []found {
	h.t.Helper()
	var doc struct{ Findings []found }
	code, out := h.run(append([]string{"--json", "lint"}, args...)...)
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exit.Done && code != exit.Finding {
		h.t.Fatalf("lint %q ends with %d: %v: %s", args, code, err, out)
	}
	return doc.Findings
}

// check lints the file, and wants the findings of the case.
func (h *system) check(c mapCase, args ...string) {
	h.t.Helper()
	findings := h.lint(args...)
	isOfMap := func(f found) bool { return strings.HasPrefix(f.Rule, "map-") }
	for _, f := range findings {
		if slices.Contains(c.Healthy, f.Line) {
			h.t.Errorf("lint %q: %+v", args, f)
		}
	}
	if slices.ContainsFunc(findings, isOfMap) != c.MapFindings {
		h.t.Errorf("lint %q: want a finding about the map: %v: %+v", args, c.MapFindings, findings)
	}
}
