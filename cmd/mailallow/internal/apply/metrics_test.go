package apply

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sys/unix"

	"mailallow/accessmap/format"
	"mailallow/accessmap/plan"
	"mailallow/allowlist"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/metrics"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// measured gives the metrics file of a run over a source and a target of these names.
func measured(t *testing.T, source, path string, err error) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.prom")
	format, formatErr := format.ByName("cidr")
	if formatErr != nil {
		t.Fatal(formatErr)
	}
	now := time.Now()
	r := &run.Request{Settings: &config.Settings{MetricsFile: file}, Started: now}
	result := &run.Result{
		List: &run.List{Now: now, Sources: []run.Source{{Source: allowlist.Source{Name: source},
			Verdict: guard.Verdict{Resolved: allowlist.Resolved{Time: now}, Status: guard.Held}}}},
		Plans: []*plan.Plan{{Target: plan.Target{Path: path, Format: format}}},
	}
	var messages bytes.Buffer
	measure(terminal.New(nil, nil, io.Discard, &messages), r, result, "0.1", err)
	text, readErr := os.ReadFile(file)
	if readErr != nil || messages.Len() > 0 {
		t.Fatalf("%v, its messages are %q", readErr, &messages)
	}
	return text
}

func TestMetricsLint(t *testing.T) {
	problems, err := promlint.New(bytes.NewReader(measured(t, "google", "/etc/mail/access", nil))).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", err, problems)
	}
}

// A name that others choose is in the file as it is, or escaped, and adds no line and no label.
func TestMetricsHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		`quote " and back \ slash`:         `quote " and back \ slash`,
		"a\"} 1\nmailallow_last_run_x 2\n": "a\"} 1\nmailallow_last_run_x 2\n",
		"esc \x1b[31m, bidi \u202e":        `esc \x1b[31m, bidi \u202e`,
		"no UTF-8 \xff":                    `no UTF-8 \xff`,
		"":                                 "",
		"Büro":                             "Büro",
	} {
		text := measured(t, name, "/"+name, nil)
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%q: %v in\n%s", name, err, text)
			continue
		}
		if got := families["mailallow_source_ranges"].GetMetric()[0].GetLabel()[0].GetValue(); got != want {
			t.Errorf("%q is written as %q, want %q", name, got, want)
		}
		if got := families["mailallow_target_changed"].GetMetric()[0].GetLabel()[1].GetValue(); got != "/"+want {
			t.Errorf("the path /%q is written as %q", name, got)
		}
		if bytes.ContainsAny(text, "\x1b\x00") || len(families) != len(familiesOf(t)) {
			t.Errorf("%q: there is more than text, or more metrics:\n%s", name, text)
		}
	}
}

func familiesOf(t *testing.T) (names []string) {
	for line := range strings.Lines(string(measured(t, "a", "/a", nil))) {
		if strings.HasPrefix(line, "# TYPE ") {
			names = append(names, line)
		}
	}
	return names
}

// The last success is a time that is not after now, or unknown, whatever the file holds.
func TestReadLastSuccess(t *testing.T) {
	const now = 2e9
	line := func(value string) string { return lastSuccess + " " + value + "\n" }
	for _, row := range []struct {
		text string
		at   float64
	}{
		{line("1.5e+09"), 1.5e9},
		{"# HELP x\n" + line("12.75"), 12},
		{line("2e9"), now},
		{"", 0}, {line(""), 0}, {line("x"), 0}, {line("NaN"), 0}, {line("+Inf"), 0}, {line("-1"), 0}, {line("0"), 0}, {line("2000000001"), 0},
		{line("0x1p-2 7"), 0}, {lastSuccess + "{a=\"b\"} 7\n", 0}, {lastSuccess, 0},
		{strings.Repeat("\x00", 1<<20) + line("7"), 0},
		{strings.Repeat("# a comment\n", metrics.MaxBytes/12+1) + line("7"), 0},
	} {
		path := filepath.Join(t.TempDir(), "m.prom")
		if err := os.WriteFile(path, []byte(row.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if at, known := readLastSuccess(path, now); known != (row.at > 0) || known && at != row.at {
			t.Errorf("%.60q: %v, %v; want %v", row.text, at, known, row.at)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, t.TempDir(), "/dev/zero", filepath.Join(pipe, strconv.Itoa(1))} {
		if at, known := readLastSuccess(path, now); known {
			t.Errorf("%s: %v", path, at)
		}
	}
}
