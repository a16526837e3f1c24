package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"mailallow/accessmap"
	"mailallow/allowlist"
	"mailallow/cmd/mailallow/internal/terminal"
)

// maxListed bounds the networks that are listed one by one of a source; with
// --verbose there is no bound.
const maxListed = 25

// row is what every form tells of a source.
type row struct {
	ranges  int
	v6      int // of ranges
	count   allowlist.Count
	age     time.Duration
	hasTime bool // it has ranges, or had
}

func (s sourceResult) row(now time.Time) row {
	r := row{count: allowlist.CountAddresses(s.Ranges.Minimal()), hasTime: !s.Time.IsZero()}
	for p := range s.Ranges.Minimal() {
		r.ranges++
		if p.Addr().Is6() {
			r.v6++
		}
	}
	if r.hasTime {
		r.age = s.Age(now)
	}
	return r
}

// ageText is the age as a table shows it.
func (r row) ageText() string {
	if !r.hasTime {
		return "-"
	}
	return terminal.Age(r.age)
}

// tellSources writes a line about each source, and what is wrong with it.
func (r *request) tellSources(t *terminal.Terminal, list *resolved) {
	rows := [][]string{{"SOURCE", "ACTION", "STATUS", "RANGES", "IPV4 ADDRESSES", "IPV6 RANGES", "AGE"}}
	for _, s := range list.sources {
		row := s.row(r.now)
		rows = append(rows, []string{s.Source.Name, s.Action.String(), string(s.Status),
			fmt.Sprint(row.ranges), terminal.Grouped(row.count.IPv4), fmt.Sprint(row.v6), row.ageText()})
	}
	for i, lines := range terminal.Layout(t.Width(), rows) {
		style := terminal.Plain
		if i == 0 {
			style = terminal.Bold
		} else if s := list.sources[i-1].Status; s == allowlist.Held || s == allowlist.Missing || s == allowlist.Stale {
			style = terminal.Yellow
		}
		t.Summary(style, "%s", strings.Join(lines, "\n"))
	}
	r.warnSources(t, list)
}

// warnSources says what is wrong with sources.
func (r *request) warnSources(t *terminal.Terminal, list *resolved) {
	for _, s := range list.sources {
		for _, p := range s.Problems {
			t.About(slog.String("source", s.Source.Name), slog.String("kind", p.Kind)).Warn("source %q: %s", s.Source.Name, p.Text)
		}
		if hint := statusHint(s, r.fetching); hint != "" {
			t.About(slog.String("source", s.Source.Name), slog.String("status", string(s.Status))).
				Warn("source %q is %s: %s", s.Source.Name, s.Status, hint)
		}
	}
}

// statusHint says what a source's status means for what it goes into and what to do.
func statusHint(s sourceResult, fetching bool) string {
	kept := "it has no last good ranges, so nothing of it is in the list"
	switch {
	case s.Ranges.Len() > 0:
		kept = "its last good ranges stay, of " + s.Time.Format(time.DateOnly)
	case fetching: // whether there are last good ranges, the host knows that uses the snapshot
		kept = "nothing of it is in the snapshot"
	}
	switch s.Status {
	case allowlist.Held:
		return fmt.Sprintf("%s; when the change is right: mailallow update --accept %q", kept, s.Source.Name)
	case allowlist.Stale, allowlist.Missing:
		return kept
	}
	return ""
}

// tellTargets writes what changes in each target, in networks by source. Targets
// that change alike are told of together.
func tellTargets(t *terminal.Terminal, plans []accessmap.TargetPlan, done bool) {
	differences := make([]accessmap.Difference, len(plans))
	for i, p := range plans {
		differences[i] = p.Diff()
	}
	for i, p := range plans {
		line := targetLine(p, done)
		t.Summary(terminal.Bold, "%s", line)
		if p.Changed() {
			t.About(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", len(differences[i].Added)), slog.Int("removed", len(differences[i].Removed))).Record("%s", line)
		}
		warnTarget(t, p)
		if i+1 < len(plans) && reflect.DeepEqual(differences[i], differences[i+1]) {
			continue
		}
		tellDifference(t, differences[i])
	}
}

// warnTarget says what is wrong with a target's file.
func warnTarget(t *terminal.Terminal, p accessmap.TargetPlan) {
	for _, problem := range p.Problems {
		t.About(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			Warn("%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
	}
}

func targetLine(p accessmap.TargetPlan, done bool) string {
	what := "line"
	if p.Format.Map {
		what = "key"
	}
	state := "no change"
	switch {
	case p.Changed() && done:
		state = "changed"
	case p.Changed():
		state = "would change"
	}
	line := fmt.Sprintf("%s (%s): %s, %s", p.Path, p.Format.Name, terminal.Counted(uint64(p.Entries), what, what+"s"), state)
	if p.MapType != "" {
		line += ", map " + p.MapType
		if p.Changed() && !p.TextChanged() {
			line += " to be rebuilt: it is not the one of this text"
		}
	}
	return line
}

func tellDifference(t *terminal.Terminal, d accessmap.Difference) {
	if len(d.Added)+len(d.Removed) == 0 {
		return
	}
	for _, g := range groupBySource(d) {
		t.Summary(terminal.Cyan, "  %s: %s", g.title(), g.counts())
		tellChanges(t, terminal.Green, "+", g.added)
		tellChanges(t, terminal.Red, "-", g.removed)
	}
}

func tellChanges(t *terminal.Terminal, style terminal.Style, sign string, changes []accessmap.Change) {
	shown := changes
	if len(shown) > maxListed && !t.Verbose {
		shown = shown[:maxListed]
	}
	width := 0
	for _, c := range shown {
		width = max(width, len(c.Prefix.String()))
	}
	for _, c := range shown {
		line := fmt.Sprintf("    %s %-*s  %17s  %s", sign, width, c.Prefix, terminal.Addresses(c.Prefix), c.Path)
		t.Summary(style, "%s", strings.TrimRight(line, " "))
	}
	if more := len(changes) - len(shown); more > 0 {
		t.Summary(terminal.Faint, "    %s and %d more; --verbose lists them", sign, more)
	}
}

// sourceChange is what changes of one source under one action.
type sourceChange struct {
	source         string
	action         allowlist.Action
	added, removed []accessmap.Change
}

func groupBySource(d accessmap.Difference) []*sourceChange {
	type key struct {
		source string
		action allowlist.Action
	}
	groups := map[key]*sourceChange{}
	var order []*sourceChange
	at := func(c accessmap.Change) *sourceChange {
		k := key{c.Source, c.Action}
		if groups[k] == nil {
			groups[k] = &sourceChange{source: c.Source, action: c.Action}
			order = append(order, groups[k])
		}
		return groups[k]
	}
	for _, c := range d.Added {
		g := at(c)
		g.added = append(g.added, c)
	}
	for _, c := range d.Removed {
		g := at(c)
		g.removed = append(g.removed, c)
	}
	return order
}

func (g sourceChange) title() string {
	if g.source == "" {
		return "all sources"
	}
	return fmt.Sprintf("%s %s", g.source, g.action)
}

func (g sourceChange) counts() string {
	var parts []string
	for _, side := range []struct {
		verb    string
		changes []accessmap.Change
	}{{"came", g.added}, {"went", g.removed}} {
		if len(side.changes) == 0 {
			continue
		}
		prefixes := func(yield func(netip.Prefix) bool) {
			for _, c := range side.changes {
				if !yield(c.Prefix) {
					return
				}
			}
		}
		parts = append(parts, fmt.Sprintf("%d %s (%s)", len(side.changes), side.verb,
			terminal.Counted(allowlist.CountAddresses(prefixes).IPv4, "IPv4 address", "IPv4 addresses")))
	}
	return strings.Join(parts, ", ")
}
