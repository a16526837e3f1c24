// Package metrics writes the file for the textfile collector of node_exporter. Several
// commands share it: each puts its own metrics in the place of those that it wrote
// before, and keeps the ones of the others.
package metrics

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"mailallow/accessmap/state"
	"mailallow/allowlist/bounded"
	"mailallow/allowlist/pattern"
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

// Metrics are gauges. There are no counters, because a run does not know the counts of
// the runs before.
type Metrics struct{ gauges map[string]gauge }

// gauge is one metric with its values, each under its labels as they are written.
type gauge struct {
	help   string
	values map[string]float64
}

// New gives no gauge yet.
func New() Metrics { return Metrics{map[string]gauge{}} }

// Gauge adds a gauge, and gives the function that sets it for the values of these labels,
// in their order.
func (m Metrics) Gauge(name, help string, labels ...string) func(value float64, of ...string) {
	g := gauge{help, map[string]float64{}}
	m.gauges[name] = g
	return func(value float64, of ...string) {
		pairs := make([]string, len(labels))
		for i, label := range labels {
			pairs[i] = label + `="` + escape.Replace(terminal.Clean(of[i])) + `"`
		}
		slices.Sort(pairs)
		g.values[strings.Join(pairs, ",")] = value
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
		defer state.Release(dir)
	}
	var out bytes.Buffer
	m.encode(&out)
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

// escape makes text the value of a label: in Prometheus' text format all characters but these
// stand for themselves.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// encode writes the gauges in Prometheus' text format, version 0.0.4, in the order of their
// names and labels.
func (m Metrics) encode(out *bytes.Buffer) {
	for _, name := range slices.Sorted(maps.Keys(m.gauges)) {
		g := m.gauges[name]
		if len(g.values) == 0 {
			continue
		}
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, g.help, name)
		for _, labels := range slices.Sorted(maps.Keys(g.values)) {
			series := name
			if labels != "" {
				series += "{" + labels + "}"
			}
			fmt.Fprintf(out, "%s %s\n", series, strconv.FormatFloat(g.values[labels], 'g', -1, 64))
		}
	}
}

// ofGauge matches a line as encode writes it: a comment, or a value.
var ofGauge = pattern.New(`^(?:# HELP (mailallow_[a-z0-9_]+) .+|# TYPE (mailallow_[a-z0-9_]+) gauge|` +
	`(mailallow_[a-z0-9_]+)(?:\{(?:[a-z]+="(?:[^"\\]|\\[\\n"])*",?)+\})? (?:NaN|[-+]Inf|-?[0-9][0-9.e+-]*))\n$`)

// others are the metrics of other commands in the file. A line that this program does not
// write is not kept.
func others(path, owner string) []byte {
	text, err := bounded.File(path, MaxBytes)
	if err != nil {
		return nil
	}
	var kept bytes.Buffer
	for line := range bytes.Lines(text) {
		if m := ofGauge().FindSubmatch(line); m != nil && ownerOf(string(m[1])+string(m[2])+string(m[3])) != owner {
			kept.Write(line)
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
