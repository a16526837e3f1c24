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
	return shortAge(r.age)
}

// tellSources writes a line about each source, and what is wrong with it.
func (r *request) tellSources(t *terminal, list *resolved) {
	rows := [][]string{{"SOURCE", "ACTION", "STATUS", "RANGES", "IPV4 ADDRESSES", "IPV6 RANGES", "AGE"}}
	for _, s := range list.sources {
		row := s.row(r.now)
		rows = append(rows, []string{s.Source.Name, s.Action.String(), string(s.Status),
			fmt.Sprint(row.ranges), grouped(row.count.IPv4), fmt.Sprint(row.v6), row.ageText()})
	}
	for i, lines := range layout(t.width(), rows) {
		style := plain
		if i == 0 {
			style = bold
		} else if s := list.sources[i-1].Status; s == allowlist.Held || s == allowlist.Missing || s == allowlist.Stale {
			style = yellow
		}
		t.summary(style, "%s", strings.Join(lines, "\n"))
	}
	r.warnSources(t, list)
}

// warnSources says what is wrong with sources.
func (r *request) warnSources(t *terminal, list *resolved) {
	for _, s := range list.sources {
		for _, p := range s.Problems {
			t.about(slog.String("source", s.Source.Name), slog.String("kind", p.Kind)).warn("source %q: %s", s.Source.Name, p.Text)
		}
		if hint := statusHint(s, r.fetching); hint != "" {
			t.about(slog.String("source", s.Source.Name), slog.String("status", string(s.Status))).
				warn("source %q is %s: %s", s.Source.Name, s.Status, hint)
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
func tellTargets(t *terminal, plans []accessmap.TargetPlan, done bool) {
	differences := make([]accessmap.Difference, len(plans))
	for i, p := range plans {
		differences[i] = p.Diff()
	}
	for i, p := range plans {
		line := targetLine(p, done)
		t.summary(bold, "%s", line)
		if p.Changed() {
			t.about(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", len(differences[i].Added)), slog.Int("removed", len(differences[i].Removed))).record("%s", line)
		}
		warnTarget(t, p)
		if i+1 < len(plans) && reflect.DeepEqual(differences[i], differences[i+1]) {
			continue
		}
		tellDifference(t, differences[i])
	}
}

// warnTarget says what is wrong with a target's file.
func warnTarget(t *terminal, p accessmap.TargetPlan) {
	for _, problem := range p.Problems {
		t.about(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			warn("%s: %s", place(p.Path, problem.Line), problem.Text)
	}
}

// place is a line of a file; line 0 is the file as a whole.
func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
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
	line := fmt.Sprintf("%s (%s): %s, %s", p.Path, p.Format.Name, counted(uint64(p.Entries), what, what+"s"), state)
	if p.MapType != "" {
		line += ", map " + p.MapType
		if p.Changed() && !p.TextChanged() {
			line += " to be rebuilt: it is not the one of this text"
		}
	}
	return line
}

func tellDifference(t *terminal, d accessmap.Difference) {
	if len(d.Added)+len(d.Removed) == 0 {
		return
	}
	for _, g := range groupBySource(d) {
		t.summary(cyan, "  %s: %s", g.title(), g.counts())
		tellChanges(t, green, "+", g.added)
		tellChanges(t, red, "-", g.removed)
	}
}

func tellChanges(t *terminal, style, sign string, changes []accessmap.Change) {
	shown := changes
	if len(shown) > maxListed && !t.verbose {
		shown = shown[:maxListed]
	}
	width := 0
	for _, c := range shown {
		width = max(width, len(c.Prefix.String()))
	}
	for _, c := range shown {
		line := fmt.Sprintf("    %s %-*s  %17s  %s", sign, width, c.Prefix, size(c.Prefix), c.Path)
		t.summary(style, "%s", strings.TrimRight(line, " "))
	}
	if more := len(changes) - len(shown); more > 0 {
		t.summary(faint, "    %s and %d more; --verbose lists them", sign, more)
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
			counted(allowlist.CountAddresses(prefixes).IPv4, "IPv4 address", "IPv4 addresses")))
	}
	return strings.Join(parts, ", ")
}

// size is how many addresses a network has: a number for IPv4, a power of two
// for IPv6.
func size(p netip.Prefix) string {
	bits := p.Addr().BitLen() - p.Bits()
	switch {
	case p.Addr().Is6() && bits > 0:
		return fmt.Sprintf("2^%d addresses", bits)
	case bits == 0:
		return "1 address"
	}
	return counted(1<<bits, "address", "addresses")
}

// counted is a number with its noun.
func counted(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// grouped writes a number with a comma between thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func shortAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
