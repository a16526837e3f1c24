package apply

import (
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mailallow/allowlist/bounded"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/metrics"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// lastSuccess is the one metric that a run takes over from the file of the run before.
const lastSuccess = "mailallow_last_success_timestamp_seconds"

// ofRun are the metrics of a run.
type ofRun struct{ metrics.Metrics }

// measure writes the metrics of a run that ended with err, if the configuration names a
// file for them.
func measure(t *terminal.Terminal, r *run.Request, result *run.Result, version string, err error) {
	if r.Settings.MetricsFile == "" {
		return
	}
	m := ofRun{metrics.New()}
	m.measureRun(r, result, version, exit.Code(err))
	if result.List != nil {
		m.measureSources(result.List)
		m.measureTargets(result)
	}
	m.Write(t, r.Settings, metrics.Update)
}

func (m ofRun) measureRun(r *run.Request, result *run.Result, version string, code int) {
	now := float64(time.Now().Unix())
	m.Gauge("mailallow_build_info", "Always 1; the labels are the versions of the program and of Go.", "version", "goversion")(1, version, runtime.Version())
	m.Gauge("mailallow_last_run_timestamp_seconds", "When the last update ended.")(now)
	m.Gauge("mailallow_last_run_exit_code", "The exit code of the last update: 0 done, 2 configuration or internal trouble, 3 a source held, 4 stale or missing, 5 not installed, or on_change or notify failed, 128+n ended by signal n.")(float64(code))
	m.Gauge("mailallow_last_run_duration_seconds", "How long the last update took.")(r.Duration().Seconds())
	m.Gauge("mailallow_last_run_changed", "1 if the last update changed a target, else 0.")(metrics.Truth(result.Report.Changed))
	m.Gauge("mailallow_last_run_installed", "1 if after the last update every target matched the list, else 0.")(metrics.Truth(result.Report.Installed && !result.LeavesAlone(false)))
	success, known := now, true
	if code != exit.Done {
		success, known = readLastSuccess(r.Settings.MetricsFile, now)
	}
	if known {
		m.Gauge(lastSuccess, "When an update last ended with exit code 0.")(success)
	}
}

func (m ofRun) measureSources(list *run.List) {
	count := m.Gauge("mailallow_sources", "How many sources have each status.", "status")
	counts := list.Counts()
	for _, status := range guard.Statuses() {
		count(float64(counts[status]), string(status))
	}
	state := m.Gauge("mailallow_source_status", "1 for the status a source has, 0 for the others.", "source", "status")
	pinned := m.Gauge("mailallow_source_pinned", "1 if a rollback pinned the ranges of the source, else 0.", "source")
	fetched := m.Gauge("mailallow_source_timestamp_seconds", "When the ranges in use were fetched.", "source")
	age := m.Gauge("mailallow_source_age_seconds", "How old the ranges in use were at the last update.", "source")
	ranges := m.Gauge("mailallow_source_ranges", "How many networks a source has, the fewest that cover it.", "source")
	addresses := m.Gauge("mailallow_source_ipv4_addresses", "How many IPv4 addresses a source has.", "source")
	for _, d := range list.Documents() {
		for _, status := range guard.Statuses() {
			state(metrics.Truth(d.Status == status), d.Name, string(status))
		}
		pinned(metrics.Truth(d.Pinned), d.Name)
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

func (m ofRun) measureTargets(result *run.Result) {
	entries := m.Gauge("mailallow_target_entries", "How many keys or lines a target has from mailallow.", "path", "format")
	changed := m.Gauge("mailallow_target_changed", "1 if the last update changed this target, else 0.", "path", "format")
	for _, plan := range result.Plans {
		changed(metrics.Truth(result.Report.Installed && plan.Changed()), plan.Path, plan.Format.Name)
		if plan.Err == nil && (result.Report.Installed || !plan.Changed()) { // else the plan does not count the keys in the file
			entries(float64(plan.Entries), plan.Path, plan.Format.Name)
		}
	}
}

// readLastSuccess takes the time from an earlier file. Anybody may have written that file:
// a time after now is as good as none.
func readLastSuccess(path string, now float64) (at float64, known bool) {
	text, err := bounded.File(path, metrics.MaxBytes)
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
