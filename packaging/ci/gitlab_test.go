package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"mailallow/fixtures"
)

// gitlabJob is a job of gitlab-ci.yml, as far as the tests play it.
type gitlabJob struct {
	Before []string `yaml:"before_script"`
	Script []string `yaml:"script"`
}

func gitlabJobs(t *testing.T) map[string]gitlabJob {
	t.Helper()
	var jobs map[string]gitlabJob
	if err := yaml.Unmarshal([]byte(read(t, "gitlab-ci.yml")), &jobs); err != nil {
		t.Fatal(err)
	}
	return jobs
}

// gitlab plays the jobs as the platform does: in a clone, all lines in one shell that ends at the first failure. The platform that is
// pushed to is a repository here, whose hook notes the options of each push.
type gitlab struct {
	*platform
	options string // the file with the options
}

func newGitlab(t *testing.T, program string) *gitlab {
	t.Helper()
	g := &gitlab{newPlatform(t, program), filepath.Join(t.TempDir(), "options")}
	command(t, g.origin, "git", "config", "receive.advertisePushOptions", "true")
	command(t, g.origin, "git", "config", "uploadpack.allowAnySHA1InWant", "true")
	write(t, 0o755, "#!/bin/sh\ni=0\nwhile [ $i -lt \"${GIT_PUSH_OPTION_COUNT:-0}\" ]; do eval echo \"\\\"\\$GIT_PUSH_OPTION_$i\\\"\"; i=$((i + 1)); done >> "+g.options+"\n",
		g.origin, "hooks", "pre-receive")
	return g
}

// run plays a job in a clone of a branch, with variables besides those that every job has.
func (g *gitlab) run(job, branch string, variables ...string) (work, output string, failed bool) {
	g.t.Helper()
	work = g.checkOut(branch)
	jobs := gitlabJobs(g.t)
	lines := append(append([]string{"set -eo pipefail"}, jobs[".mailallow"].Before...), jobs[job].Script...)
	cmd := exec.Command("bash", "--noprofile", "--norc", "-c", strings.Join(lines, "\n"))
	cmd.Dir = work
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C.UTF-8",
		"MAILALLOW_URL=" + g.values["vars.MAILALLOW_URL"], "MAILALLOW_SHA256=" + g.values["vars.MAILALLOW_SHA256"], "MAILALLOW_TOKEN=secret",
		"CI_DEFAULT_BRANCH=main", "CI_SERVER_HOST=gitlab.example", "CI_PROJECT_PATH=mail/lists",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://" + g.origin + ".insteadOf", "GIT_CONFIG_VALUE_0=https://mailallow:secret@gitlab.example/mail/lists.git",
	}, variables...)
	out, err := cmd.CombinedOutput()
	return work, string(out), err != nil
}

func (g *gitlab) refresh(variables ...string) (output string, failed bool) {
	g.t.Helper()
	_, output, failed = g.run("refresh", "main", variables...)
	return output, failed
}

func (g *gitlab) review() (difference string, failed bool) {
	g.t.Helper()
	base := strings.TrimSpace(command(g.t, g.origin, "git", "rev-parse", "main"))
	work, output, failed := g.run("review", "mailallow-refresh", "CI_MERGE_REQUEST_DIFF_BASE_SHA="+base)
	difference, err := readFile(work, "difference.md")
	if err != nil {
		g.t.Fatalf("%v\n%s", err, output)
	}
	return difference, failed
}

func readFile(elem ...string) (string, error) {
	text, err := os.ReadFile(filepath.Join(elem...))
	return string(text), err
}

// opened gives the options of the pushes since the last call.
func (g *gitlab) opened() string {
	g.t.Helper()
	text, err := os.ReadFile(g.options)
	if err == nil {
		err = os.Remove(g.options)
	}
	if err != nil && !os.IsNotExist(err) {
		g.t.Fatal(err)
	}
	return string(text)
}

// TestGitlab goes from a scheduled fetch to a change and its review, with a source that is held, and accepted, and the log of a mail
// server.
func TestGitlab(t *testing.T) {
	fixtures.All(t)
	t.Parallel()
	g := newGitlab(t, fixtures.Mailallow(t))
	const opens = "merge_request.create\nmerge_request.target=main\nmerge_request.title=Refresh the allowlist\n"
	step := func(when string, wantFailed bool, wantOpened string, variables ...string) {
		t.Helper()
		output, failed := g.refresh(variables...)
		if opened := g.opened(); failed != wantFailed || opened != wantOpened {
			t.Fatalf("%s: failed %v, want %v; pushed with %q, want %q\n%s", when, failed, wantFailed, opened, wantOpened, output)
		}
	}
	step("first fetch", false, opens)
	if difference, failed := g.review(); failed || !strings.Contains(difference, "+ 74.125.4.0/23") {
		t.Errorf("the review of the first: failed %v\n%s", failed, difference)
	}
	g.merge()
	work := g.checkOut("main")
	write(t, 0o644, refusedLine, work, "logs", "mail log")
	g.commit(work, "main")
	step("nothing new", false, "")

	g.dns.Set(`mail.test TXT "v=spf1 ip4:209.85.128.0/24 -all"`)
	step("shrunk", true, opens)
	difference, failed := g.review()
	if !failed || !strings.Contains(difference, "provider is held") {
		t.Errorf("the review of what is held: failed %v\n%s", failed, difference)
	}
	step("still shrunk, and open or closed", true, "")
	g.merge()
	step("still shrunk, and merged", true, "")
	g.age()
	step("still shrunk, and old", true, "") // a merge would make its ranges no newer
	step("shrunk and accepted", false, opens, "ACCEPT=provider")
	if difference, failed := g.review(); failed || !strings.Contains(difference, "- 74.125.4.0/23") || !strings.Contains(difference, "Of 1 refusal") {
		t.Errorf("the review of what was accepted: failed %v\n%s", failed, difference)
	}
	g.merge()
	step("after that", false, "")
}

// TestGitlabShell has shellcheck read the scripts of the jobs.
func TestGitlabShell(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		fixtures.Missing(t, "no shellcheck here: `make parts` installs it")
	}
	for name, job := range gitlabJobs(t) {
		script := write(t, 0o644, strings.Join(append(job.Before, job.Script...), "\n")+"\n", t.TempDir(), "script")
		if out, err := exec.Command(shellcheck, "--shell=bash", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
