// Package ci holds the workflows that fetch in a repository and review there. The tests run them, step by step, with a real
// git repository and a DNS server on loopback. Only gh is not the real one: it records its calls.
package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailallow/fixtures"
)

const (
	first  = `mail.test TXT "v=spf1 ip4:74.125.4.0/23 ip4:209.85.128.0/24 -all"`
	second = `mail.test TXT "v=spf1 include:_b.mail.test ip4:209.85.128.0/24 -all"` + "\n" +
		`_b.mail.test TXT "v=spf1 ip4:74.125.5.0/24 ip4:74.125.9.0/24 -all"`

	sources = `
source = [
  {name = "provider", spf = ["mail.test"], action = "OK"},
  {name = "own", cidr = ["192.0.2.7"], action = "RELAY"},
]
`
	config = `state_dir = "review/state"
target = [{format = "sendmail-access", path = "review/access", map = "none"}]
guard.max_shrink = "40%"
dns.timeout = "1m"
` + sources
)

// The review shows this difference of second to first.
const review = `## mailallow

| source | action | status | ranges | IPv4 addresses | IPv6 ranges | age |
|---|---|---|---:|---:|---:|---:|
| provider | OK | fresh | 3 | 768 | 0 | now |
| own | RELAY | fresh | 1 | 1 | 0 | now |

### ` + "`WORK/review/access`" + `

WORK/review/access (sendmail-access): 4 keys, would change

**provider OK**: 1 came (256 IPv4 addresses), 1 went (256 IPv4 addresses)

` + "```diff" + `
+ 74.125.9.0/24  mail.test > include:_b.mail.test > ip4:74.125.9.0/24
- 74.125.4.0/24  mail.test > ip4:74.125.4.0/23
` + "```\n"

// A host installs this from second.
const installed = `# by hand
# BEGIN mailallow: the lines down to END are replaced by 'mailallow update'
# 74.125.5.0/24 OK provider: mail.test > include:_b.mail.test > ip4:74.125.5.0/24
Connect:74.125.5	OK
# 74.125.9.0/24 OK provider: mail.test > include:_b.mail.test > ip4:74.125.9.0/24
Connect:74.125.9	OK
# 192.0.2.7/32 RELAY own: cidr 192.0.2.7/32
Connect:192.0.2.7	RELAY
# 209.85.128.0/24 OK provider: mail.test > ip4:209.85.128.0/24
Connect:209.85.128	OK
# END mailallow
`

func TestWorkflows(t *testing.T) {
	for _, program := range []string{"git", "curl", "jq", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			fixtures.Missing(t, "no "+program+" here: `make parts` installs it")
		}
	}
	program := fixtures.Mailallow(t)
	t.Run("Configuration", func(t *testing.T) {
		dir := t.TempDir()
		write(t, 0o644, read(t, "mailallow.toml"), dir, "mailallow.toml")
		write(t, 0o644, "", dir, "review/access")
		command(t, dir, program, "-c", "mailallow.toml", "update", "--snapshot", "embedded")
		if !strings.Contains(read(t, dir, "review/access"), "\nConnect:74.125\tOK\n") {
			t.Error("the ranges of Google are not in review/access")
		}
	})
	for name, story := range map[string]func(*testing.T, *platform){
		"FetchReviewInstall": fetchReviewInstall,
		"InDoubt":            fetchInDoubt,
		"AfterMaxAge":        fetchAfterMaxAge,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "FetchReviewInstall" {
				fixtures.All(t)
			}
			story(t, newPlatform(t, program))
		})
	}
}

// From a scheduled fetch to a host: the change, its review, and the installation of exactly that without DNS.
func fetchReviewInstall(t *testing.T, p *platform) {
	work, r := p.refresh()
	p.wantCalls("first fetch", work, r, false,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr create --base main --head mailallow-refresh --title Refresh the allowlist --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=")
	p.review()
	p.merge()

	work, r = p.refresh()
	p.wantCalls("nothing new", work, r, false)

	p.dns.Set(second)
	work, r = p.refresh()
	p.wantCalls("another policy", work, r, false,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr create --base main --head mailallow-refresh --title Refresh the allowlist --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=")
	if diff := cmp.Diff(review, strings.ReplaceAll(read(t, work, "difference.md"), work, "WORK")); diff != "" {
		t.Errorf("the change tells something else (-want +got):\n%s", diff)
	}
	work, r = p.review()
	if diff := cmp.Diff(review, strings.ReplaceAll(r.summary, work, "WORK")); r.failed || diff != "" {
		t.Errorf("failed %v; the review shows something else (-want +got):\n%s", r.failed, diff)
	}
	p.merge()

	// The provider changes again, DNS is not asked, and the host gets the reviewed ranges.
	p.dns.Set()
	asked := p.dns.Asked()
	host := t.TempDir()
	write(t, 0o644, `target = [{format = "sendmail-access", path = "/etc/mail/access", map = "none"}]`+sources, host, "etc/mailallow/mailallow.toml")
	write(t, 0o644, "# by hand\n", host, "etc/mail/access")
	write(t, 0o644, "", host, "var/lib/none")
	command(t, p.checkOut("main"), p.program, "update", "--root", host, "--snapshot", "snapshot.json")
	if diff := cmp.Diff(installed, read(t, host, "etc/mail/access")); diff != "" {
		t.Errorf("the host has something else (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(asked, p.dns.Asked()); diff != "" {
		t.Errorf("DNS was asked:\n%s", diff)
	}
}

// refusedLine is a line of a log: a client in the first policy was refused.
const refusedLine = "Nov 20 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[74.125.5.9]: 554 5.7.1 Service unavailable; " +
	"Client host [74.125.5.9] blocked using zen.spamhaus.org; from=<a@b> to=<c@d> proto=SMTP helo=<x>\n"

// A source that the guard holds, or that cannot be fetched, fails the job and makes no smaller list; the change that it opens shows
// the source to the reviewer. A right one is accepted by name. With the log of a mail server the review says what it means.
func fetchInDoubt(t *testing.T, p *platform) {
	p.refresh()
	p.merge()
	work := p.checkOut("main")
	write(t, 0o644, refusedLine, work, "logs", "mail log")
	p.commit(work, "main")

	p.dns.Fault("mail.test", "TXT", fixtures.ServFail)
	work, r := p.refresh()
	p.wantCalls("no answer", work, r, true,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr create --base main --head mailallow-refresh --title Refresh the allowlist --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=")
	p.dns.Fault("mail.test", "TXT", 0)

	p.dns.Set(`mail.test TXT "v=spf1 ip4:209.85.128.0/24 -all"`)
	work, r = p.refresh()
	p.wantCalls("shrunk", work, r, true,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr create --base main --head mailallow-refresh --title Refresh the allowlist --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=")

	// While it stays as it is nobody is asked again: not while the change is open, nor when it was closed or merged, nor when the
	// ranges are past max_age, since a merge would make them no newer.
	work, r = p.refresh()
	p.wantCalls("still shrunk, and open or closed", work, r, true)
	p.merge()
	work, r = p.refresh()
	p.wantCalls("still shrunk, and merged", work, r, true)
	p.age()
	work, r = p.refresh()
	p.wantCalls("still shrunk, and old", work, r, true)

	p.values["inputs.accept"] = "provider"
	work, r = p.refresh()
	p.wantCalls("shrunk and accepted", work, r, false,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr create --base main --head mailallow-refresh --title Refresh the allowlist --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=provider")
	if work, r = p.review(); r.failed ||
		!strings.Contains(r.summary, "the change would let in 0 and shut out 1.") || !strings.Contains(read(t, work, "report.html"), "Refused by a DNSBL: 1 time") {
		t.Errorf("the review of what was accepted failed: %v, want false; it shows\n%s", r.failed, r.summary)
	}
	delete(p.values, "inputs.accept")
	if _, r = p.review(); !r.failed || !strings.Contains(r.summary, "provider is held") {
		t.Errorf("a review of what is held failed: %v, want true; it shows\n%s", r.failed, r.summary)
	}
}

// A snapshot whose review is older than max_age is put up for review, although nothing in it has changed; here in a change that
// is open already.
func fetchAfterMaxAge(t *testing.T, p *platform) {
	p.refresh()
	p.merge()
	p.age()
	p.open = "7"
	work, r := p.refresh()
	p.wantCalls("old", work, r, false,
		"pr list --head mailallow-refresh --state open --json number --jq .[].number",
		"pr edit 7 --body-file difference.md",
		"workflow run review.yml --ref mailallow-refresh --raw-field accept=")
}

// age makes the snapshot in main an old one.
func (p *platform) age() {
	p.t.Helper()
	work := p.checkOut("main")
	write(p.t, 0o644, timeMember.ReplaceAllString(read(p.t, work, "snapshot.json"), `"time": "2020-01-02T03:04:05Z"`), work, "snapshot.json")
	p.commit(work, "main")
}

var timeMember = regexp.MustCompile(`"time": "[^"]*"`)

// platform is the site of the repository.
type platform struct {
	t       *testing.T
	dns     *fixtures.DNSServer
	program string
	origin  string
	values  map[string]string
	open    string // the number of a change that is open already
}

func newPlatform(t *testing.T, program string) *platform {
	t.Helper()
	p := &platform{t: t, dns: fixtures.DNS(t, first), program: program, origin: t.TempDir()}
	binary := read(t, p.program)
	web := fixtures.HTTP(t)
	web.Set("/mailallow", fixtures.Page{Body: binary})
	sum := sha256.Sum256([]byte(binary))
	p.values = map[string]string{
		"github.token": "no token", "github.ref_name": "main",
		"vars.MAILALLOW_URL": web.URL("/mailallow"), "vars.MAILALLOW_SHA256": hex.EncodeToString(sum[:]),
	}
	command(t, p.origin, "git", "init", "--quiet", "--bare", "--initial-branch", "main")
	work := filepath.Join(t.TempDir(), "work")
	command(t, p.origin, "git", "clone", "--quiet", p.origin, work)
	command(t, work, "git", "switch", "--quiet", "--create", "main")
	write(t, 0o644, config+"dns.resolvers = [\""+p.dns.Addr()+"\"]\n", work, "mailallow.toml")
	p.commit(work, "main")
	return p
}

// checkOut does the work of the action of that name: a clone with as few commits as asked for.
func (p *platform) checkOut(branch string) (work string) {
	p.t.Helper()
	work = filepath.Join(p.t.TempDir(), "work")
	command(p.t, p.origin, "git", "clone", "--quiet", "--depth=2", "--branch", branch, "file://"+p.origin, work)
	return work
}

func (p *platform) commit(work, branch string) {
	p.t.Helper()
	command(p.t, work, "git", "add", "--all")
	command(p.t, work, "git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "commit", "--quiet", "--message", "Change")
	command(p.t, work, "git", "push", "--quiet", "origin", branch)
}

func (p *platform) refresh() (work string, r *runner) { return p.run("refresh.yml", "main") }
func (p *platform) review() (work string, r *runner)  { return p.run("review.yml", "mailallow-refresh") }

func (p *platform) run(workflow, branch string) (work string, r *runner) {
	p.t.Helper()
	work = p.checkOut(branch)
	r = &runner{t: p.t, work: work, values: maps.Clone(p.values), gh: p.t.TempDir()}
	write(p.t, 0o755, "#!/bin/sh\necho \"$*\" >> "+filepath.Join(r.gh, "calls")+"\n[ \"$2\" != list ] || echo "+p.open+"\n", r.gh, "gh")
	r.run(workflow)
	return work, r
}

// merge merges the change into main, as a person does after the review.
func (p *platform) merge() {
	p.t.Helper()
	command(p.t, p.origin, "git", "branch", "--force", "main", "mailallow-refresh")
}

// wantCalls compares the calls of gh, and the result of the job, with the expected ones.
func (p *platform) wantCalls(when, work string, r *runner, failed bool, want ...string) {
	p.t.Helper()
	calls, err := os.ReadFile(filepath.Join(r.gh, "calls"))
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.TrimSpace(string(calls))); diff != "" || r.failed != failed {
		p.t.Errorf("%s: failed %v, want %v; gh was called (-want +got):\n%s", when, r.failed, failed, diff)
	}
	if status := command(p.t, work, "git", "diff", "--name-only", "HEAD^", "HEAD"); len(want) > 0 && status != "snapshot.json\n" {
		p.t.Errorf("%s: the change is one of %q, want of the snapshot alone", when, status)
	}
}
