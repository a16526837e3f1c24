//go:build linux

// Package systemd holds the units that keep the allowlist up to date. The tests run them under a real systemd, with a real
// Postfix and the files of Sendmail as Debian has them.
package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailallow/fixtures"
	"mailallow/fixtures/host"
)

const metrics = "/var/lib/prometheus/node-exporter/mailallow.prom"

const config = `metrics_file = "` + metrics + `"

[[source]]
name = "provider"
spf = ["spf.example"]
action = "OK"
max_shrink = "100%"

[[target]]
format = "sendmail-access"
path = "/etc/mail/access"
makemap = "/usr/libexec/sendmail/makemap"

[[target]]
format = "postfix-cidr"
path = "/etc/postfix/mailallow.cidr"
on_change = ["postfix", "reload"]
`

const (
	small = `spf.example. 60 IN TXT "v=spf1 ip4:74.125.4.0/23 -all"`
	large = `spf.example. 60 IN TXT "v=spf1 ip4:74.125.4.0/22 -all"`
)

// site is a host with both mail servers, the units, a configuration, and a provider that answers over DNS.
type site struct {
	*host.Host
	t       *testing.T
	dns     *fixtures.DNSServer
	changed bool // units have, since systemd read them
}

func newSite(t *testing.T) *site {
	s := &site{Host: host.New(t), t: t}
	s.Sendmail()
	s.Postfix()
	s.Run("postconf", "-e", "smtpd_client_restrictions = check_client_access cidr:/etc/postfix/mailallow.cidr")
	s.Write("/usr/local/sbin/mailallow", read(t, fixtures.Mailallow(t)), 0o755)
	for _, unit := range units(t) {
		s.Write("/etc/systemd/system/"+unit, read(t, unit), 0o644)
	}
	s.Run("install", "-d", filepath.Dir(metrics))
	s.Write("/etc/mail/access", "Connect:127.0.0.1\tRELAY\n", 0o640)
	s.Run("chown", "smmta:smmsp", "/etc/mail/access")
	s.Write("/etc/mailallow/mailallow.toml", config, 0o644)
	s.dns = s.DNS(small)
	s.changed = true
	return s
}

// update starts the service as the timer does, and returns its exit status and its lines in the journal.
func (s *site) update() (status int, journal string) {
	s.t.Helper()
	if s.changed {
		s.Run("systemctl", "daemon-reload")
	}
	s.changed = false
	s.Try("systemctl", "reset-failed", "mailallow*") // or the sixth start in ten seconds is refused
	since := "@" + strconv.FormatFloat(float64(time.Now().UnixMicro())/1e6, 'f', 6, 64)
	s.Try("systemctl", "start", "mailallow.service") // the status is that of the unit, below
	s.fetchStops()
	s.Run("journalctl", "--sync")
	journal = s.Run("journalctl", "--no-pager", "--output=cat", "--since="+since)
	status, err := strconv.Atoi(strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "ExecMainStatus", "mailallow.service")))
	if err != nil {
		s.t.Fatal(err)
	}
	return status, journal
}

// fetchStops waits until systemd stops the fetch, because nothing needs it any more: it begins to when the update has ended, and an
// update that started before that would find the fetch done, and get its old snapshot.
func (s *site) fetchStops() {
	s.t.Helper()
	const unit, most = "mailallow-fetch.service", time.Minute
	for deadline := time.Now().Add(most); ; {
		state := strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "ActiveState", unit))
		if state == "inactive" || state == "failed" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is %s for %v after the update", unit, state, most)
		}
	}
}

// with runs the service with a drop-in that changes its restrictions.
func (s *site) with(settings string) (status int, journal string) {
	s.t.Helper()
	s.Write("/run/systemd/system/mailallow.service.d/test.conf", "[Service]\n"+settings+"\n", 0o644)
	s.changed = true
	status, journal = s.update()
	s.Run("rm", "-r", "/run/systemd/system/mailallow.service.d")
	s.changed = true
	return status, journal
}

// TestUpdate is the timer's command under the restrictions of its unit, from nothing to a change.
func TestUpdate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	done := func(what string) {
		t.Helper()
		status, journal := s.update()
		if status != 0 || strings.Contains(journal, "level=WARN") || !strings.Contains(journal, `msg="update done" exit_code=0`) {
			t.Fatalf("%s: status %d\n%s", what, status, journal)
		}
		if reloaded := strings.Contains(journal, "refreshing the Postfix mail system"); reloaded != (what != "no change") {
			t.Errorf("%s: Postfix reloaded: %v\n%s", what, reloaded, journal)
		}
	}
	done("first run")
	if got := s.Run("stat", "-c", "%n %U:%G %a", "/etc/mail/access", "/etc/mail/access.db", "/etc/postfix/mailallow.cidr", "/var/lib/mailallow", "/run/mailallow", metrics); got != `/etc/mail/access smmta:smmsp 640
/etc/mail/access.db smmta:smmsp 640
/etc/postfix/mailallow.cidr root:root 644
/var/lib/mailallow root:root 700
/run/mailallow root:root 700
`+metrics+` root:root 644
` {
		t.Errorf("owners and modes:\n%s", got)
	}
	if got, want := s.lookup("74.125.5"), "OK"; got != want {
		t.Errorf("Sendmail finds %q, want %q", got, want)
	}
	if _, err := os.Stat(s.Path("/run/mailallow-fetch")); err == nil {
		t.Error("the snapshot of the last run is still there")
	}
	fixtures.All(t)

	held, err := os.Open(s.Path("/etc/mail/access.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	before, _ := held.Stat()
	done("no change")
	if now, err := os.Stat(s.Path("/etc/mail/access.db")); err != nil || !os.SameFile(before, now) {
		t.Error("without a change the map was replaced")
	}

	s.Run("chmod", "0644", "/etc/mail/access.db")
	s.dns.Set(large)
	done("change")
	after, _ := held.Stat()
	if after.ModTime().Sub(before.ModTime()) < 2*time.Second || after.Sys().(*syscall.Stat_t).Nlink != 0 {
		t.Errorf("a session would keep the old map: its time is %v, its links %d", after.ModTime(), after.Sys().(*syscall.Stat_t).Nlink)
	}
	if got := s.Run("stat", "-c", "%U:%G %a", "/etc/mail/access.db"); got != "smmta:smmsp 644\n" {
		t.Errorf("owner and mode of the replaced map: %s", got)
	}
	if got, want := s.lookup("74.125.7"), "OK"; got != want {
		t.Errorf("Sendmail finds %q, want %q", got, want)
	}
	s.reloaded(2)
	s.testSources()
	s.testFetch()
	s.testLock()
	s.testRestrictions()
}

// lookup gives the value that Sendmail finds in its map, outside of the restrictions.
func (s *site) lookup(network string) string {
	s.t.Helper()
	s.Write("/tmp/question", "/map access connect:"+network+"\n", 0o644)
	out := s.Run("sh", "-c", "/usr/libexec/sendmail/sendmail -C /etc/mail/sendmail.cf -bt < /tmp/question")
	if found := regexp.MustCompile(`returns (\S+) \(0\)`).FindStringSubmatch(out); found != nil {
		return found[1]
	}
	return out
}

// reloaded waits until the master process has reloaded so many times, because 'postfix reload' ends before the signal arrives.
func (s *site) reloaded(times int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.Count(s.Run("journalctl", "--no-pager", "--output=cat", "--grep=reload -- version"), "\n") >= times {
			return
		}
	}
	s.t.Errorf("Postfix has not reloaded %d times", times)
}

// A source that does not answer, or that the guard does not believe, makes the unit fail, with the status of the source in the
// journal, and leaves the list as it is.
func (s *site) testSources() {
	text := s.Read("/etc/mail/access")
	for _, row := range []struct {
		zone   string
		fault  fixtures.Fault
		status int
		is     string
		why    string
	}{
		{large, fixtures.Refused, 4, "stale", "REFUSED"},
		{`spf.example. 60 IN TXT "v=spf1 ip4:74.0.0.0/8 -all"`, 0, 3, "held", "74.0.0.0/8 is wider than widest_ipv4"},
		{`spf.example. 60 IN TXT "v=spf1 -all"`, 0, 3, "held", "not one address is left in it"},
		{`spf.example. 60 IN TXT "v=spf1 ip4:74.125.0.0/16 -all"`, 0, 3, "held", "more than max_grow"},
	} {
		s.dns.Set(row.zone)
		s.dns.Fault("spf.example", "TXT", row.fault)
		status, journal := s.update()
		measured := strings.Contains(s.Read(metrics), `mailallow_source_status{source="provider",status="`+row.is+`"} 1`)
		if status != row.status || s.Read("/etc/mail/access") != text || !strings.Contains(journal, row.why) || !measured {
			s.t.Errorf("%s: status %d, want %d, %q in the metrics, and %q\n%s", row.zone, status, row.status, row.is, row.why, journal)
		}
	}
	s.dns.Set(large)
	s.dns.Fault("spf.example", "TXT", 0)
}

// testFetch has files that the user of the fetch may not read, and a resolver whose address names an interface.
func (s *site) testFetch() {
	const path = "/etc/mailallow/mailallow.toml"
	resolvers := s.Read("/etc/resolv.conf")
	s.Write("/etc/mailallow/offices.cidr", "192.0.2.0/24\n", 0o600)
	const authorities = "/var/lib/ca-certificates/ca-bundle.pem" // where openSUSE's are
	s.Write(authorities, fixtures.HTTPS(s.t).Certificate(), 0o644)
	for _, row := range []struct {
		config string
		mode   os.FileMode
		says   string
	}{
		{config, 0o600, "permission denied; let the user that mailallow runs as read it"},
		{config + "\n[[source]]\nname = \"offices\"\nfile = \"offices.cidr\"\naction = \"OK\"\n", 0o644, `msg="update done" exit_code=0`},
		{config + "\n[[source]]\nname = \"web\"\nurl = \"https://127.0.0.1:1/\"\nca_file = \"" + authorities + "\"\naction = \"OK\"\n", 0o644, "connection refused"},
		{"state_dir = \"/etc/mail/state\"\n" + config, 0o644, `msg="update done" exit_code=0`}, // makes the state
		{"state_dir = \"/etc/mail/state\"\n" + config, 0o644, `msg="update done" exit_code=0`},
	} {
		s.Write(path, row.config, row.mode)
		if _, journal := s.update(); !strings.Contains(journal, row.says) {
			s.t.Errorf("mode %o and %s: there is no %q in\n%s", row.mode, row.config, row.says, journal)
		}
	}
	s.Write(path, config, 0o644)
	// systemd before 240, as on Enterprise Linux 8, has no such variables.
	s.Write("/run/systemd/system/mailallow-fetch.service.d/old.conf", "[Service]\nUnsetEnvironment=RUNTIME_DIRECTORY CACHE_DIRECTORY\n", 0o644)
	s.changed = true
	if status, journal := s.update(); status != 0 {
		s.t.Errorf("with an old systemd: status %d\n%s", status, journal)
	}
	s.Run("rm", "-r", "/run/systemd/system/mailallow-fetch.service.d")
	s.changed = true
	s.Write("/etc/resolv.conf", "nameserver fe80::53%lo\n", 0o644)
	if _, journal := s.update(); !strings.Contains(journal, "the resolver [fe80::53%lo]:53 ") || strings.Contains(journal, "invalid argument") {
		s.t.Errorf("a resolver on an interface: the interface is not known\n%s", journal)
	}
	s.Write("/etc/resolv.conf", resolvers, 0o644)
}

// testRestrictions removes the permissions of the unit one by one: each time something fails, so that the unit has none without
// a reason. The next run with the permission does the missing work.
func (s *site) testRestrictions() {
	service := read(s.t, "mailallow.service")
	fails := func(settings, want string) {
		s.t.Helper()
		if status, journal := s.with(settings); status != 5 || !strings.Contains(journal, want) {
			s.t.Errorf("with %s: status %d, want 5 and %q\n%s", settings, status, want, journal)
		}
	}
	s.dns.Set(small)
	s.testLease()
	for _, path := range []string{"/etc/mail", "/etc/postfix"} {
		fails("ReadOnlyPaths="+path, "read-only file system")
	}
	fails("RuntimeDirectory=\nReadOnlyPaths=/run", "in a unit by RuntimeDirectory=mailallow")
	why := map[string]string{
		"CAP_CHOWN": "its owner", "CAP_DAC_OVERRIDE": "permission denied", "CAP_FOWNER": "its mode",
		"CAP_SETGID": "on_change", "CAP_SETUID": "on_change",
	}
	for _, capability := range strings.Fields(regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`).FindStringSubmatch(service)[1]) {
		if capability == "CAP_LEASE" { // without it nothing fails: see testLease
			continue
		}
		fails("CapabilityBoundingSet=~"+capability, why[capability])
	}
	if status, journal := s.update(); status != 0 || !strings.Contains(journal, "refreshing the Postfix mail system") {
		s.t.Errorf("with all permissions of the unit: status %d\n%s", status, journal)
	}
	if status, journal := s.with("ReadOnlyPaths=/run"); status != 0 {
		s.t.Errorf("with a /run that is read-only but for its own directory: status %d\n%s", status, journal)
	}
	s.testStopped()
	elsewhere := strings.NewReplacer("/etc/postfix/", "/srv/", `on_change = ["postfix", "reload"]`, "").Replace(config)
	s.Write("/etc/mailallow/mailallow.toml", elsewhere, 0o644)
	if status, journal := s.update(); status != 5 || !strings.Contains(journal, "read-only file system") {
		s.t.Errorf("a target outside of the paths: status %d, want 5\n%s", status, journal)
	}
	if status, journal := s.with("ReadWritePaths=/srv\nPrivateNetwork=no\nIPAddressDeny="); status != 0 {
		s.t.Errorf("with the drop-in of docs/operate.md: status %d\n%s", status, journal)
	}
}

// testLock: the unit names the process that holds the lock, although ProcSubset=pid hides /proc/locks from it.
func (s *site) testLock() {
	s.t.Helper()
	const hold = `import fcntl, time
lock = open("/var/lib/mailallow/lock", "r+")
fcntl.flock(lock, fcntl.LOCK_EX)
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/run/held", "w")
time.sleep(600)`
	s.Run("systemd-run", "--quiet", "--unit=holder", "python3", "-c", hold)
	defer s.Run("systemctl", "stop", "holder.service")
	s.Run("timeout", "60", "sh", "-c", "until [ -e /run/held ]; do sleep 0.1; done")
	holder := strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "MainPID", "holder.service"))
	if status, journal := s.update(); status != 5 || !strings.Contains(journal, "locked by process "+holder+":") {
		s.t.Errorf("beside process %s: status %d, want 5\n%s", holder, status, journal)
	}
}

// testLease: with CAP_LEASE the unit finds out that somebody has a text of another user open for writing, and gives way to the
// edit. Without it this is not known, and the text is replaced. Before and after it the list is to be changed.
func (s *site) testLease() {
	s.t.Helper()
	editor, err := os.OpenFile(s.Path("/etc/mail/access"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer editor.Close()
	if status, journal := s.update(); status != 5 || !strings.Contains(journal, "a program has it open for writing") {
		s.t.Errorf("beside an editor: status %d, want 5\n%s", status, journal)
	}
	if status, journal := s.with("CapabilityBoundingSet=~CAP_LEASE"); status != 0 {
		s.t.Errorf("beside an editor, without CAP_LEASE: status %d, want 0\n%s", status, journal)
	}
	s.dns.Set(large)
	editor.Close()
	if status, journal := s.update(); status != 0 {
		s.t.Errorf("after the edit: status %d\n%s", status, journal)
	}
	s.dns.Set(small)
}

// testStopped: 'postfix reload' finds out by its lock that Postfix is not running. If it cannot write to the queue, it signals
// any process that has the number of the last master.
func (s *site) testStopped() {
	s.t.Helper()
	s.Run("postfix", "stop")
	for _, row := range []struct {
		settings, zone string
		status         int
	}{
		{"ReadOnlyPaths=/var/spool/postfix", large, 0},
		{"", small, 5},
	} {
		s.dns.Set(row.zone)
		status, journal := s.with(row.settings)
		if knows := strings.Contains(journal, "the Postfix mail system is not running"); status != row.status || knows != (status == 5) {
			s.t.Errorf("Postfix stopped, with %q: status %d, want %d\n%s", row.settings, status, row.status, journal)
		}
	}
}

// TestExposure pins the score that `systemd-analyze security` gives the units.
func TestExposure(t *testing.T) {
	for _, unit := range units(t) {
		if filepath.Ext(unit) != ".service" {
			continue
		}
		worst := 2.0
		if filepath.Base(unit) == "mailallow-dnsbl.service" {
			worst = 2.8 // it asks the DNS, and its notify hands mail to the mail server
		}
		out := analyze(t, "security", "--offline=true", "--no-pager", "./"+unit)
		level := regexp.MustCompile(`Overall exposure level for \S+ ([\d.]+)`).FindStringSubmatch(out)
		if level == nil {
			t.Fatalf("systemd-analyze security %s: %s", unit, out)
		}
		if got, err := strconv.ParseFloat(level[1], 64); err != nil || got > worst {
			t.Errorf("%s: exposure %s, want %.1f or less\n%s", unit, level[1], worst, out)
		}
	}
}

func analyze(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		fixtures.Missing(t, "no systemd-analyze here: `make parts` fetches it")
	}
	out, _ := exec.Command(path, args...).CombinedOutput() // the caller checks the output
	return string(out)
}

// TestMemory: both units bound their memory. An update that passes its bound leaves the files as they are, and the next one
// does the work.
func TestMemory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if status, journal := s.update(); status != 0 {
		t.Fatalf("status %d\n%s", status, journal)
	}
	for unit, want := range map[string]int64{"mailallow-fetch.service": 1 << 30, "mailallow.service": 2 << 30} {
		got := strings.TrimSpace(s.Run("systemctl", "show", "--value", "-p", "MemoryMax", unit))
		if got != strconv.FormatInt(want, 10) {
			t.Errorf("%s: MemoryMax is %s, want %d", unit, got, want)
		}
	}
	const killed = 9
	text := s.Read("/etc/mail/access")
	s.dns.Set(large)
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "81.%d.%d.%d\n", i>>15, i>>7&255, i<<1&255)
	}
	s.Write("/etc/mailallow/many", many.String(), 0o644)
	s.Write("/etc/mailallow/mailallow.toml", config+"[[source]]\nname = \"many\"\nfile = \"many\"\naction = \"OK\"\n", 0o644)
	// No package adds a controller that the kernel does not give: nothing is missing under CI either.
	s.Write("/etc/systemd/system/hungry.service", "[Service]\nType=oneshot\nMemoryMax=32M\nExecStart=sh -c 'head -c 100M /dev/zero | tail -c 90M'\nStandardOutput=null\n", 0o644)
	if _, err := s.Try("systemctl", "start", "hungry.service"); err == nil {
		t.Skip("this kernel gives the host no memory controller of its own: MemoryMax= is shown, and not enforced")
	}
	status, journal := s.with("MemoryMax=32M\n")
	s.Write("/etc/mailallow/mailallow.toml", config, 0o644)
	if status != killed || s.Read("/etc/mail/access") != text {
		t.Errorf("with 32 MB: status %d, want %d, and the files as they were\n%s", status, killed, journal)
	}
	if status, journal := s.update(); status != 0 || s.Read("/etc/mail/access") == text {
		t.Errorf("the next update: status %d\n%s", status, journal)
	}
}

// TestTimer: systemd warns of nothing in the units, and the next start of the timer is within two hours.
func TestTimer(t *testing.T) {
	t.Parallel()
	h := host.New(t)
	h.Write("/usr/local/sbin/mailallow", "", 0o755)
	for _, unit := range units(t) {
		h.Write("/etc/systemd/system/"+unit, read(t, unit), 0o644)
		if out, err := h.Try("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/"+unit); err != nil || out != "" {
			t.Errorf("systemd-analyze verify %s: %v\n%s", unit, err, out)
		}
	}
	begun := time.Now()
	h.Run("systemctl", "enable", "--now", "mailallow.timer")
	next := strings.TrimSpace(h.Run("systemctl", "show", "--value", "-p", "NextElapseUSecRealtime", "mailallow.timer"))
	at, err := time.ParseInLocation("Mon 2006-01-02 15:04:05 MST", next, time.Local)
	if in := at.Sub(begun); err != nil || in <= 0 || in > 2*time.Hour {
		t.Errorf("the next start is %q, in %v", next, in)
	}
	if out := h.Run("systemctl", "list-timers", "--no-pager"); !strings.Contains(out, "mailallow.service") {
		t.Errorf("list-timers: %s", out)
	}
}

func units(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("mailallow*.*")
	if err != nil || len(all) != 5 {
		t.Fatal(fmt.Errorf("units %q: %w", all, err))
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
