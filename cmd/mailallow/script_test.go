package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	"github.com/rogpeppe/go-internal/testscript"

	"mailallow/accessmap/state"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/fixtures"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // a configuration that a group can write to is refused
	testscript.Main(m, map[string]func(){"mailallow": main, "stopwatch": stopwatch})
}

// TestScript runs mailallow as people do, a story a file. With MAILALLOW_UPDATE set it writes the outputs that `cmp` compares
// with; read the difference before you keep it.
func TestScript(t *testing.T) {
	t.Parallel()
	// The program as it is released: hundreds of starts with the race detector are half a minute. TestFaults and others
	// run a mailallow that has it.
	program := filepath.Dir(fixtures.Mailallow(t))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", program+string(os.PathListSeparator)+env.Getenv("PATH"))
			return setUpScript(env)
		},
		WorkdirRoot:        t.TempDir(), // otherwise a run of some scripts alone leaves a folder
		RequireUniqueNames: true,
		UpdateScripts:      os.Getenv("MAILALLOW_UPDATE") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"asked":    askedCommand,
			"dns":      dnsCommand,
			"dnsfault": dnsFaultCommand,
			"exits":    exitsCommand,
			"inode":    inodeCommand,
			"json":     jsonCommand,
			"later":    laterCommand,
			"lock":     lockCommand,
			"mapdump":  mapdumpCommand,
			"needs":    needsCommand,
			"page":     pageCommand,
			"postconf": postconfCommand,
			"sign":     signCommand,
		},
	})
}

// rig is the servers and locks of a script.
type rig struct {
	tb     testing.TB
	dns    [2]*fixtures.DNSServer
	http   *fixtures.HTTPServer
	inodes map[string]inode
	locks  []*os.File
	asked  int // questions that the DNS server had when a script last looked
}

type rigKey struct{}

func rigOf(ts *testscript.TestScript) *rig { return ts.Value(rigKey{}).(*rig) }

// setUpScript starts two empty DNS servers at $DNS and $DNS2 and an empty HTTP server at $HTTP, and replaces $DNS, $DNS2,
// $HTTP and $WORK in the configurations by their addresses and the folder of the script, and $KEY1 to $KEY3 by public keys.
func setUpScript(env *testscript.Env) error {
	tb := env.T().(testing.TB)
	r := &rig{tb: tb, dns: [2]*fixtures.DNSServer{fixtures.DNS(tb), fixtures.DNS(tb)}, http: fixtures.HTTP(tb), inodes: map[string]inode{}}
	env.Values[rigKey{}] = r
	env.Setenv("DNS", r.dns[0].Addr())
	env.Setenv("DNS2", r.dns[1].Addr())
	env.Setenv("HTTP", r.http.URL(""))
	env.Defer(func() {
		r.unlock()
		checkStateFiles(tb, env.WorkDir)
	})
	configs, err := filepath.Glob(filepath.Join(env.WorkDir, "*.[tc][of]*")) // .toml and .cf
	if err != nil {
		return err
	}
	expand := strings.NewReplacer("$DNS2", r.dns[1].Addr(), "$DNS", r.dns[0].Addr(), "$HTTP", r.http.URL(""),
		"$WORK", env.WorkDir, "$KEY1", signingKey(1).public, "$KEY2", signingKey(2).public, "$KEY3", signingKey(3).public)
	for _, path := range configs {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(expand.Replace(string(text))), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// checkStateFiles checks that no file which the program has left in a state directory may be a target.
func checkStateFiles(tb testing.TB, dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "lock" {
			return err
		}
		folder := filepath.Dir(path)
		files, err := os.ReadDir(folder)
		for _, f := range files {
			text := fmt.Sprintf("state_dir = %q\n[[target]]\nformat = \"cidr\"\npath = %q\n", folder, filepath.Join(folder, f.Name()))
			if _, err := config.Parse("c.toml", []byte(text), config.Flags{}); f.Type().IsRegular() && (err == nil || !strings.Contains(err.Error(), "is that of the state")) {
				tb.Errorf("%s may be a target: %v", filepath.Join(folder, f.Name()), err)
			}
		}
		return err
	})
}

// server gives the DNS server of a command, the second one if its arguments begin with -2, and the other arguments.
func (r *rig) server(args []string) (*fixtures.DNSServer, []string) {
	if len(args) > 0 && args[0] == "-2" {
		return r.dns[1], args[1:]
	}
	return r.dns[0], args
}

// dns [-2] ZONE...: the server answers from these zones and no others: files of the script, else of fixtures/zones.
func dnsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg, "dns [-2] ZONE...")
	server, args := rigOf(ts).server(args)
	var zones []string
	for _, name := range args {
		if text, err := os.ReadFile(ts.MkAbs(name)); err == nil {
			name = string(text)
		}
		zones = append(zones, name)
	}
	server.Set(zones...)
}

// asked: the first DNS server got a question since the last such line; ! asked: it got none.
func askedCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 0, "[!] asked")
	r, now := rigOf(ts), 0
	for _, times := range r.dns[0].Asked() {
		now += times
	}
	if came := now - r.asked; came > 0 == neg {
		ts.Fatalf("%d questions came", came)
	}
	r.asked = now
}

// page PATH FILE [ETAG]: the HTTP server has this file of the script, else of fixtures/lists, at PATH. page PATH STATUS:
// it answers with that status.
func pageCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && (len(args) == 2 || len(args) == 3), "page PATH FILE [ETAG]; page PATH STATUS")
	var page fixtures.Page
	if status, err := strconv.Atoi(args[1]); err == nil {
		page.Status = status
	} else if text, err := os.ReadFile(ts.MkAbs(args[1])); err == nil {
		page.Body = string(text)
	} else {
		text, err := os.ReadFile(fixtures.Path("lists", args[1]))
		ts.Check(err)
		page.Body = string(text)
	}
	if len(args) == 3 {
		page.Header = map[string]string{"ETag": args[2]}
	}
	rigOf(ts).http.Set(args[0], page)
}

// dnsfault [-2] NAME TYPE FAULT: the fault of a question; * is any name or type, and the fault off ends it.
func dnsFaultCommand(ts *testscript.TestScript, neg bool, args []string) {
	server, args := rigOf(ts).server(args)
	usage(ts, !neg && len(args) == 3, "dnsfault [-2] NAME|* TYPE|* FAULT|off")
	fault, known := map[string]fixtures.Fault{
		"off": 0, "servfail": fixtures.ServFail, "nxdomain": fixtures.NXDomain, "drop": fixtures.Drop, "refused": fixtures.Refused,
	}[args[2]]
	usage(ts, known, "FAULT is one of off, servfail, nxdomain, drop, refused")
	name, qtype := strings.TrimPrefix(args[0], "*"), strings.TrimPrefix(args[1], "*")
	server.Fault(name, qtype, fault)
}

// exits CODE COMMAND...: runs the command, which ends with exactly this code.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "exits CODE COMMAND...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		got = ended.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// inode tells an untouched file from one that was written again.
type inode struct {
	number   uint64
	modified time.Time
}

// inode save FILE... remembers files; [!] inode same FILE... checks whether they are untouched since.
func inodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 2 && (args[0] == "same" || args[0] == "save" && !neg), "inode save FILE...; [!] inode same FILE...")
	known := rigOf(ts).inodes
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		is := inode{info.Sys().(*syscall.Stat_t).Ino, info.ModTime()}
		was, saved := known[name]
		switch {
		case args[0] == "save":
			known[name] = is
		case !saved:
			ts.Fatalf("%s was not saved", name)
		case (is == was) == neg:
			ts.Fatalf("%s was %v and is %v", name, was, is)
		}
	}
}

// json FILE QUERY WANT: the results of the jq query on the one document in FILE, in compact JSON with blanks between.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 3, "json FILE QUERY WANT")
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &document); err != nil {
		ts.Fatalf("%s is not one JSON document: %v", args[0], err)
	}
	query, err := gojq.Parse(args[1])
	ts.Check(err)
	var results []string
	for values := query.Run(document); ; {
		value, more := values.Next()
		if !more {
			break
		}
		if err, failed := value.(error); failed {
			ts.Fatalf("%s: %v", args[1], err)
		}
		text, err := gojq.Marshal(value)
		ts.Check(err)
		results = append(results, string(text))
	}
	if got := strings.Join(results, " "); got != args[2] {
		ts.Fatalf("%s\n got %s\nwant %s", args[1], got, args[2])
	}
}

// later DURATION FOLDER: the state directory is as if so much time had passed.
func laterCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "later DURATION FOLDER")
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	makeEarlier(rigOf(ts).tb, ts.MkAbs(args[1]), by)
}

var stateTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`)

// makeEarlier moves all times in a state directory back, as if so much time had passed.
func makeEarlier(tb testing.TB, dir string, by time.Duration) {
	tb.Helper()
	for _, name := range []string{"snapshot.json", "window.json"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		text = stateTime.ReplaceAllFunc(text, func(quoted []byte) []byte {
			at, err := time.Parse(time.RFC3339, strings.Trim(string(quoted), `"`))
			if err != nil {
				tb.Fatal(err)
			}
			return []byte(`"` + at.Add(-by).Format(time.RFC3339) + `"`)
		})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	segments, err := filepath.Glob(filepath.Join(dir, "history", "*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, path := range segments {
		text, err := os.ReadFile(path)
		if err == nil {
			moveEntries(text, -by)
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// moveEntries moves the times of the entries in a segment of the history, and makes their checksums anew. The ids stay. A
// frame is 4 bytes of length, 8 of time, 32 of checksum, and what is compressed.
func moveEntries(segment []byte, by time.Duration) {
	rest := segment[bytes.IndexByte(segment, '\n')+1:]
	for len(rest) > 0 {
		head, at := rest[:44], rest[4:12]
		packed := rest[44:][:binary.BigEndian.Uint32(head)]
		binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)+uint64(int64(by/time.Second)))
		sum := sha256.Sum256(slices.Concat(at, packed))
		copy(head[12:], sum[:])
		rest = rest[44+len(packed):]
	}
}

// lock FILE: holds the lock of a file, or root's lock of a folder, as another run would; ! lock releases all.
func lockCommand(ts *testscript.TestScript, neg bool, args []string) {
	r := rigOf(ts)
	if neg {
		r.unlock()
		return
	}
	usage(ts, len(args) == 1, "lock FILE; ! lock")
	path := ts.MkAbs(args[0])
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		stat := info.Sys().(*syscall.Stat_t)
		path = fmt.Sprintf("/run/mailallow/%x-%d", stat.Dev, stat.Ino)
	}
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	ts.Check(err)
	r.locks = append(r.locks, f)
	record := syscall.Flock_t{Type: syscall.F_WRLCK} // by which mailallow names the holder
	ts.Check(errors.Join(syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &record), syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)))
}

func (r *rig) unlock() {
	for _, f := range r.locks {
		state.Release(f)
	}
	r.locks = nil
}

// mapdump TYPE NAME: the entries of the map of the text NAME, as makemap dumps them, sorted.
func mapdumpCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "mapdump TYPE NAME")
	makemap := fixtures.Makemap(rigOf(ts).tb)
	out, err := exec.Command(makemap, "-C", "/dev/null", "-u", args[0], ts.MkAbs(args[1])).Output()
	ts.Check(err)
	entries := strings.SplitAfter(string(out), "\n")
	slices.Sort(entries)
	fmt.Fprint(ts.Stdout(), strings.Join(entries, ""))
}

// needs makemap: the script ends here if there is none; otherwise PATH begins with its folder.
func needsCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1 && (args[0] == "makemap" || args[0] == "root"), "needs makemap|root")
	if args[0] == "root" {
		if os.Geteuid() != 0 {
			fixtures.Missing(rigOf(ts).tb, "not root")
		}
		return
	}
	folder := filepath.Dir(fixtures.Makemap(rigOf(ts).tb))
	mailallow, others, _ := strings.Cut(ts.Getenv("PATH"), string(filepath.ListSeparator))
	ts.Setenv("PATH", strings.Join([]string{mailallow, folder, others}, string(filepath.ListSeparator)))
}

// postconf MAINCF: from here on PATH begins with a postconf for a Postfix with this main.cf.
func postconfCommand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "postconf MAINCF")
	tb := rigOf(ts).tb
	config := fixtures.PostfixConfig(tb, strings.ReplaceAll(ts.ReadFile(args[0]), "$WORK", ts.Getenv("WORK")))
	ts.Setenv("POSTFIX", config)
	ts.Setenv("PATH", filepath.Dir(fixtures.Postconf(tb, config))+string(filepath.ListSeparator)+ts.Getenv("PATH"))
}

func usage(ts *testscript.TestScript, right bool, text string) {
	if !right {
		ts.Fatalf("usage: %s", text)
	}
}
