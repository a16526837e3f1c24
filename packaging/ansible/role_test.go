// Package ansible holds the role. The test runs it with the real ansible-playbook, on hosts that are folders of this one.
package ansible

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mailallow/fixtures"
)

// The result of a run on a host, as the recap counts it.
const (
	ok      = "ok"
	changed = "changed"
	failed  = "failed"
)

// hostile is a value that would be code, a table or two lines if it could break out of its string. DEL is not allowed in a
// TOML string, and the last rune is a surrogate pair in JSON.
const hostile = "a\"b'c \\u0041 \\\" \t\r\n[[target]]\npath = '''x'''\x7f\u0085\u2028 ${HOME} `id` # 😀"

const (
	before = `mail.test TXT "v=spf1 ip4:74.125.4.0/23 ip4:209.85.128.0/24 -all"`
	after  = `mail.test TXT "v=spf1 ip4:74.125.5.0/24 ip4:74.125.9.0/24 ip4:209.85.128.0/24 -all"`
)

func TestRole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program = fixtures.Mailallow(t)
	main, bare, broken, copied := r.host("main"), r.host("bare"), r.host("broken"), r.host("copied")
	bare["mailallow_program"] = r.path("bare", "mailallow")
	bare["mailallow_config"] = r.path("bare", "nowhere", "mailallow.toml")
	r.write("broken/etc/mailallow.toml", "# the old one\n")
	broken["mailallow_guard"] = vars{"max_shrnk": "30%"}
	copied["mailallow_program"] = r.path("copied", "mailallow")
	copied["mailallow_binary"] = main["mailallow_program"]
	copied["mailallow_snapshot"] = r.snapshot("209.85.0.0/24")

	// Check mode on new hosts: nothing is written, and the difference is that of the new configuration.
	untouched := r.files("main", "bare", "broken", "copied")
	out := r.play(hosts{"main": main, "bare": bare}, wanted{"main": changed, "bare": changed}, "--check", "--diff")
	r.wantFiles(untouched)
	wantText(t, out, "+++ "+r.path("main/etc/mailallow.toml"), `+spf = ["mail.test"]`, "+Connect:74.125.4\tOK", "+Connect:192.0.2.9\tRELAY",
		"+++ "+r.path("main/etc/list.cidr"), "+74.125.4.0/23", "mailallow is not on the host yet")
	if strings.Contains(out, ".new-") {
		t.Errorf("a temporary file is shown:\n%s", out)
	}

	// The first run. A configuration that is refused is named with its line and text, and the old one stays.
	out = r.play(hosts{"main": main, "broken": broken, "copied": copied}, wanted{"main": changed, "broken": failed, "copied": changed})
	wantText(t, r.read("main/etc/access"), "# by hand\n", "Connect:74.125.4\tOK\n", "Connect:192.0.2.9\tRELAY\n")
	wantText(t, r.read("main/etc/list.cidr"), "74.125.4.0/23\n")
	if got := r.read("main/hostile"); got != hostile {
		t.Errorf("the hostile value came out as %q, want %q", got, hostile)
	}
	wantText(t, out, "the new "+r.path("broken/etc/mailallow.toml")+`:`, `unknown key \"max_shrnk\" in [guard]: did you mean \"max_shrink\"?`,
		`max_shrnk = \"30%\"`)
	if got := r.read("broken/etc/mailallow.toml"); got != "# the old one\n" {
		t.Errorf("the old configuration is now %q", got)
	}
	wantText(t, r.read("copied/etc/list.cidr"), "209.85.0.0/24\n") // of the snapshot: DNS has another range
	fixtures.All(t)

	// The second: nothing changes, not even a time.
	untouched = r.files("main", "bare", "broken", "copied")
	r.play(hosts{"main": main}, wanted{"main": ok})
	r.wantFiles(untouched, "lock", "state/snapshot.json")

	// The policy or the snapshot changes: check mode shows the change, and the run makes it, once.
	copied["mailallow_snapshot"] = r.snapshot("209.85.1.0/24")
	r.dns.Set(after)
	untouched = r.files("main", "bare", "broken", "copied")
	out = r.play(hosts{"main": main, "copied": copied}, wanted{"main": changed, "copied": changed}, "--check", "--diff")
	r.wantFiles(untouched)
	wantText(t, out, "-209.85.0.0/24", "+209.85.1.0/24")
	wantText(t, out, "-Connect:74.125.4\tOK", "+Connect:74.125.9\tOK", "-74.125.4.0/23", "+74.125.9.0/24")
	out = r.play(hosts{"main": main}, wanted{"main": changed}, "--diff")
	wantText(t, out, "-Connect:74.125.4\tOK", "+Connect:74.125.9\tOK")
	wantText(t, r.read("main/etc/access"), "Connect:74.125.9\tOK\n")

	// A source that is stale is a warning, or with strict a failure; nothing is changed either way.
	r.dns.Fault("mail.test", "TXT", fixtures.ServFail)
	strict := maps.Clone(main)
	strict["mailallow_strict"] = true
	strict["mailallow_config"] = r.path("strict", "etc", "mailallow.toml")
	strict["mailallow_targets"] = []vars{{"format": "cidr", "path": "list.cidr"}}
	if err := os.CopyFS(r.path("strict"), os.DirFS(r.path("main"))); err != nil {
		t.Fatal(err)
	}
	untouched = r.files("main", "bare", "broken", "copied")
	out = r.play(hosts{"main": main, "strict": strict}, wanted{"main": ok, "strict": failed})
	r.wantFiles(untouched, "lock", "state/snapshot.json", "state/history") // which has the change of its status
	wantText(t, out, "[WARNING]: source \"provider\" is stale: its last good ranges stay", `"msg": "source \"provider\" is stale: its last`)
}

// TestDay: a day in YAML is one in the configuration, and not a text.
func TestDay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program = fixtures.Mailallow(t)
	host := r.host("dated")
	delete(host, "mailallow_sources")
	r.write("host_vars/dated.yml", "mailallow_sources:\n- {name: own, cidr: [192.0.2.1], action: OK, until: 9999-12-31, reason: 2026-12-31 or so}\n")
	r.play(hosts{"dated": host}, wanted{"dated": changed})
	wantText(t, r.read("dated/etc/mailallow.toml"), "until = 9999-12-31\n", "reason = \"2026-12-31 or so\"\n")
}

// TestHints: a warning comes with the commands that belong to it, and so does the failure that strict makes of it.
func TestHints(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program = fixtures.Mailallow(t)
	host := r.host("held")
	host["mailallow_sources"] = []vars{{"name": "provider", "spf": []string{"mail.test"}, "action": "OK"}}
	host["mailallow_targets"] = []vars{{"format": "cidr", "path": "list.cidr"}}
	r.play(hosts{"held": host}, wanted{"held": changed})
	r.dns.Set(`mail.test TXT "v=spf1 ip4:209.85.128.0/24 -all"`)
	hint := "if it is right: mailallow update -c " + r.path("held", "etc", "mailallow.toml") + " --accept provider@"
	says := func(want string, parts []string, flags ...string) {
		t.Helper()
		out := r.play(hosts{"held": host}, wanted{"held": want}, flags...)
		wantText(t, strings.Join(strings.Fields(out), " "), parts...) // Ansible breaks its lines
	}
	says(ok, []string{hint})
	host["mailallow_settings"] = vars{"state_dir": "state", "history": "30d"}
	says(changed, []string{hint}, "--check")
	host["mailallow_strict"] = true
	says(failed, []string{hint, `"msg": "source \"provider\" is held`})
}

// TestModes: on a host with a strict umask the timer's fetch, which runs as a user that owns nothing, can read what the role writes.
func TestModes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.program = fixtures.Mailallow(t)
	r.ansible = r.write("strict", "#!/bin/sh\numask 077\nexec '"+r.ansible+"' \"$@\"\n")
	if err := os.Chmod(r.ansible, 0o755); err != nil {
		t.Fatal(err)
	}
	host := r.host("new")
	host["mailallow_config"] = r.path("new", "made", "mailallow.toml")
	host["mailallow_sources"] = []vars{{"name": "provider", "spf": []string{"mail.test"}, "action": "OK"}}
	host["mailallow_targets"] = []vars{{"format": "cidr", "path": r.path("new", "etc", "list.cidr")}}
	host["mailallow_snapshot"] = r.snapshot("209.85.0.0/24")
	r.play(hosts{"new": host}, wanted{"new": changed})
	for name, want := range map[string]fs.FileMode{"": fs.ModeDir | 0o755, "mailallow.toml": 0o644, "snapshot.json": 0o644} {
		if info, err := os.Stat(r.path("new", "made", name)); err != nil || info.Mode() != want {
			t.Errorf("made/%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestExampleIsSound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inventory := r.write("inventory", "[mailservers]\nlocalhost\n")
	text, err := os.ReadFile("example.yml")
	if err != nil {
		t.Fatal(err)
	}
	example := r.write("example.yml", string(text))
	if out, err := r.command("-i", inventory, "--syntax-check", example).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

type (
	vars   = map[string]any
	hosts  = map[string]vars
	wanted = map[string]string
)

type rig struct {
	t       *testing.T
	dir     string
	program string
	ansible string
	dns     *fixtures.DNSServer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ansible, err := exec.LookPath("ansible-playbook")
	if err != nil {
		fixtures.Missing(t, "no ansible-playbook here: `make parts` installs ansible-core")
	}
	r := &rig{t: t, dir: t.TempDir(), ansible: ansible, dns: fixtures.DNS(t, before)}
	// A copy, because Python leaves compiled files beside its own, which would spoil the test cache.
	if err := os.CopyFS(r.path("roles"), os.DirFS("roles")); err != nil {
		t.Fatal(err)
	}
	return r
}

// host makes a folder for a host, and the variables of one with an access file, a map and a list. Relative paths begin at the
// folder of its configuration.
func (r *rig) host(name string) vars {
	r.write(name+"/etc/access", "# by hand\nConnect:localhost\tRELAY\n")
	r.write(name+"/etc/offices.cidr", "192.0.2.9\n")
	record := r.write(name+"/etc/record", "#!/bin/sh\nprintf %s \"$1\" > '"+r.path(name, "hostile")+"'\n")
	if err := os.Chmod(record, 0o755); err != nil {
		r.t.Fatal(err)
	}
	return vars{
		"ansible_connection":         "local",
		"ansible_python_interpreter": "/usr/bin/python3",
		"mailallow_program":          r.program,
		"mailallow_config":           r.path(name, "etc", "mailallow.toml"),
		"mailallow_settings":         vars{"state_dir": "state"},
		"mailallow_dns":              vars{"resolvers": []string{r.dns.Addr()}, "attempts": 1},
		"mailallow_sources": []vars{
			{"name": "provider", "spf": []string{"mail.test"}, "action": "OK", "max_shrink": "100%", "max_age": nil},
			{"name": `branch "offices" \ # 😀`, "file": "offices.cidr", "action": "RELAY", "insecure": false},
		},
		"mailallow_targets": []vars{
			{"format": "sendmail-access", "path": "access", "map": "hash", "makemap": fixtures.Makemap(r.t), "on_change": []string{"./record", hostile}},
			{"format": "cidr", "path": "list.cidr"},
		},
	}
}

// snapshot gives a snapshot of the same provider, with an earlier policy.
func (r *rig) snapshot(policy string) (path string) {
	r.t.Helper()
	r.dns.Set(fmt.Sprintf(`mail.test TXT "v=spf1 ip4:%s -all"`, policy))
	defer r.dns.Set(before)
	path = r.path("snapshot-" + filepath.Base(r.t.TempDir()) + ".json")
	config := r.write("fetch.toml", fmt.Sprintf("dns.resolvers = [%q]\n"+
		"source = [{name = 'provider', spf = ['mail.test'], action = 'OK'}]\n", r.dns.Addr()))
	if out, err := exec.Command(r.program, "-c", config, "fetch", "-o", path).CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// play runs the role on hosts and compares the result on each with the expected one.
func (r *rig) play(on hosts, want wanted, flags ...string) (output string) {
	r.t.Helper()
	inventory, err := json.Marshal(vars{"all": vars{"hosts": on}})
	if err != nil {
		r.t.Fatal(err)
	}
	playbook := r.write("play.yml", "- hosts: all\n  gather_facts: false\n  roles: [mailallow]\n")
	args := append([]string{"-i", r.write("inventory.json", string(inventory)), playbook}, flags...)
	out, err := r.command(args...).CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		r.t.Fatal(err)
	}
	got := map[string]string{}
	recap := regexp.MustCompile(`(?m)^(\w+) +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=(\d+)`)
	for _, m := range recap.FindAllStringSubmatch(string(out), -1) {
		switch {
		case m[3] != "0":
			got[m[1]] = failed
		case m[2] != "0":
			got[m[1]] = changed
		default:
			got[m[1]] = ok
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Fatalf("%v (-want +got):\n%s\n%s", flags, diff, out)
	}
	return string(out)
}

// command is ansible-playbook without the settings of its user, and with one line for a warning.
func (r *rig) command(args ...string) *exec.Cmd {
	cmd := exec.Command(r.ansible, args...)
	cmd.Dir = r.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.path("home"), "LC_ALL=C.UTF-8", "COLUMNS=1000",
		"ANSIBLE_HOME=" + r.path("home"), "ANSIBLE_CONFIG=" + r.write("home/ansible.cfg", ""), "ANSIBLE_LOCAL_TEMP=" + r.path("home", "local"),
		"ANSIBLE_REMOTE_TEMP=" + r.path("home", "remote"), "ANSIBLE_ROLES_PATH=" + r.path("roles"),
		"ANSIBLE_COLLECTIONS_PATH=" + r.path("home"), "ANSIBLE_NOCOLOR=1", "ANSIBLE_PIPELINING=1",
	}
	return cmd
}

func (r *rig) path(elem ...string) string { return filepath.Join(append([]string{r.dir}, elem...)...) }

func (r *rig) write(name, text string) (path string) {
	r.t.Helper()
	path = r.path(name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	if err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *rig) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// files gives every file of these hosts, with mode, time and content.
func (r *rig) files(names ...string) map[string]string {
	r.t.Helper()
	found := map[string]string{}
	for _, name := range names {
		err := filepath.WalkDir(r.path(name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				found[path] = "folder"
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if info.Size() > 1<<20 {
				text = nil // the program itself
			}
			found[path] = fmt.Sprintf("%v %v %s", info.Mode(), info.ModTime(), text)
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return found
}

// wantFiles compares the files with those from before, except for those that every update writes.
func (r *rig) wantFiles(want map[string]string, but ...string) {
	r.t.Helper()
	var names []string
	for path := range want {
		host, _, _ := strings.Cut(strings.TrimPrefix(path, r.dir+"/"), "/")
		names = append(names, host)
	}
	slices.Sort(names)
	written := cmpopts.IgnoreMapEntries(func(path, _ string) bool {
		return slices.ContainsFunc(but, func(end string) bool { return strings.Contains(path+"/", end+"/") })
	})
	if diff := cmp.Diff(want, r.files(slices.Compact(names)...), written); diff != "" {
		r.t.Errorf("files were changed:\n%s", diff)
	}
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}
