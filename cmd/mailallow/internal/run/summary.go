package run

import (
	"fmt"
	"log/slog"

	"mailallow/accessmap/plan"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/terminal"
)

// Tell writes a line about each source, and warns of its problems.
func (l *List) Tell(t *terminal.Terminal) {
	rows := [][]string{{"SOURCE", "ACTION", "STATUS", "RANGES", "IPV4 ADDRESSES", "IPV6 RANGES", "AGE"}}
	for _, d := range l.Documents() {
		rows = append(rows, []string{d.Name, d.Action, string(d.Status),
			terminal.Grouped(uint64(d.Ranges)), terminal.Grouped(d.IPv4Addresses), terminal.Grouped(uint64(d.IPv6Ranges)), d.AgeText()})
	}
	for i, row := range terminal.Layout(t.Width(), rows) {
		style := terminal.Plain
		if i == 0 {
			style = terminal.Bold
		} else if l.Sources[i-1].Status != guard.Fresh {
			style = terminal.Yellow
		}
		t.Summary(style, "%s", row)
	}
	l.Warn(t)
	l.note(t)
}

// tellPlans writes the changes of each target, in networks by source. It writes the
// networks once for targets in a row that change alike.
func (r *Result) tellPlans(t *terminal.Terminal, done bool) {
	plans := r.Plans
	differences := make([]plan.Difference, len(plans))
	for i, p := range plans {
		differences[i] = p.Difference
	}
	for i, p := range plans {
		line := TargetLine(p, done)
		t.Summary(terminal.Bold, "%s", line)
		if p.Changed() {
			t.About(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", len(differences[i].Added)), slog.Int("removed", len(differences[i].Removed))).Record("%s", line)
		}
		WarnTarget(t, p)
		if i+1 < len(plans) && differences[i].Equal(differences[i+1]) {
			continue
		}
		for _, g := range r.Changes(p) {
			t.Summary(terminal.Cyan, "  %s: %s", g.Title, g.Counts())
			if g.About != "" {
				t.Summary(terminal.Plain, "    %s", g.About)
			}
			tellChanges(t, terminal.Green, "+", g.Added)
			tellChanges(t, terminal.Red, "-", g.Removed)
		}
	}
}

// WarnTarget warns of the problems in the file of a target.
func WarnTarget(t *terminal.Terminal, p plan.Plan) {
	for _, problem := range p.Problems {
		t.About(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			Warn("%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
	}
}

// TargetLine says how many entries a target has, and whether it would change or, with
// done, has changed.
func TargetLine(p plan.Plan, done bool) string {
	entry := "line"
	if p.Format.Map {
		entry = "key"
	}
	state := "no change"
	switch {
	case p.Gone && done:
		return fmt.Sprintf("%s (%s): removed", p.Path, p.Format.Name)
	case p.Gone:
		return fmt.Sprintf("%s (%s): would be removed", p.Path, p.Format.Name)
	case p.Changed() && done:
		state = "changed"
	case p.Changed():
		state = "would change"
	}
	line := fmt.Sprintf("%s (%s): %s, %s", p.Path, p.Format.Name, terminal.Counted(uint64(p.Entries), entry, entry+"s"), state)
	if p.TextChanged() && len(p.Difference.Added)+len(p.Difference.Removed) == 0 {
		line += ", in its comments alone"
	}
	if p.MapType != "" {
		line += ", map " + p.MapType
		if p.Changed() && !p.TextChanged() {
			line += " to be rebuilt: it does not match this text"
		}
	}
	return line
}
