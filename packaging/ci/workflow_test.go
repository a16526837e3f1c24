package ci

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"mailallow/fixtures"
)

// actionlint finds nothing, with shellcheck over the scripts.
func TestWorkflowsAreSound(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		fixtures.Missing(t, "no shellcheck here: `make parts` installs it")
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{LogWriter: io.Discard, Shellcheck: shellcheck})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := linter.LintFiles([]string{"refresh.yml", "review.yml"}, nil); err != nil || len(found) > 0 {
		t.Errorf("%v %v", found, err)
	}
}

// No script has an expression, so that texts of others reach it by its environment alone. Every action of another owner is
// named by its commit.
func TestWorkflowsTrustNothing(t *testing.T) {
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40}$`)
	for _, name := range []string{"refresh.yml", "review.yml"} {
		for _, step := range readJob(t, name).Steps {
			switch exec := step.Exec.(type) {
			case *actionlint.ExecRun:
				if strings.Contains(exec.Run.Value, "${{") {
					t.Errorf("%s:%d: an expression in a script", name, step.Pos.Line)
				}
			case *actionlint.ExecAction:
				if !pinned.MatchString(exec.Uses.Value) {
					t.Errorf("%s:%d: %s is not named by its commit", name, step.Pos.Line, exec.Uses.Value)
				}
			}
		}
	}
}

// readJob reads the one job of a workflow.
func readJob(t *testing.T, name string) *actionlint.Job {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	workflow, problems := actionlint.Parse(text)
	if len(problems) > 0 || len(workflow.Jobs) != 1 {
		t.Fatalf("%s: %v, %d jobs", name, problems, len(workflow.Jobs))
	}
	for _, job := range workflow.Jobs {
		return job
	}
	return nil
}

// runner runs a job as the platform does: the scripts of its steps in order, each with its environment and the outputs of
// earlier steps.
type runner struct {
	t       *testing.T
	work    string            // the checkout
	temp    string            // RUNNER_TEMP, and the files that steps write to
	values  map[string]string // of expressions: "inputs.accept"
	gh      string            // a folder with a program gh that writes down how it was called
	failed  bool
	summary string
}

// run runs the steps, if their conditions hold, in the checkout in work. The caller checks out.
func (r *runner) run(workflow string) {
	r.t.Helper()
	r.temp = r.t.TempDir()
	for _, step := range readJob(r.t, workflow).Steps {
		script, isScript := step.Exec.(*actionlint.ExecRun)
		if !isScript || r.failed || step.If != nil && !r.holds(step.If.Value) {
			continue
		}
		cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.Run.Value)
		cmd.Dir = r.work
		cmd.Env = r.environment(step)
		if out, err := cmd.CombinedOutput(); err != nil {
			r.failed = true
			r.t.Logf("%s: %s: %v\n%s", workflow, step.Name.Value, err, out)
		}
		if step.ID != nil {
			for line := range strings.Lines(r.written("output")) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				r.values["steps."+step.ID.Value+".outputs."+name] = value
			}
		}
		_ = os.Remove(filepath.Join(r.temp, "output")) // most steps write none
	}
	r.summary = r.written("summary")
}

func (r *runner) environment(step *actionlint.Step) []string {
	path := r.gh + ":" + os.Getenv("PATH")
	for line := range strings.Lines(r.written("path")) {
		path = strings.TrimSuffix(line, "\n") + ":" + path
	}
	env := []string{
		"PATH=" + path, "HOME=" + r.temp, "RUNNER_TEMP=" + r.temp, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C.UTF-8",
		"GITHUB_OUTPUT=" + filepath.Join(r.temp, "output"), "GITHUB_PATH=" + filepath.Join(r.temp, "path"),
		"GITHUB_STEP_SUMMARY=" + filepath.Join(r.temp, "summary"),
	}
	if step.Env != nil {
		for _, v := range step.Env.Vars {
			expression := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(v.Value.Value, "${{"), "}}"))
			env = append(env, v.Name.Value+"="+r.value(expression))
		}
	}
	return env
}

// holds evaluates a condition: comparisons with a text, joined by ||.
func (r *runner) holds(condition string) bool {
	r.t.Helper()
	comparison := regexp.MustCompile(`^([\w.]+) (==|!=) '([^']*)'$`)
	for part := range strings.SplitSeq(condition, " || ") {
		m := comparison.FindStringSubmatch(part)
		if m == nil {
			r.t.Fatalf("a condition that this runner does not know: %s", condition)
		}
		if (r.value(m[1]) == m[3]) == (m[2] == "==") {
			return true
		}
	}
	return false
}

// value gives the value of an expression. An output that a step did not write is empty, and so is an input that a run lacks.
func (r *runner) value(expression string) string {
	r.t.Helper()
	value, known := r.values[expression]
	if !known && !strings.HasPrefix(expression, "steps.") && !strings.HasPrefix(expression, "inputs.") {
		r.t.Fatalf("an expression that this runner does not know: %s", expression)
	}
	return value
}

func (r *runner) written(name string) string {
	text, err := os.ReadFile(filepath.Join(r.temp, name))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return string(text)
}

// command runs a program and gives its output.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, &stderr)
	}
	return string(out)
}

// write makes a file and the folders above it.
func write(t *testing.T, mode os.FileMode, text string, elem ...string) (path string) {
	t.Helper()
	path = filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	fixtures.Write(t, path, text, mode)
	return path
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(fmt.Errorf("a step has not written its file: %w", err))
	}
	return string(text)
}
