package update

import (
	"bytes"
	"log/slog"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"mailallow/accessmap/install"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// lastSuccess is the one metric that a run takes over from the file of the run before.
const lastSuccess = "mailallow_last_success_timestamp_seconds"

// maxMetricsBytes bounds that file: a thousand sources make less.
const maxMetricsBytes = 4 << 20

// metrics is a registry of gauges. It has no counters, because a run does not know the
// counts of the runs before.
type metrics struct{ *prometheus.Registry }

func (m metrics) gauge(name, help string, labels ...string) func(value float64, labels ...string) {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.MustRegister(vec)
	return func(value float64, labels ...string) {
		for i := range labels {
			labels[i] = terminal.Clean(labels[i]) // the library refuses invalid UTF-8
		}
		vec.WithLabelValues(labels...).Set(value)
	}
}

// measure writes the metrics of a run that ended with err, if the configuration names a
// file for them. If it fails, that is a warning: the exit code is about the list alone.
func measure(t *terminal.Terminal, r *run.Request, result *run.Result, version string, err error) {
	path := r.Settings.MetricsFile
	if path == "" {
		return
	}
	m := metrics{prometheus.NewRegistry()}
	m.measureRun(r, result.Report, version, exit.Code(err))
	if result.List != nil {
		m.measureSources(result.List)
		m.measureTargets(result)
	}
	if err := m.write(path); err != nil {
		t.About(slog.String("path", path)).Warn("metrics_file %s is not written: %v", path, exit.Reason(err))
	}
}

func (m metrics) write(path string) error {
	families, err := m.Gather()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			return err
		}
	}
	return outfile.Replace(path, text.Bytes())
}

func (m metrics) measureRun(r *run.Request, report install.Report, version string, code int) {
	now := float64(time.Now().Unix())
	m.gauge("mailallow_build_info", "Always 1; the labels are the versions of the program and of Go.", "version", "goversion")(1, version, runtime.Version())
	m.gauge("mailallow_last_run_timestamp_seconds", "When the last update ended.")(now)
	m.gauge("mailallow_last_run_exit_code", "The exit code of the last update: 0 done, 3 a source held, 4 stale or missing, 5 not installed or on_change failed.")(float64(code))
	m.gauge("mailallow_last_run_duration_seconds", "How long the last update took.")(r.Duration().Seconds())
	m.gauge("mailallow_last_run_changed", "1 if the last update changed a target, else 0.")(truth(report.Changed))
	m.gauge("mailallow_last_run_installed", "1 if after the last update every target matched the list, else 0.")(truth(report.Installed))
	success, known := now, true
	if code != exit.Done {
		success, known = readLastSuccess(r.Settings.MetricsFile, now)
	}
	if known {
		m.gauge(lastSuccess, "When an update last ended with exit code 0.")(success)
	}
}

func (m metrics) measureSources(list *run.List) {
	count := m.gauge("mailallow_sources", "How many sources have each status.", "status")
	counts := list.Counts()
	for _, status := range guard.Statuses() {
		count(float64(counts[status]), string(status))
	}
	state := m.gauge("mailallow_source_status", "1 for the status a source has, 0 for the others.", "source", "status")
	fetched := m.gauge("mailallow_source_timestamp_seconds", "When the ranges in use were fetched.", "source")
	age := m.gauge("mailallow_source_age_seconds", "How old the ranges in use were at the last update.", "source")
	ranges := m.gauge("mailallow_source_ranges", "How many networks a source has, the fewest that cover it.", "source")
	addresses := m.gauge("mailallow_source_ipv4_addresses", "How many IPv4 addresses a source has.", "source")
	for _, d := range list.Documents() {
		for _, status := range guard.Statuses() {
			state(truth(d.Status == status), d.Name, string(status))
		}
		if !d.Time.IsZero() {
			fetched(float64(d.Time.Unix()), d.Name)
		}
		if d.AgeSeconds != nil {
			age(float64(*d.AgeSeconds), d.Name)
		}
		ranges(float64(d.Ranges), d.Name)
		addresses(float64(d.IPv4Addresses), d.Name)
	}
}

func (m metrics) measureTargets(result *run.Result) {
	entries := m.gauge("mailallow_target_entries", "How many keys or lines a target has from mailallow.", "path", "format")
	changed := m.gauge("mailallow_target_changed", "1 if the last update changed this target, else 0.", "path", "format")
	for _, plan := range result.Plans {
		changed(truth(result.Report.Installed && plan.Changed()), plan.Path, plan.Format.Name)
		if plan.Err == nil && (result.Report.Installed || !plan.Changed()) { // else the plan does not count the keys in the file
			entries(float64(plan.Entries), plan.Path, plan.Format.Name)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// readLastSuccess takes the time from an earlier file. Anybody may have written that file:
// a time after now is as good as none.
func readLastSuccess(path string, now float64) (at float64, known bool) {
	text, err := bounded.File(path, maxMetricsBytes)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), lastSuccess+" "); found {
			at, err := strconv.ParseFloat(value, 64)
			return math.Trunc(at), err == nil && at > 0 && at <= now
		}
	}
	return 0, false
}
