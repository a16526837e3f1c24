// Package metrics writes the file for the textfile collector of node_exporter. Several
// commands share it: each puts its own metrics in the place of those that it wrote
// before, and keeps the ones of the others.
package metrics

import (
	"bytes"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sys/unix"

	"mailallow/allowlist/bounded"
	"mailallow/cmd/mailallow/internal/config"
	"mailallow/cmd/mailallow/internal/exit"
	"mailallow/cmd/mailallow/internal/outfile"
	"mailallow/cmd/mailallow/internal/terminal"
)

// The prefixes of the metrics of a command. The longest that a metric has says whose it is.
const (
	Update = "mailallow_"
	DNSBL  = "mailallow_dnsbl_"
)

const (
	// MaxBytes bounds the file that is read: a thousand sources, or all rows of dnsbl, make less.
	MaxBytes = 16 << 20
	patience = 2 * time.Second // to wait for another command, which needs milliseconds
	poll     = 10 * time.Millisecond
)

// Metrics is a registry of gauges. It has no counters, because a run does not know the
// counts of the runs before.
type Metrics struct{ *prometheus.Registry }

// New gives an empty registry.
func New() Metrics { return Metrics{prometheus.NewRegistry()} }

// Gauge registers a gauge, and gives the function that sets it.
func (m Metrics) Gauge(name, help string, labels ...string) func(value float64, labels ...string) {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.MustRegister(vec)
	return func(value float64, labels ...string) {
		for i := range labels {
			labels[i] = terminal.Clean(labels[i]) // the library refuses invalid UTF-8
		}
		vec.WithLabelValues(labels...).Set(value)
	}
}

// Truth is the value of a gauge that says yes or no.
func Truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Write writes the metrics of a command, whose prefix is owner, into the file of the
// configuration. If it fails, that is a warning: no exit code is about it.
func (m Metrics) Write(t *terminal.Terminal, s *config.Settings, owner string) {
	if err := m.write(s, owner); err != nil {
		t.About(slog.String("path", s.MetricsFile)).Warn("metrics_file %s is not written: %v", s.MetricsFile, exit.Reason(err))
	}
}

func (m Metrics) write(s *config.Settings, owner string) error {
	if dir := hold(s.StateDir); dir != nil {
		defer dir.Close()
	}
	families, err := m.Gather()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&out, family); err != nil {
			return err
		}
	}
	out.Write(others(s.MetricsFile, owner))
	return outfile.Replace(s.MetricsFile, out.Bytes())
}

// hold locks the state directory itself, in which other users hold no lock, so that two
// commands do not write at once; nil: it cannot, and the loser of a race writes again in
// its next run. It adds no file.
func hold(dir string) *os.File {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(poll) {
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return f
		}
	}
	f.Close()
	return nil
}

// others are the metrics of other commands in the file. What is no metric of this program,
// or cannot be read, is not kept.
func others(path, owner string) []byte {
	text, err := bounded.File(path, MaxBytes)
	if err != nil {
		return nil
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	var kept bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if of := ownerOf(name); of == "" || of == owner {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&kept, families[name]); err != nil {
			return nil
		}
	}
	return kept.Bytes()
}

func ownerOf(name string) string {
	for _, prefix := range []string{DNSBL, Update} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}
