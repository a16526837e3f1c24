package say

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"mailallow/accessmap/install"
	"mailallow/accessmap/plan"
	"mailallow/allowlist/guard"
	"mailallow/cmd/mailallow/internal/run"
	"mailallow/cmd/mailallow/internal/terminal"
)

// List writes a line about each source, and warns of its problems.
func List(t *terminal.Terminal, l *run.List) {
	if t.Summarizes() {
		sources(t, l)
	}
	Warn(t, l)
	note(t, l)
}

// sources writes a table of them.
func sources(t *terminal.Terminal, l *run.List) {
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
}

// plans writes the changes of each target, in networks by source. It writes the
// networks once for targets in a row that change alike.
func plans(t *terminal.Terminal, r *run.Result, done bool) {
	for i, p := range r.Plans {
		if t.Silent() { // the difference is not needed then
			WarnTarget(t, p)
			continue
		}
		line := TargetLine(p, done)
		t.Summary(terminal.Bold, "%s", line)
		if added, removed := p.Difference().Len(); p.Changed() {
			t.About(slog.String("target", p.Path), slog.String("format", p.Format.Name), slog.Int("entries", p.Entries),
				slog.Int("added", added), slog.Int("removed", removed)).Record("%s", line)
		}
		WarnTarget(t, p)
		if i+1 < len(r.Plans) && p.Difference().Equal(r.Plans[i+1].Difference()) {
			continue
		}
		for _, g := range Changes(r.List, p) {
			t.Summary(terminal.Cyan, "  %s: %s", g.Title, g.Counts())
			if g.About != "" {
				t.Summary(terminal.Plain, "    %s", strings.Join(t.Folded(g.About, 4), "\n    "))
			}
			tellNetworks(t, terminal.Green, "+", g.Added)
			tellNetworks(t, terminal.Red, "-", g.Removed)
		}
	}
}

// WarnTarget warns of the problems in the file of a target.
func WarnTarget(t *terminal.Terminal, p *plan.Plan) {
	for _, problem := range p.Problems {
		t.About(slog.String("target", p.Path), slog.Int("line", problem.Line), slog.String("kind", problem.Kind)).
			Warn("%s: %s", terminal.Place(p.Path, problem.Line), problem.Text)
	}
}

// TargetLine says how many entries a target has, and whether it would change or, with
// done, has changed.
func TargetLine(p *plan.Plan, done bool) string {
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
	if p.Exists && p.TextChanged() && len(p.Difference()) == 0 && !slices.ContainsFunc(p.Problems, plan.Problem.Unread) {
		line += ", in its comments alone"
	}
	if p.MapType != "" {
		line += ", map " + p.MapType
		switch {
		case !p.Changed() || p.TextChanged():
		case done:
			line += " rebuilt: it did not match this text"
		default:
			line += " to be rebuilt: it does not match this text"
		}
	}
	return line
}

// Result writes the summary of a run for people. done: the plans were carried out.
func Result(t *terminal.Terminal, r *run.Result, done bool) {
	List(t, r.List)
	Targets(t, r, done)
}

// Targets writes the part of the summary that is about the targets.
func Targets(t *terminal.Terminal, r *run.Result, done bool) {
	plans(t, r, done)
	report(t, r.Report)
}

// Failed reports a run that ended with err, as far as it came, and returns err, or the error of writing the document.
func Failed(t *terminal.Terminal, r *run.Result, err error) error {
	if r.Report.Installed {
		Result(t, r, true)
	} else {
		if r.List != nil {
			List(t, r.List)
		}
		report(t, r.Report)
	}
	return cmp.Or(r.Document(t, err), err)
}

func report(t *terminal.Terminal, done install.Report) {
	for _, w := range done.Warnings {
		t.Warn("%s", w)
	}
	for _, c := range done.Commands {
		t.About(slog.String("command", strings.Join(c.Argv, " "))).Note("ran %q", c.Argv)
		if c.Output != "" {
			t.Detail("%s", c.Output)
		}
	}
}
