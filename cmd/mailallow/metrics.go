package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"mailallow/allowlist"
	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/terminal"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// lastSuccess is the one metric that outlives a run: it is taken over from the
// file that the run before has written.
const lastSuccess = "mailallow_last_success_timestamp_seconds"

// maxMetricsBytes bounds what is read of that file: a thousand sources make less.
const maxMetricsBytes = 4 << 20

// metrics is a registry of gauges: a file tells how things stand, and a run has
// nothing to count on from the one before.
type metrics struct{ *prometheus.Registry }

func (m metrics) gauge(name, help string, labels ...string) func(value float64, labels ...string) {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.MustRegister(vec)
	return func(value float64, labels ...string) {
		for i := range labels {
			labels[i] = terminal.Clean(labels[i]) // the library refuses what is no UTF-8
		}
		vec.WithLabelValues(labels...).Set(value)
	}
}

// measure writes the metrics of a run that ended with err, where the
// configuration names a file for them. What goes wrong is a warning: the lists
// are the run's outcome, and its exit code tells of them alone.
func (p *passage) measure(t *terminal.Terminal, err error) {
	if p.settings.MetricsFile == "" {
		return
	}
	m := metrics{prometheus.NewRegistry()}
	p.measureRun(m, exit.Code(err))
	if p.list != nil {
		p.measureSources(m)
		p.measureTargets(m)
	}
	if err := m.write(p.settings.MetricsFile); err != nil {
		t.About(slog.String("path", p.settings.MetricsFile)).Warn("metrics_file %s is not written: %v", p.settings.MetricsFile, exit.Reason(err))
	}
}

// write replaces the file. What it is staged under has one name, so that the next run takes away what a killed one left.
func (m metrics) write(path string) error {
	var text bytes.Buffer
	families, err := m.Gather()
	for _, family := range families {
		if err == nil {
			_, err = expfmt.MetricFamilyToText(&text, family)
		}
	}
	if err != nil {
		return err
	}
	temp := path + ".new"
	if err := syscall.Unlink(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", temp, err)
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

func (p *passage) measureRun(m metrics, code int) {
	now := float64(time.Now().Unix())
	m.gauge("mailallow_build_info", "Always 1; the labels tell of the program.", "version", "goversion")(1, version, runtime.Version())
	m.gauge("mailallow_last_run_timestamp_seconds", "When the last update ended.")(now)
	m.gauge("mailallow_last_run_exit_code", "The exit code of the last update: 0 done, 3 a source held, 4 stale or missing, 5 not installed or on_change failed.")(float64(code))
	m.gauge("mailallow_last_run_duration_seconds", "How long the last update took.")(p.duration().Seconds())
	m.gauge("mailallow_last_run_changed", "1 if the last update changed a target, else 0.")(truth(p.report.Changed))
	m.gauge("mailallow_last_run_installed", "1 if the last update left every target as the list wants it, else 0.")(truth(p.report.Installed))
	success, known := now, true
	if code != exit.Done {
		success, known = readLastSuccess(p.settings.MetricsFile, now)
	}
	if known {
		m.gauge(lastSuccess, "When an update last ended with exit code 0.")(success)
	}
}

func (p *passage) measureSources(m metrics) {
	count := m.gauge("mailallow_sources", "How many sources have each status.", "status")
	counts := p.list.counts()
	for _, status := range allowlist.Statuses() {
		count(float64(counts[status]), string(status))
	}
	state := m.gauge("mailallow_source_status", "1 for the status a source has, 0 for the others.", "source", "status")
	fetched := m.gauge("mailallow_source_timestamp_seconds", "When the ranges in use were fetched.", "source")
	age := m.gauge("mailallow_source_age_seconds", "How old the ranges in use were at the last update.", "source")
	ranges := m.gauge("mailallow_source_ranges", "How many networks a source has, the fewest that cover it.", "source")
	addresses := m.gauge("mailallow_source_ipv4_addresses", "How many IPv4 addresses a source has.", "source")
	for _, s := range p.list.sources {
		name, row := s.Source.Name, s.row(p.now)
		for _, status := range allowlist.Statuses() {
			state(truth(s.Status == status), name, string(status))
		}
		if row.hasTime {
			fetched(float64(s.Time.Unix()), name)
			age(row.age.Truncate(time.Second).Seconds(), name)
		}
		ranges(float64(row.ranges), name)
		addresses(float64(row.count.IPv4), name)
	}
}

func (p *passage) measureTargets(m metrics) {
	entries := m.gauge("mailallow_target_entries", "How many keys or lines of ours a target holds.", "path", "format")
	changed := m.gauge("mailallow_target_changed", "1 if the last update changed this target, else 0.", "path", "format")
	for _, plan := range p.plans {
		changed(truth(p.report.Installed && plan.Changed()), plan.Path, plan.Format.Name)
		if plan.Err == nil && (p.report.Installed || !plan.Changed()) { // else it holds what it held before
			entries(float64(plan.Entries), plan.Path, plan.Format.Name)
		}
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// readLastSuccess takes the time from an earlier file, whoever wrote that: it is
// a time before now, or not known.
func readLastSuccess(path string, now float64) (at float64, known bool) {
	text, err := bounded.File(path, maxMetricsBytes)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ours := strings.CutPrefix(strings.TrimSuffix(line, "\n"), lastSuccess+" "); ours {
			at, err := strconv.ParseFloat(value, 64)
			return math.Trunc(at), err == nil && at > 0 && at <= now
		}
	}
	return 0, false
}
